#!/bin/bash
# proc.pause: a process stands still, and goes on afterwards, however the run ends.
. "$(dirname "$0")/lib.sh"

spinner() { spawn sh -c 'while :; do :; done'; }

case_paused_and_continued() {
	local before after
	spinner
	referee_before
	start attack proc.pause --target "process.pid=$PID" --for 3s
	check "stopped" wait_for 5 is_stopped "$PID"
	before=$(cpu_ticks "$PID")
	check_not "stays stopped" wait_for 0.8 is_running "$PID"
	after=$(cpu_ticks "$PID")
	is "used no CPU meanwhile" "$after" "$before"
	finish
	exits "ended as asked" 0
	check "runs again" is_running "$PID"
	check "uses CPU again" wait_for 3 eval "[ \$(cpu_ticks $PID) -gt $after ]"
	referee_after
}
case_was_stopped_before() {
	spawn sleep 300
	kill -STOP "$PID"
	check "stopped by somebody else" wait_for 2 is_stopped "$PID"
	referee_before
	run attack proc.pause --target "process.pid=$PID" --for 300ms
	exits "no effect is said" 7
	has "in words" "$OUT$ERR" 'no.effect'
	check "and it was not continued" is_stopped "$PID"
	referee_after
}
case_was_stopped_before_and_is_continued() {
	spawn sleep 300
	kill -STOP "$PID"
	check "stopped by somebody else" wait_for 2 is_stopped "$PID"
	start attack proc.pause --target "process.pid=$PID" --for 1500ms
	check "the attack is in" wait_for 5 eval 'grep -q "is in effect\|attack-in\|in effect" "$DIR/out.$RUNNER"'
	kill -CONT "$PID"
	finish
	exits "squall changed nothing: no effect, and no residue" 7
	check "it runs" is_running "$PID"
}
# A group whose processes come and go while it is stopped: those that stay are.
case_short_lived_beside() {
	local id rest good=0
	id=$(printf %064d 4711)
	cgroup "docker-$id.scope"
	spawn in_cgroup "docker-$id.scope" sleep 300
	rest=$PID
	for _ in 1 2 3; do spawn in_cgroup "docker-$id.scope" bash -c 'while :; do /bin/true; done'; done
	for _ in 1 2 3 4 5 6 7 8; do
		start attack proc.pause --target "container.id=$id" --for 300ms
		wait_for 4 is_stopped "$rest" && good=$((good + 1))
		finish
		[ "$STATUS" = 0 ] || note "$STATUS $OUT $ERR"
	done
	is "stopped each time" "$good" 8
	check "and goes on" is_running "$rest"
}
case_continued_by_somebody_else() {
	spawn sleep 300
	referee_before
	start attack proc.pause --target "process.pid=$PID" --for 3s
	check "stopped" wait_for 5 is_stopped "$PID"
	kill -CONT "$PID"
	finish
	check "runs" is_running "$PID"
	referee_after
}
case_victim_dies() {
	spawn sleep 300
	local victim=$PID
	referee_before
	start attack proc.pause --target "process.pid=$victim" --for 3s
	check "stopped" wait_for 5 is_stopped "$victim"
	kill -KILL "$victim"
	finish
	check_not "gone with its object is no residue" test "$STATUS" = 5
	forget "^$victim@"
	referee_after
}
case_many() {
	local victims=() pid
	for _ in 1 2 3 4 5; do
		spawn sleep 12345
		victims+=("$PID")
	done
	all() {
		for pid in "${victims[@]}"; do "$1" "$pid" || return 1; done
	}
	referee_before
	start attack proc.pause --target "process.cmdline=sleep 12345" --pick all --for 1s
	check "all five stopped" wait_for 5 all is_stopped
	finish
	exits "ended as asked" 0
	check "all five run" all is_running
	referee_after
}
case_interrupted() {
	spawn sleep 300
	referee_before
	start attack proc.pause --target "process.pid=$PID" --for 60s
	check "stopped" wait_for 5 is_stopped "$PID"
	kill -INT "$RUNNER"
	check "runs within a second" wait_for 1 is_running "$PID"
	finish
	exits "aborted by a signal" 6
	referee_after
}
run_cases
