#!/bin/bash
# mem.fill: a helper holds memory, measured from outside: the kernel's count of its resident and
# locked pages (/proc/PID/status), and what its cgroup is charged with.
. "$(dirname "$0")/lib.sh"

holder() { ours squall-helper | head -n1; }
kib() { awk -v word="$2:" '$1 == word { print $2 }' "/proc/$1/status" 2>/dev/null; }
holds() { # KIB: resident by now
	local pid rss
	pid=$(holder)
	rss=$([ -n "$pid" ] && kib "$pid" VmRSS)
	[ "${rss:-0}" -ge "$1" ]
}
ticks() { echo $(($(stat_field "$1" 14) + $(stat_field "$1" 15))); }
# memgroup NAME BYTES: $MEMGROUP with that limit
memgroup() {
	cgroup "$1"
	if [ -e "$MEMGROUP/memory.max" ]; then
		echo "$2" >"$MEMGROUP/memory.max"
		echo 0 >"$MEMGROUP/memory.swap.max"
	else
		echo "$2" >"$MEMGROUP/memory.limit_in_bytes"
	fi 2>/dev/null
}
charged() { cat "$MEMGROUP/memory.current" "$MEMGROUP/memory.usage_in_bytes" 2>/dev/null; }
is_charged() { [ "$(charged)" -ge "$1" ]; }
in_memgroup() { spawn sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$MEMGROUP" "$@"; }

case_bytes() {
	local t0
	referee_before
	start attack mem.fill 64MiB --target host --for 15s
	check "the memory is resident" wait_for 20 holds 65536
	between "so much, not more" "$(kib "$(holder)" VmRSS)" 65536 75000
	check "it is locked" [ "$(kib "$(holder)" VmLck)" -ge 65536 ]
	t0=$(ticks "$(holder)")
	wait_for 1 false
	between "holding it takes no CPU (ticks in a second)" $(($(ticks "$(holder)") - t0)) 0 2
	finish
	exits "ended as asked" 0
	has "the dose says so" "$OUT" 'asked 64MiB of memory, achieved 64MiB within'
	referee_after
}
available() { awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo; }
# On the machine itself, and little of it; others there take and give meanwhile.
case_leave_on_the_host() {
	# far above what other tests need and free meanwhile
	local leave=$(($(available) - 1048576))
	referee_before
	start attack mem.fill --leave "${leave}KiB" --target host --for 5s
	check "it takes what is above" wait_for 4 holds 32768
	check "the rest is there" wait_for 4 eval '[ "$(available)" -ge $((leave - 65536)) ]'
	finish
	exits "ended as asked" 0
	has "the dose says so" "$OUT" 'asked all memory but [0-9.]+GiB, achieved [0-9.]+[MG]iB'
	referee_after
}
case_share_of_the_host() {
	local before want
	referee_before
	before=$(available)
	want=$((before / 250))
	start attack mem.fill --share 0.4% --target host --for 6s
	check "the memory is resident" wait_for 5 holds $((want * 4 / 5))
	between "that share of what was available, in KiB" "$(kib "$(holder)" VmRSS)" $((want * 4 / 5)) $((want * 6 / 5 + 8192))
	finish
	exits "ended as asked" 0
	has "the dose says so" "$OUT" 'asked 0.4% of the memory that is free, [0-9.]+MiB, achieved [0-9.]+MiB within'
	referee_after
}
oom() { cat "/proc/$1/oom_score_adj"; }
# When memory runs out the helper goes first and the keeper last, as far as the kernel allows.
case_order_of_the_oom_killer() {
	local own least
	own=$(oom $$)
	least=$( (echo -1000 >"/proc/$BASHPID/oom_score_adj") 2>/dev/null && echo -1000 || echo "$own")
	[ "$least" = -1000 ] || note "the keeper cannot be spared here: that needs CAP_SYS_RESOURCE"
	referee_before
	start attack mem.fill 8MiB --target host --for 8s
	check "the memory is resident" wait_for 3 holds 8192
	is "the helper first" "$(oom "$(holder)")" 1000
	is "the runner as who called it" "$(oom "$RUNNER")" "$own"
	is "the keeper last" "$(oom "$(keeper_pid)")" "$least"
	finish
	exits "ended as asked" 0
	referee_after
}
case_below_the_floor() {
	referee_before
	run attack mem.fill 1000TiB --target host --for 1s
	exits "refused before any harm" 4
	has "it says what must stay" "$OUT$ERR" 'must stay'
	run attack mem.fill --target host --for 1s
	exits "an amount is needed" 2
	run attack mem.fill 1MiB --share 5% --target host --for 1s
	exits "one amount, not two" 2
	referee_after
}
case_leave_in_a_cgroup() {
	need cgroup-memory || return
	memgroup victim 134217728
	in_memgroup sleep 3000
	referee_before
	start attack mem.fill --leave 32MiB --target "cgroup=/$SQ_ID/victim" --for 60s
	check "the group is charged with it" wait_for 20 is_charged 96000000
	between "all but the rest" "$(charged)" 94000000 102000000
	# Somebody in the group wants some of the rest: it is given back.
	in_memgroup python3 -c 'import time; x = bytearray(20 << 20); time.sleep(60)'
	check "it gives back what others need" wait_for 5 eval '[ "$(kib "$(holder)" VmRSS)" -lt 82000 ]'
	kill -KILL "$PID"
	kill -INT "$RUNNER"
	finish
	exits "ended when told" 6
	check "and all of it is back" wait_for 2 eval '[ "$(charged)" -lt 20000000 ]'
	referee_after
}
case_killed_for_want_of_memory() {
	need cgroup-memory || return
	memgroup victim 67108864
	referee_before
	run attack mem.fill 256MiB --floor 0% --target "cgroup=/$SQ_ID/victim" --for 3s
	exits "a dose, not an error" 0
	has "it says how far it came" "$OUT" 'asked 256MiB of memory, achieved [0-9.]+MiB.*ended by the OOM killer'
	referee_after
}
case_group_is_a_process_own() {
	need cgroup-memory || return
	memgroup victim 67108864
	in_memgroup sleep 3000
	referee_before
	start attack mem.fill --share 50% --target "process.pid=$PID" --for 6s
	check "its group is charged" wait_for 20 is_charged 25000000
	finish
	exits "ended as asked" 0
	referee_after
}
case_all_killed() {
	referee_before
	start attack mem.fill 64MiB --target host --for 60s
	check "the memory is resident" wait_for 20 holds 65536
	kill -KILL "$RUNNER" "$(keeper_pid)"
	check "the kernel frees it" wait_for 1 eval '[ -z "$(ours squall-helper)" ]'
	run undo
	exits "undo finds nothing left" 0
	finish
	referee_after
}
case_keeper_killed() {
	referee_before
	start attack mem.fill 64MiB --target host --for 60s
	check "the memory is resident" wait_for 20 holds 65536
	kill -KILL "$(keeper_pid)"
	finish
	exits "the runner puts back, and says that something of its own failed" 8
	referee_after
}
run_cases
