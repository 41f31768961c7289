#!/bin/bash
# custom: commands bring a state about and take it back, whoever of squall is killed, stopped or in the
# middle of one of them.
. "$(dirname "$0")/lib.sh"

# A state is a file; its commands leave a line each in $DIR/log.
word() { printf 'sh -c "echo %s >>%s; %s"' "$1" "$DIR/log" "$2"; }
attack() { # WORDS… after the commands of the state "flag"
	start attack custom flag --apply "$(word apply "touch $TREE/flag")" \
		--undo "$(word undo "rm -f $TREE/flag")" --check "test -e $TREE/flag" --target host "$@"
}
in_effect() { [ -e "$TREE/flag" ]; }
times() { grep -c "^$1\$" "$DIR/log"; }
hands() { ours squall-helper; }
no_hands() { [ -z "$(hands)" ]; }

case_applied_and_undone() {
	referee_before
	attack --for 1s
	check "in effect" wait_for 5 in_effect
	finish
	exits "ended as asked" 0
	check_not "not in effect" in_effect
	is "applied once" "$(times apply)" 1
	is "undone once" "$(times undo)" 1
	is "the dose is what check says" "$(report_field '.dose[0].achieved')" "in effect, as check says"
	referee_after
}
case_was_in_effect_already() {
	touch "$TREE/flag"
	referee_before
	attack --for 300ms
	finish
	exits "no effect is said" 7
	check "and it was left alone" in_effect
	check_not "nothing was run" test -e "$DIR/log"
	referee_after
}
case_without_check() {
	referee_before
	start attack custom flag --apply "touch $TREE/flag" --undo "rm -f $TREE/flag" --target host --for 500ms
	check "in effect" wait_for 5 in_effect
	finish
	exits "ended as asked" 0
	has "the report says what is believed" "$(report_field '.dose[0].achieved')" 'there is no check'
	referee_after
}
case_runner_killed() {
	referee_before
	attack --for 60s
	check "in effect" wait_for 5 in_effect
	kill -KILL "$RUNNER"
	check "undone within a second, with no command given" wait_for 1 eval '! in_effect'
	finish
	check "and nobody is left" wait_for 2 no_hands
	run undo
	referee_after
}
case_keeper_killed() {
	referee_before
	attack --for 60s
	check "in effect" wait_for 5 in_effect
	kill -KILL "$(keeper_pid)"
	check "undone within a second" wait_for 1 eval '! in_effect'
	finish
	exits "the loss of the keeper is a failure of squall's own" 8
	referee_after
}
# The hand and the process that waits to become the undo command.
case_hand_killed() {
	referee_before
	attack --for 60s
	check "in effect" wait_for 5 in_effect
	# shellcheck disable=SC2046  # a list
	kill -KILL $(hands)
	check "undone within a second" wait_for 1 eval '! in_effect'
	kill -INT "$RUNNER"
	finish
	referee_after
}
case_all_killed() {
	referee_before
	attack --for 60s
	check "in effect" wait_for 5 in_effect
	kill_all
	check "still in effect: nobody is left" in_effect
	run undo --list
	has "undo --list names it" "$OUT" flag
	run undo
	exits "undo puts it back" 0
	check_not "not in effect" in_effect
	referee_after
	is "the run is clean" "$(report_field .cleanup)" clean
}
# Commands too long for a slot of the log are kept in the stash.
case_all_killed_long_commands() {
	local long
	long=$(head -c 3000 /dev/zero | tr '\0' x)
	referee_before
	start attack custom flag --apply "sh -c 'touch $TREE/flag # $long'" \
		--undo "sh -c 'rm -f $TREE/flag # $long'" --target host --for 60s
	check "in effect" wait_for 5 in_effect
	kill_all
	find "$SQUALL_DIR/state/runs" -path '*/stash/*' -type f -printf '%m\n' >"$DIR/modes"
	is "the stash is its owner's alone" "$(sort -u "$DIR/modes")" 600
	run undo
	exits "undo puts it back" 0
	referee_after
}
# Commands that somebody else could have written are not run.
case_commands_of_somebody_else() {
	local long file
	long=$(head -c 3000 /dev/zero | tr '\0' x)
	start attack custom flag --apply "sh -c 'touch $TREE/flag # $long'" \
		--undo "sh -c 'rm -f $TREE/flag # $long'" --target host --for 60s
	check "in effect" wait_for 5 in_effect
	kill_all
	file=$(find "$SQUALL_DIR/state/runs" -path '*/stash/*' -type f)
	chown 65534 "$file"
	run undo
	exits "residue is said" 5
	has "and why" "$ERR" 'not to be trusted'
	chown 0 "$file"
	echo "x" >>"$file"
	run undo
	exits "nor are damaged ones run" 5
	has "and why" "$ERR" damaged
	check "nothing was run" in_effect
}
case_killed_while_applying() {
	referee_before
	start attack custom flag --apply "sh -c 'touch $TREE/flag; sleep 61; touch $TREE/late'" \
		--undo "rm -f $TREE/flag $TREE/late" --target host --for 60s --timeout 100s
	check "apply has begun" wait_for 5 in_effect
	kill_all
	run undo
	exits "undo puts it back" 0
	check_not "what apply had left running is gone" eval 'pgrep -f "^sleep 61$" | grep -qxFf <(bed_pids)'
	referee_after
}
case_interrupted_while_applying() {
	local begun
	referee_before
	start attack custom flag --apply "sh -c 'touch $TREE/flag; sleep 62'" --undo "rm -f $TREE/flag" \
		--target host --for 60s --timeout 100s
	check "apply has begun" wait_for 5 in_effect
	begun=$(now_ms)
	kill -INT "$RUNNER"
	finish
	exits "aborted by a signal" 6
	between "without waiting for apply, in ms" $(($(now_ms) - begun)) 0 5000
	check_not "what apply had started is gone" eval 'pgrep -f "^sleep 62$" | grep -qxFf <(bed_pids)'
	referee_after
}
case_apply_fails() {
	referee_before
	start attack custom flag --apply "sh -c 'touch $TREE/flag; echo no such luck >&2; exit 3'" \
		--undo "rm -f $TREE/flag" --target host --for 5s
	finish
	check_not "is no success" test "$STATUS" = 0
	has "which says what it said" "$ERR$OUT" 'status 3: no such luck'
	check_not "and was undone" in_effect
	referee_after
}
case_apply_has_no_effect() {
	referee_before
	run attack custom flag --apply true --undo "$(word undo true)" --check "test -e $TREE/flag" --target host --for 300ms
	exits "no effect is said" 7
	is "and was undone all the same" "$(times undo)" 1
	referee_after
}
case_undo_fails() {
	start attack custom flag --apply "touch $TREE/flag" --undo "sh -c 'echo stuck >&2; exit 4'" \
		--target host --for 300ms
	finish
	exits "residue is said" 5
	has "with what undo said" "$ERR" 'status 4: stuck'
	has "and the command to paste" "$ERR" "by hand: sh -c 'echo stuck >&2; exit 4'"
	run undo
	exits "and again by undo" 5
}
case_undo_hangs() {
	local begun
	start attack custom flag --apply "touch $TREE/flag" --undo "sleep 63" --timeout 1500ms \
		--target host --for 300ms
	begun=$(now_ms)
	finish
	exits "residue is said" 5
	has "which did not end in time" "$ERR" 'did not end in time'
	between "within its limit, in ms" $(($(now_ms) - begun)) 1500 6000
}
# Under the fault check hangs: it is called off, and nobody's way back waits for it.
case_check_hangs() {
	local begun other
	spawn sleep 300
	other=$PID
	referee_before
	cat >"$DIR/x.yaml" <<-EOF
		squall: 1
		title: check hangs
		allow: [host-wide]
		method:
		  - together:
		      - {fault: proc.pause, target: {process: {pid: $other}}, for: 60s}
		      - fault: custom
		        target: host
		        with:
		          name: flag
		          apply: "touch $TREE/flag"
		          undo: "rm -f $TREE/flag"
		          check: "sh -c 'test -e $TREE/flag || exit 1; test ! -e $DIR/hangs || sleep 66'"
		          timeout: 20s
		        for: 60s
	EOF
	start run "$DIR/x.yaml"
	check "in effect" wait_for 8 in_effect
	check "and the other one" wait_for 8 is_stopped "$other"
	touch "$DIR/hangs"
	check "check hangs" wait_for 5 eval 'pgrep -f "^sleep 66$" | grep -qxFf <(bed_pids)'
	begun=$(now_ms)
	kill -INT "$RUNNER"
	finish 60
	exits "aborted by a signal" 6
	between "without waiting for check, in ms" $(($(now_ms) - begun)) 0 6000
	check_not "not in effect" in_effect
	check "the other goes on" is_running "$other"
	referee_after
}
case_check_cannot_tell() {
	referee_before
	run attack custom flag --apply "$(word apply "touch $TREE/flag")" --undo "rm -f $TREE/flag" \
		--check "sh -c 'echo lost >&2; exit 2'" --target host --for 300ms
	exits "refused before any harm" 3
	has "with what it said" "$ERR$OUT" 'check of "flag" ended with status 2: lost'
	check_not "nothing was run" test -e "$DIR/log"
	referee_after
}
case_check_breaks_meanwhile() {
	touch "$DIR/whole"
	referee_before
	start attack custom flag --apply "touch $TREE/flag" --undo "$(word undo "rm -f $TREE/flag")" \
		--check "sh -c 'test -e $DIR/whole || exit 9; test -e $TREE/flag'" --target host --for 60s
	check "in effect" wait_for 5 in_effect
	rm "$DIR/whole"
	kill -INT "$RUNNER"
	finish
	exits "what cannot be told is residue" 5
	check_not "but undo was run" in_effect
	touch "$DIR/whole"
	run undo
	exits "and is none once it can be told" 0
	referee_after
}
case_no_such_program() {
	referee_before
	run attack custom flag --apply "touch $TREE/flag" --undo squall-has-no-such --target host --for 300ms
	exits "refused before any harm" 3
	has "which names it" "$ERR$OUT" squall-has-no-such
	check_not "nothing was run" in_effect
	referee_after
}
case_same_name_twice() {
	local first
	referee_before
	attack --for 60s
	check "in effect" wait_for 5 in_effect
	first=$RUNNER
	attack --for 1s
	finish
	exits "the second is refused" 4
	has "by the first one's run" "$ERR$OUT" 'claimed by run "2'
	check "the first goes on" in_effect
	kill -INT "$first"
	RUNNER=$first
	finish
	exits "and ends as it was told" 6
	referee_after
}
case_clean_environment() {
	referee_before
	FOREIGN=1 run attack custom flag --apply "sh -c 'env | sort >$DIR/env; pwd >>$DIR/env; ls /proc/self/fd >>$DIR/env'" \
		--undo true --env COLOUR=red --dir /usr --target host --for 200ms
	exits "ended as asked" 0
	is "what apply finds" "$(grep -vE '^(SQUALL_RUN=2|_=)' "$DIR/env" | tr '\n' ' ')" \
		"COLOUR=red LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PWD=/usr SQUALL_CUSTOM=flag SQUALL_DOES=apply /usr 0 1 2 3 "
	referee_after
}
case_hand_stopped() {
	referee_before
	attack --for 60s --timeout 1s
	check "in effect" wait_for 5 in_effect
	# shellcheck disable=SC2046  # a list
	kill -STOP $(hands)
	kill -INT "$RUNNER"
	finish 30
	check_not "undone by the keeper itself" in_effect
	check "and nobody is left" wait_for 2 no_hands
	referee_after
}
# No process can be made any more: the one that undoes is there already.
case_no_process_ids() {
	local group pid
	need cgroup-pids || return
	group=$CGPIDS/$SQ_ID-full
	mkdir "$group"
	referee_before
	start attack custom flag --apply "touch $TREE/flag" --undo "rm -f $TREE/flag" \
		--check "test -e $TREE/flag" --target host --for 60s
	check "in effect" wait_for 5 in_effect
	for pid in "$RUNNER" $(keeper_pid) $(hands); do echo "$pid" >"$group/cgroup.procs"; done
	echo 1 >"$group/pids.max"
	kill -INT "$RUNNER"
	check "undone all the same" wait_for 4 eval '! in_effect'
	echo max >"$group/pids.max"
	finish
	wait_for 2 no_hands
	wait_for 2 rmdir "$group"
	referee_after
}
run_cases
