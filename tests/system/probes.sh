#!/bin/bash
# Probes on what a real kernel counts: a group with limits that it hits, on whichever version of cgroups
# is here.
. "$(dirname "$0")/lib.sh"

field() { jq -r "$1" <<<"$OUT"; }

case_cgroup() {
	local version=hybrid before
	seconds() { awk -v n="$(cpu_ticks "$PID")" -v hz="$(getconf CLK_TCK)" -v add="$1" 'BEGIN { print n / hz + add }'; }
	need cgroup-cpu || return
	need cgroup-memory || return
	need jq || return
	cgroup victim
	[ "$CGCPU" != "$CG2" ] || version=2
	if [ -e "$CPUGROUP/cpu.max" ]; then echo "20000 100000" >"$CPUGROUP/cpu.max"; else echo 20000 >"$CPUGROUP/cpu.cfs_quota_us"; fi
	if [ -e "$MEMGROUP/memory.max" ]; then echo 16777216 >"$MEMGROUP/memory.max"; else echo 16777216 >"$MEMGROUP/memory.limit_in_bytes"; fi
	referee_before
	run probe cgroup "/$SQ_ID/victim" --json
	exits "a group with nobody in it" 0
	is "is there" "$(field '"\(.exists) \(.version) \(.processes)"')" "true $version 0"
	is "and has its limits" "$(field '"\(."cpu-limit") \(."memory-limit")"')" "0.2 16777216"
	spawn in_cgroup victim sh -c 'while :; do :; done'
	check "a busy one" wait_for 5 eval '[ "$(cpu_ticks "$PID")" -gt 10 ]'
	before=$(seconds -0.2)
	run probe cgroup "/$SQ_ID/victim" --over 1s --json
	is "its processes" "$(field .processes)" 1
	between "the quota stopped it in most periods" "$(field '."throttled-share"')" 0.5 1
	if [ "$version" = 2 ]; then # what version 1 counts elsewhere
		between "its use is its quota" "$(field .cpu)" 0.12 0.28
		between "all that it used, as its process tells" "$(field '."cpu-seconds"')" "$before" "$(seconds 0.2)"
	fi
	run probe cgroup --pid "$PID" --json
	is "found by its process" "$(field .path)" "/$SQ_ID/victim"
	kill -KILL "$PID"
	wait_for 5 is_gone "$PID"
	in_memory python3 -c 'x = bytearray(32 << 20)'
	run probe cgroup "/$SQ_ID/victim" --json
	is "one was killed for want of memory" "$(field '."oom-kills"')" 1
	check "and the limit was hit" test "$(field '."memory-limit-hits"')" -gt 0
	run probe cgroup "/$SQ_ID/none" --json
	is "a group that is not there is an answer" "$(field .exists)" false
	referee_after
}
in_memory() { sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$MEMGROUP" "$@"; }
run_cases
