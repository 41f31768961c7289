#!/bin/bash
# Two runs on one object: combined or refused by name; they may end in any order, and what was there
# before the first one comes back.
. "$(dirname "$0")/lib.sh"

quota() { cat "$CPUGROUP/cpu.cfs_quota_us" 2>/dev/null || cut -d' ' -f1 "$CPUGROUP/cpu.max"; }
is_quota() { [ "$(quota)" = "$1" ]; }

# two_quotas FIRST-TO-END: 40% and 20% on one group
two_quotas() {
	local a b base=80000
	cgroup victim
	if [ -e "$CPUGROUP/cpu.max" ]; then echo $base >"$CPUGROUP/cpu.max"; else echo $base >"$CPUGROUP/cpu.cfs_quota_us"; fi
	referee_before
	start attack cpu.quota --quota 40% --target "cgroup=/$SQ_ID/victim" --for 60s
	a=$RUNNER
	check "the first sets 40%" wait_for 5 is_quota 40000
	start attack cpu.quota --quota 20% --target "cgroup=/$SQ_ID/victim" --for 60s
	b=$RUNNER
	check "the second, stricter, prevails" wait_for 5 is_quota 20000
	if [ "$1" = first ]; then
		kill -INT "$a"
		RUNNER=$a finish
		exits "the first ends clean" 6
		is "the second one's value stands" "$(quota)" 20000
		kill -INT "$b"
		RUNNER=$b finish
	else
		kill -INT "$b"
		RUNNER=$b finish
		exits "the second ends clean" 6
		is "the first one's value is back" "$(quota)" 40000
		kill -INT "$a"
		RUNNER=$a finish
	fi
	exits "the last ends clean" 6
	is "the base is back" "$(quota)" $base
	referee_after
}
case_two_quotas_first_ends_first() { need cgroup-cpu && two_quotas first; }
case_two_quotas_last_ends_first() { need cgroup-cpu && two_quotas last; }

case_two_quotas_one_killed() {
	need cgroup-cpu || return
	cgroup victim
	referee_before
	start attack cpu.quota --quota 40% --target "cgroup=/$SQ_ID/victim" --for 60s
	local a=$RUNNER keeper
	check "the first sets 40%" wait_for 5 is_quota 40000
	keeper=$(keeper_pid)
	start attack cpu.quota --quota 20% --target "cgroup=/$SQ_ID/victim" --for 60s
	local b=$RUNNER
	check "the second sets 20%" wait_for 5 is_quota 20000
	kill -KILL "$a" "$keeper"
	RUNNER=$a finish
	run undo
	is "undo of the dead run leaves the living one's value" "$(quota)" 20000
	kill -INT "$b"
	RUNNER=$b finish
	exits "the living one ends clean" 6
	referee_after
}
case_two_cuts() {
	need nft && need veth || return
	netns_pair
	is_cut() { [ "$(inside "$B" nft list tables | grep -c 'inet squall')" = "$1" ]; }
	referee_before
	start attack net.cut --port 7000 --target "netns=$B" --for 60s
	local a=$RUNNER
	check "the first cuts" wait_for 8 is_cut 1
	start attack net.cut --port 7001 --target "netns=$B" --for 60s
	local b=$RUNNER
	check "so does the second" wait_for 8 is_cut 2
	kill -INT "$a"
	RUNNER=$a finish
	check "the second one's table stands" is_cut 1
	kill -INT "$b"
	RUNNER=$b finish
	referee_after
}
case_two_files() {
	echo one >"$TREE/config"
	referee_before
	start attack file.replace --path "$TREE/config" --content two --target host --for 60s
	local a=$RUNNER
	check "the first replaces it" wait_for 5 grep -q two "$TREE/config"
	run attack file.replace --path "$TREE/config" --content three --target host --for 1s
	exits "a second claim is refused" 4
	has "by the first one's name" "$OUT$ERR" "$(ls "$SQUALL_DIR/state/runs" | head -n1)"
	is "the first one's content stands" "$(cat "$TREE/config")" two
	kill -INT "$a"
	RUNNER=$a finish
	is "the base is back" "$(cat "$TREE/config")" one
	referee_after
}
# Claims lie below SQUALL_DIR: a run that has another one is not blind to this one all the same.
case_two_folders() {
	spawn sleep 300
	referee_before
	start attack proc.pause --target "process.pid=$PID" --for 60s
	check "the first stops it" wait_for 5 is_stopped "$PID"
	SQUALL_DIR=$DIR/other run attack proc.pause --target "process.pid=$PID" --for 300ms
	exits "a run with another folder is refused" 4
	has "and told why" "$ERR" "a run of yours in another folder"
	check "it stays stopped" is_stopped "$PID"
	kill -INT "$RUNNER"
	finish
	check "and runs when the first has ended" is_running "$PID"
	SQUALL_DIR=$DIR/other run attack proc.pause --target "process.pid=$PID" --for 300ms
	exits "then the other folder is free to" 0
	referee_after
}
case_two_pauses() {
	spawn sleep 300
	referee_before
	start attack proc.pause --target "process.pid=$PID" --for 60s
	local a=$RUNNER
	check "the first stops it" wait_for 5 is_stopped "$PID"
	start attack proc.pause --target "process.pid=$PID" --for 700ms
	finish
	check "it stays stopped when the second has ended" is_stopped "$PID"
	kill -INT "$a"
	RUNNER=$a finish
	check "and runs when the first has" is_running "$PID"
	referee_after
}
run_cases
