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
# A process that the kernel holds on to, as one that waits for a disk: killed, it is not gone.
FREEZER=$(awk '$3 == "cgroup" && $4 ~ /(^|,)freezer(,|$)/ { print $2; exit }' /proc/mounts)
freeze() { # PID
	mkdir -p "$FREEZER/$SQ_ID" && echo "$1" >"$FREEZER/$SQ_ID/cgroup.procs" && echo FROZEN >"$FREEZER/$SQ_ID/freezer.state" &&
		wait_for 2 grep -qx FROZEN "$FREEZER/$SQ_ID/freezer.state"
}
thaw() {
	echo THAWED >"$FREEZER/$SQ_ID/freezer.state"
	wait_for 5 rmdir "$FREEZER/$SQ_ID"
}
need_freezer() { [ -w "${FREEZER:-/none}/tasks" ] || { skip "no freezer of version 1"; return 1; }; }
case_keeper_stuck() {
	local keeper
	need_freezer || return
	spawn sleep 300
	referee_before
	start attack proc.pause --target "process.pid=$PID" --for 60s
	check "stopped" wait_for 5 is_stopped "$PID"
	keeper=$(pgrep -P "$RUNNER" -x squall-keeper)
	check "the keeper is stuck" freeze "$keeper"
	kill -INT "$RUNNER"
	finish
	exits "aborted by a signal" 6
	check "put back all the same" is_running "$PID"
	check_not "while it is still there" is_gone "$keeper"
	is "and said to be" "$(report_field .cleanup)" clean
	thaw
	referee_after
}
stuck_while_applying() {
	referee_before
	start attack custom flag --apply "sh -c 'touch $TREE/flag; sleep 67'" --undo "rm -f $TREE/flag" --target host --for 60s
	check "apply has begun" wait_for 5 test -e "$TREE/flag"
	check "the keeper is stuck" freeze "$(pgrep -P "$RUNNER" -x squall-keeper)"
	kill -INT "$RUNNER"
	check "that is said" wait_for 8 grep -q 'still in the kernel' "$DIR/out.$RUNNER"
}
case_keeper_stuck_while_changing() {
	need_freezer || return
	stuck_while_applying
	check "nothing is done behind its back" test -e "$TREE/flag"
	thaw
	finish
	exits "aborted by a signal" 6
	is "and all is back" "$(report_field .cleanup)" clean
	check_not "at the end" test -e "$TREE/flag"
	referee_after "residue 0" 2
}
case_keeper_stuck_for_long() {
	need_freezer || return
	stuck_while_applying
	finish 30
	exits "a failure of squall's own" 8
	is "what is in is not known" "$(report_field .cleanup)" unknown
	thaw
	run undo
	exits "undo ends it" 0
	referee_after "residue 0" 2
}
helper_find() { HELPER=$(pgrep -P "$(pgrep -P "$RUNNER" -x squall-keeper)" -x squall-helper); }
# What a helper holds may take its time to go: no reason to end the keeper.
case_helper_slow_to_go() {
	need_freezer || return
	referee_before
	start attack mem.fill 16MiB --target host --allow host-wide --for 60s
	wait_for 5 helper_find
	check "the helper is stuck" freeze "$HELPER"
	kill -INT "$RUNNER"
	wait_for 1.5 false
	thaw
	finish
	exits "aborted by a signal" 6
	check_not "the keeper was left to wait for it" grep -q 'did not answer' "$DIR/out.$RUNNER"
	referee_after
}
case_helper_slow_to_go_in_undo() {
	need_freezer || return
	referee_before
	start attack mem.fill --share 30% --target host --allow host-wide --for 60s
	wait_for 5 helper_find
	check "the helper is stuck" freeze "$HELPER"
	kill -KILL "$(pgrep -P "$RUNNER" -x squall-keeper)"
	wait_for 2.3 false
	thaw
	finish
	exits "the loss of the keeper is a failure of squall's own" 8
	is "but all is back" "$(report_field .cleanup)" clean
	referee_after
}
run_cases
