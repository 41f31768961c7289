#!/bin/bash
# Where systemd is process 1, a run has it run `squall undo` after the deadline, should all of squall
# be killed. Here a fake one: a bus of the test's own, and the folder by which systemd is known, in
# the test's own mount namespace.
. "$(dirname "$0")/lib.sh"

FAKE=$BUILD/tests/unit/io/fake-systemd

# Process 1 is systemd, as far as can be seen; its bus is in $DIR/bus and writes to $DIR/asked.
systemd() { # [refuses | silent]
	mount -t tmpfs none /run && mkdir -p /run/systemd/system
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$DIR/bus
	[ "${1:-}" = absent ] && return
	spawn "$FAKE" "$DIR/bus" "$DIR/asked" "$@"
	FAKE_PID=$PID
	wait_for 5 test -S "$DIR/bus"
}
no_systemd() {
	[ -z "${FAKE_PID:-}" ] || kill "$FAKE_PID"
	unset DBUS_SYSTEM_BUS_ADDRESS
	umount /run
}
needs_fake() { [ -x "$FAKE" ] || lacks libsystemd "squall was built without it"; }
event() { squall report last --format json | jq -r --arg t "$1" '.events[] | select(.type == $t) | .text // .what'; }
squall() { "$SQUALL" "$@"; }

case_armed_and_taken_back() {
	needs_fake && need tmpfs || return
	local id asked
	spawn sleep 300
	systemd
	referee_before
	run attack proc.pause --target "process.pid=$PID" --for 300ms
	exits "ended as asked" 0
	id=$(sed -n 's/^run //p' <<<"$OUT")
	asked=$(cat "$DIR/asked")
	has "a timer was asked for" "$asked" "^start squall-undo-$id\.timer OnActiveUSec=[0-9]+ squall-undo-$id\.service "
	has "that runs this program" "$asked" " exec=$SQUALL $SQUALL undo"
	has "where this run wrote" "$asked" " SQUALL_DIR=$SQUALL_DIR "
	# 300 ms, 30 s for the rest, and 5 s of grace
	between "after the deadline" "$(sed -n 's/.*OnActiveUSec=\([0-9]*\) .*/\1/p' <<<"$asked")" 5300000 60000000
	is "and taken back when all was clean" "$(tail -n 1 <<<"$asked")" "stop squall-undo-$id.timer"
	has "the record says so" "$(event note)" 'systemd runs "squall undo"'
	referee_after
	no_systemd
}
case_all_killed() {
	needs_fake && need tmpfs || return
	local victim
	spawn sleep 300
	victim=$PID
	systemd
	start attack proc.pause --target "process.pid=$victim" --for 60s
	check "stopped" wait_for 5 is_stopped "$victim"
	kill_all
	check "still stopped" is_stopped "$victim"
	check_not "the timer stays" grep -q ^stop "$DIR/asked"
	# what systemd would run, as it was told
	# shellcheck disable=SC2046  # words
	env -i "SQUALL_DIR=$SQUALL_DIR" $(sed -n 's/^start .* exec=[^ ]* \([^ ]*\) undo$/\1 undo/p' "$DIR/asked") >"$DIR/out" 2>&1
	is "what it runs succeeds" $? 0
	check "runs again" is_running "$victim"
	no_systemd
}
case_refused() {
	needs_fake && need tmpfs || return
	spawn sleep 300
	systemd refuses
	referee_before
	run attack proc.pause --target "process.pid=$PID" --for 300ms
	exits "the run goes on" 0
	has "and says that it was not armed" "$(event error)" "could not start a timer of systemd: the test says no"
	referee_after
	no_systemd
}
case_systemd_hangs() {
	needs_fake && need tmpfs || return
	local from
	spawn sleep 300
	systemd silent
	from=$(now_ms)
	run attack proc.pause --target "process.pid=$PID" --for 300ms
	exits "the run goes on" 0
	between "and has not waited long" $(($(now_ms) - from)) 300 8000
	has "and says why" "$(event error)" "could not reach the bus of systemd"
	no_systemd
}
case_said_before() {
	needs_fake && need tmpfs || return
	spawn sleep 300
	printf 'squall: 1\ntitle: x\nmethod:\n  - {fault: proc.pause, target: {process: {pid: %s}}, for: 1s}\n' "$PID" >"$DIR/x.yaml"
	run check "$DIR/x.yaml"
	has "no systemd, no timer" "$OUT" "late-undo +no +process 1 is not systemd"
	systemd
	run check "$DIR/x.yaml"
	has "armed where it is" "$OUT" "late-undo +yes"
	kill "$FAKE_PID"
	FAKE_PID=
	run check "$DIR/x.yaml"
	has "not where it does not answer" "$OUT" "late-undo +no +could not reach the bus of systemd"
	no_systemd
}
case_without_systemd() {
	spawn sleep 300
	referee_before
	run attack proc.pause --target "process.pid=$PID" --for 300ms
	exits "nothing is missed" 0
	is "and nothing is said" "$(grep -E "systemd|timer" <<<"$OUT$ERR$(event note)" | grep -v ^folder)" ""
	referee_after
}
run_cases
