#!/bin/bash
# All processes of a run killed at once: what the kernel holds goes by itself, the rest waits for
# the next squall command, which also finishes the run's record.
. "$(dirname "$0")/lib.sh"

case_pause() {
	spawn sleep 300
	referee_before
	start attack proc.pause --target "process.pid=$PID" --for 60s
	check "stopped" wait_for 5 is_stopped "$PID"
	kill_all
	check "still stopped: nobody is left" is_stopped "$PID"
	run undo --list
	has "undo --list names it" "$OUT" "$PID"
	check "and changes nothing" is_stopped "$PID"
	run undo
	exits "undo puts it back" 0
	check "it runs" is_running "$PID"
	referee_after
	is "the run is recorded as lost" "$(report_field .outcome)" lost
	is "and clean" "$(report_field .cleanup)" clean
	run undo
	exits "a second undo finds nothing to do" 0
}
case_next_command_undoes() {
	local victim
	spawn sleep 300
	victim=$PID
	referee_before
	start attack proc.pause --target "process.pid=$victim" --for 60s
	check "stopped" wait_for 5 is_stopped "$victim"
	kill_all
	spawn sleep 301
	run attack proc.pause --target "process.pid=$PID" --for 200ms
	exits "the next attack runs" 0
	check "and put back what the lost one left" is_running "$victim"
	kill -KILL "$PID"
	referee_after
}
case_quota() {
	need cgroup-cpu || return
	cgroup victim
	referee_before
	start attack cpu.quota --quota 30% --target "cgroup=/$SQ_ID/victim" --for 60s
	check "limited" wait_for 5 is_limited
	kill_all
	check "still limited" is_limited
	run undo
	exits "undo puts it back" 0
	referee_after
}
case_cut() {
	need nft && need veth || return
	netns_pair
	is_cut() { inside "$B" nft list tables | grep -q squall; }
	referee_before
	start attack net.cut --target "netns=$B" --for 60s
	check "cut" wait_for 8 is_cut
	kill_all
	check "gone with its holder within a second" wait_for 1 eval '! is_cut'
	run undo
	exits "nothing is left for undo" 0
	referee_after
}
case_runner_killed() {
	spawn sleep 300
	referee_before
	start attack proc.pause --target "process.pid=$PID" --for 60s
	check "stopped" wait_for 5 is_stopped "$PID"
	kill -KILL "$RUNNER"
	check "runs within a second, with no command given" wait_for 1 is_running "$PID"
	finish
	referee_after "residue 0" 1
	run undo
	is "the next command that may act finds the run lost" "$(report_field .outcome)" lost
}
case_keeper_killed() {
	spawn sleep 300
	referee_before
	start attack proc.pause --target "process.pid=$PID" --for 60s
	check "stopped" wait_for 5 is_stopped "$PID"
	kill -KILL "$(keeper_pid)"
	check "runs within a second" wait_for 1 is_running "$PID"
	finish
	exits "the loss of the keeper is a failure of squall's own" 8
	referee_after
}
run_cases
