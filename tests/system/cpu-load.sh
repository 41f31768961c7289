#!/bin/bash
# cpu.load: a helper burns its share, measured from outside by the scheduler's own count of its
# threads (proc_pid_schedstat) and by /proc/stat.
# Runs alone: it measures what the machine gives.
. "$(dirname "$0")/lib.sh"

burner() { ours squall-helper | head -n1; }
is_burning() { # threads beside the first
	local pid
	pid=$(burner) && [ -n "$pid" ] && [ "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)" -gt "${1:-1}" ]
}
# CPU time of all of its threads, and the wait for a CPU, in nanoseconds.
burnt() { awk '{ burnt += $1; waited += $2 } END { printf "%.0f %.0f\n", burnt, waited }' "/proc/$1"/task/*/schedstat; }
# measure PID SECONDS: sets $SHARE, percent of one CPU, and $WAITED, percent of the time
measure() {
	local t0 t1 b0 b1 w0 w1
	read -r b0 w0 <<<"$(burnt "$1")"
	t0=${EPOCHREALTIME/./}
	wait_for "$2" false
	read -r b1 w1 <<<"$(burnt "$1")"
	t1=${EPOCHREALTIME/./}
	SHARE=$(awk -v n="$((b1 - b0))" -v t="$((t1 - t0))" 'BEGIN { printf "%.2f", n / t / 10 }')
	WAITED=$(awk -v n="$((w1 - w0))" -v t="$((t1 - t0))" 'BEGIN { printf "%.2f", n / t / 10 }')
}
# Not idle, in percent of the time: CPU 0 between two calls.
busy_ticks() { awk '$1 == "cpu0" { print $2 + $3 + $4 + $7 + $8 + $9, $5 + $6 }' /proc/stat; }
spin() { spawn taskset -c 0 sh -c 'while :; do :; done'; }
stop() { # Ctrl-C, once enough was seen
	kill -INT "$RUNNER"
	finish 10
	exits "Ctrl-C ends it" 6
}

case_own_share() {
	need realtime || return
	referee_before
	start attack cpu.load 40% --target host --for 60s
	check "a helper burns" wait_for 5 is_burning
	measure "$(burner)" 2
	between "its share, beside all else that runs here (it waited $WAITED%)" "$SHARE" 37 43
	stop
	has "the dose says so" "$OUT" 'achieved (39|40|41)\.'
	referee_after
}
case_against_busy_loops() {
	need realtime || return
	spin
	spin
	referee_before
	start attack cpu.load 40% --cpu-list 0 --target host --for 60s
	check "a helper burns" wait_for 5 is_burning
	measure "$(burner)" 2
	between "its share against two loops on the same CPU" "$SHARE" 35 43
	stop
	referee_after
}
case_without_priority() {
	need setpriv || return
	spin
	spin
	referee_before
	"$SQUALL" version >/dev/null # makes the folders as root
	(exec setpriv --bounding-set=-sys_nice --inh-caps=-sys_nice "$SQUALL" attack cpu.load 90% --cpu-list 0 \
		--target host --for 3s >"$DIR/out.$BASHPID" 2>"$DIR/err.$BASHPID" </dev/null) &
	RUNNER=$!
	finish
	exits "less than was asked is a dose" 0
	has "it says what was reached, and why" "$OUT" 'asked 90% of CPU 0, achieved [0-9.]+%: others had the CPU for .* no better priority was allowed'
	referee_after
}
case_full_load_leaves_the_machine_alive() {
	referee_before
	start attack cpu.load 100% --cpus all --target host --for 60s
	check "a helper burns on each CPU" wait_for 5 is_burning "$(nproc)"
	stop
	referee_after
}
case_total_use() {
	local b0 i0 b1 i1
	referee_before
	start attack cpu.load 90% --mode total --cpu-list 0 --target host --for 60s
	check "a helper burns" wait_for 5 is_burning
	wait_for 1.5 false
	read -r b0 i0 <<<"$(busy_ticks)"
	wait_for 2 false
	read -r b1 i1 <<<"$(busy_ticks)"
	between "the CPU is in use so much, others counted in" \
		"$(awk -v b="$((b1 - b0))" -v i="$((i1 - i0))" 'BEGIN { print b / (b + i) * 100 }')" 82 100
	stop
	referee_after
}
case_others_use_more_already() {
	spin
	referee_before
	run attack cpu.load 20% --mode total --cpu-list 0 --target host --for 3s
	exits "no effect" 7
	has "it says why" "$OUT" 'others use as much'
	referee_after
}
case_in_a_cgroup() {
	local before used
	need cgroup-cpu || return
	cgroup victim
	spawn in_cgroup victim sleep 3000
	if [ -e "$CPUGROUP/cpu.max" ]; then echo "20000 100000" >"$CPUGROUP/cpu.max"; else echo 20000 >"$CPUGROUP/cpu.cfs_quota_us"; fi
	group_used() {
		if [ -e "$CPUGROUP/cpu.stat" ] && grep -q usage_usec "$CPUGROUP/cpu.stat"; then
			awk '$1 == "usage_usec" { print $2 }' "$CPUGROUP/cpu.stat"
		else
			echo 0
		fi
	}
	referee_before
	before=$(group_used)
	start attack cpu.load 80% --target "cgroup=/$SQ_ID/victim" --for 60s
	check "a helper burns" wait_for 5 is_burning
	has "it is in the group" "$(cat "/proc/$(burner)/cgroup")" "cpu[^:]*:/$SQ_ID/victim|^0::/$SQ_ID/victim"
	has "without real-time priority, which would escape its limits" "$(chrt -a -p "$(burner)" | grep -c FIFO)" '^0$'
	measure "$(burner)" 2
	between "its limit holds for the helper as well" "$SHARE" 2 26
	used=$(($(group_used) - before))
	note "the group used $used us"
	stop
	referee_after
}
case_group_that_empties() {
	local victim
	need cgroup-cpu || return
	cgroup victim
	spawn in_cgroup victim sleep 3000
	victim=$PID
	referee_before
	start attack cpu.load 10% --target "cgroup=/$SQ_ID/victim" --for 60s
	check "a helper burns" wait_for 5 is_burning
	wait_for 1 false
	kill -KILL "$victim"
	check "the helper leaves a group that all others have left" wait_for 4 eval '[ -z "$(burner)" ]'
	check "so that it can be removed" rmdir "$CPUGROUP"
	mkdir "$CPUGROUP"
	kill -INT "$RUNNER"
	finish
	has "the dose says so" "$OUT" 'everybody else had left'
	forget "^$victim@"
	referee_after
}
case_helper_killed() {
	referee_before
	start attack cpu.load 10% --target host --for 3s
	check "a helper burns" wait_for 5 is_burning
	kill -KILL "$(burner)"
	finish
	exits "that is no residue" 0
	has "the dose says so" "$OUT" 'helper was ended early'
	referee_after
}
case_helper_stopped() {
	referee_before
	start attack cpu.load 10% --target host --for 2s
	check "a helper burns" wait_for 5 is_burning
	kill -STOP "$(burner)"
	finish
	exits "it ends all the same" 0
	referee_after
}
case_all_killed() {
	referee_before
	start attack cpu.load 100% --cpus all --target host --for 60s
	check "a helper burns" wait_for 5 is_burning
	kill -KILL "$RUNNER" "$(keeper_pid)"
	check "the kernel ends the helper" wait_for 1 eval '[ -z "$(ours squall-helper)" ]'
	run undo
	exits "undo finds nothing left" 0
	finish
	referee_after
}
run_cases
