#!/bin/bash
# proc.kill: a process is killed, and only with leave.
. "$(dirname "$0")/lib.sh"

case_needs_leave() {
	spawn sleep 300
	referee_before
	run attack proc.kill --target "process.pid=$PID"
	exits "refused without leave" 4
	has "the message says what to allow" "$OUT$ERR" 'irreversible'
	check_not "the victim lives" is_gone "$PID"
	referee_after "nothing was touched"
}
case_killed() {
	local victim bystander
	spawn sleep 300
	victim=$PID
	spawn sleep 301
	bystander=$PID
	referee_before
	run attack proc.kill --target "process.pid=$victim" --allow irreversible
	exits "killed" 0
	check "the victim is gone" is_gone "$victim"
	check_not "a bystander lives" is_gone "$bystander"
	forget "^$victim@"
	referee_after
}
case_plan_says_irreversible() {
	spawn sleep 300
	referee_before
	run attack proc.kill --target "process.pid=$PID" --dry-run
	exits "a dry run says that it would be refused" 4
	has "irreversible is marked" "$OUT" 'irreversible|never'
	check_not "the victim lives" is_gone "$PID"
	referee_after
}
case_another_signal() {
	spawn sleep 300
	local victim=$PID
	referee_before
	run attack proc.kill --signal TERM --target "process.pid=$victim" --allow irreversible
	exits "ended by SIGTERM" 0
	check "the victim is gone" is_gone "$victim"
	forget "^$victim@"
	referee_after
}
case_no_such_process() {
	referee_before
	run attack proc.kill --target process.name=sq-nobody --allow irreversible
	check_not "no match is an error" test "$STATUS" = 0
	has "which names the selector" "$OUT$ERR" 'sq-nobody'
	referee_after
}
case_never_itself() {
	referee_before
	run attack proc.kill --target process.name=squall --allow irreversible
	check_not "squall is never chosen by name" test "$STATUS" = 0
	run attack proc.kill --target process.pid=1 --allow irreversible --dry-run
	referee_after
}
# Two attacks on one process: the second ends nobody.
case_twice() {
	local victim
	spawn sleep 300
	victim=$PID
	cat >"$DIR/x.yaml" <<-EOF
		squall: 1
		title: twice
		allow: [irreversible]
		method:
		  - {fault: proc.kill, target: {process: {pid: $victim}}}
		  - {fault: proc.kill, target: {process: {pid: $victim}}}
	EOF
	run run "$DIR/x.yaml"
	exits "no effect is said" 7
	is "the first ended it" "$(report_field '.dose[0].achieved')" '1 ended'
	is "the second did not" "$(report_field '.dose[1].achieved')" '0 ended'
}
# One that handles the signal gets it twice, too.
case_signal_twice() {
	spawn bash -c "trap 'echo got >>$DIR/got' TERM; while :; do sleep 0.05; done"
	cat >"$DIR/x.yaml" <<-EOF
		squall: 1
		title: twice
		allow: [irreversible]
		method:
		  - {fault: proc.kill, with: {signal: TERM}, target: {process: {pid: $PID}}}
		  - {fault: proc.kill, with: {signal: TERM}, target: {process: {pid: $PID}}}
	EOF
	run run "$DIR/x.yaml"
	exits "it handled them" 7
	check "both" wait_for 2 eval '[ "$(wc -l <"$DIR/got")" = 2 ]'
}
run_cases
