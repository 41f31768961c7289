#!/bin/bash
# The main job: every answer that a run can give, with its exit code, however it is ended.
. "$(dirname "$0")/lib.sh"

# A flag file is what is looked at, so a test decides what the probe sees; a paused process is the harm.
experiment() { # [LINES ADDED AT THE TOP LEVEL]
	cat >"$DIR/x.yaml" <<-X
		squall: 1
		title: A pause that nobody notices
		hypothesis:
		  says: The flag stays.
		  steady:
		    - id: flag
		      file: {path: "$DIR/flag"}
		      every: 50ms
		      expect: {exists: true}
		method:
		  - id: stand-still
		    fault: proc.pause
		    target: {process: {pid: $VICTIM}}
		    for: ${FOR:-1s}
		recovery: {within: 3s}
		${1:-}
	X
}
bed() {
	touch "$DIR/flag"
	spawn sleep 300
	VICTIM=$PID
	referee_before
}
flag_gone() { mv "$DIR/flag" "$DIR/flag-away"; }
flag_back() { mv "$DIR/flag-away" "$DIR/flag"; }

case_held() {
	bed
	experiment
	run run "$DIR/x.yaml"
	exits "held" 0
	is "verdict" "$(report_field .verdict)" held
	is "outcome" "$(report_field .outcome)" completed
	is "clean-up" "$(report_field .cleanup)" clean
	is "residue" "$(report_field '.residue | length')" 0
	referee_after
}
case_refuted() {
	bed
	experiment 'abort: [{steady: flag, misses: 100%, over: 30s}]'
	start run "$DIR/x.yaml"
	check "attacked" wait_for 5 is_stopped "$VICTIM"
	flag_gone
	check "over" wait_for 5 is_running "$VICTIM"
	flag_back
	finish
	exits "refuted" 1
	is "verdict" "$(report_field .verdict)" refuted
	local id
	id=$(report_field .id)
	run report last
	exits "report" 0
	has "answers the first question" "$OUT" '^ *What went wrong\?'
	has "and the second" "$OUT" '^ *What did we not expect\?'
	has "with the probe that missed" "$OUT" '"flag" missed [0-9]+ of [0-9]+ looks during the attack'
	run report last --format markdown
	exits "report as Markdown" 0
	has "its title" "$OUT" '^# A pause that nobody notices$'
	has "answers the first question" "$OUT" '^## What went wrong\?$'
	has "and the second" "$OUT" '^## What did we not expect\?$'
	has "with the probe that missed" "$OUT" '^- "flag" missed [0-9]+ of [0-9]+ looks during the attack'
	run history
	has "history lists it" "$OUT" "^$id .*refuted.*A pause that nobody notices"
	run history --json
	is "as JSON too" "$(jq -r '.[] | .id + " " + .verdict' <<<"$OUT")" "$id refuted"
	run findings
	has "it is a finding" "$OUT" "^$id .*open .*A pause that nobody notices"
	run findings --close last --why "the flag has a spare"
	exits "which can be closed" 0
	run findings
	is "then nothing is open" "$OUT" "no open findings"
	run findings --all
	has "but all of them can be seen" "$OUT" "^$id .*fixed .*the flag has a spare"
	run findings --all --json
	is "as JSON too" "$(jq -r '.[] | .run + " " + .status + " " + .["closed-why"]' <<<"$OUT")" "$id fixed the flag has a spare"
	referee_after
}
case_aborted_by_its_condition() {
	local t0
	bed
	FOR=60s experiment 'abort: [{steady: flag, misses: 50%, over: 300ms}]'
	start run "$DIR/x.yaml"
	check "attacked" wait_for 5 is_stopped "$VICTIM"
	flag_gone
	t0=$(now_ms)
	check "ended early" wait_for 3 is_running "$VICTIM"
	note "put back $(($(now_ms) - t0)) ms after the flag went"
	flag_back
	finish
	exits "refuted goes before aborted" 1
	is "outcome" "$(report_field .outcome)" aborted
	referee_after
}
case_abort_that_is_inconclusive() {
	bed
	FOR=60s experiment 'abort: [{steady: flag, misses: 50%, over: 300ms, verdict: inconclusive}]'
	start run "$DIR/x.yaml"
	check "attacked" wait_for 5 is_stopped "$VICTIM"
	flag_gone
	check "ended early" wait_for 3 is_running "$VICTIM"
	flag_back
	finish
	exits "aborted" 6
	is "verdict" "$(report_field .verdict)" inconclusive
	referee_after
}
case_not_steady_before() {
	bed
	flag_gone
	referee_before
	experiment
	run run "$DIR/x.yaml"
	exits "refused: not steady before" 4
	has "the reason is said" "$OUT$ERR" 'not steady'
	check_not "the victim was never stopped" is_stopped "$VICTIM"
	is "outcome" "$(report_field .outcome)" refused
	referee_after
}
# An abort does not wait behind the load that it is to end; what squall starts has no such right.
case_ahead_of_others() {
	local other
	spawn sleep 300
	other=$PID
	bed
	printf '#!/bin/sh\ncut -d" " -f19 /proc/self/stat >>"%s"\n' "$DIR/of-probe" >"$DIR/nice"
	printf '#!/bin/sh\nexec nice -n 5 "%s" "$@"\n' "$SQUALL" >"$DIR/niced"
	chmod +x "$DIR/nice" "$DIR/niced"
	nice_of() { cut -d' ' -f19 "/proc/$1/stat"; }
	FOR=2s experiment "abort: [{probe: {exec: {argv: [$DIR/nice]}}, when: {exit: 9}, every: 100ms}]"
	start run "$DIR/x.yaml"
	check "attacked" wait_for 5 is_stopped "$VICTIM"
	is "the runner" "$(nice_of "$RUNNER")" -10
	is "the keeper" "$(nice_of "$(keeper_pid)")" -10
	finish
	exits "held" 0
	is "a command of a probe" "$(tail -n1 "$DIR/of-probe")" 0
	# whoever said what it shall be has the last word
	VICTIM=$other experiment
	SQUALL=$DIR/niced start run "$DIR/x.yaml"
	check "attacked" wait_for 5 is_stopped "$other"
	is "as it was chosen: the runner" "$(nice_of "$RUNNER")" 5
	is "the keeper" "$(nice_of "$(keeper_pid)")" 5
	finish
	exits "held" 0
	referee_after
}
case_no_effect() {
	bed
	kill -STOP "$VICTIM"
	wait_for 2 is_stopped "$VICTIM"
	referee_before
	experiment
	run run "$DIR/x.yaml"
	exits "no effect" 7
	is "verdict" "$(report_field .verdict)" no-effect
	check "the victim was left stopped" is_stopped "$VICTIM"
	referee_after
}
ended_by() { # WHAT COMMAND…
	local what=$1
	shift
	bed
	FOR=60s experiment
	start run "$DIR/x.yaml"
	check "attacked" wait_for 5 is_stopped "$VICTIM"
	"$@"
	check "$what: put back within a second" wait_for 1 is_running "$VICTIM"
	finish
	exits "aborted" 6
	is "outcome" "$(report_field .outcome)" aborted
	referee_after
}
signal_twice() { kill -INT "$RUNNER"; kill -INT "$RUNNER"; }
case_ctrl_c() { ended_by "Ctrl-C" eval 'kill -INT $RUNNER'; }
case_ctrl_c_twice() { ended_by "Ctrl-C twice" signal_twice; }
case_sigterm() { ended_by SIGTERM eval 'kill -TERM $RUNNER'; }
case_sighup() { ended_by SIGHUP eval 'kill -HUP $RUNNER'; }
case_halt() {
	ended_by "halt from another process" "$SQUALL" halt --reason "enough for today"
	experiment
	run run "$DIR/x.yaml"
	exits "new runs are refused" 4
	has "with the reason" "$OUT$ERR" 'enough for today'
	run resume
	exits "resume" 0
	run run "$DIR/x.yaml"
	exits "runs are allowed again" 0
}
case_deadline() {
	bed
	experiment 'blast-radius: {max-duration: 2s}'
	# An action that takes longer than anybody planned: no time in the file says so.
	sed -i -e '/for: 1s/d' -e 's|^recovery:.*|  - exec: {argv: [sleep, "60"], timeout: 90s}|' "$DIR/x.yaml"
	start run "$DIR/x.yaml"
	check "attacked" wait_for 5 is_stopped "$VICTIM"
	check "put back at the deadline" wait_for 3 is_running "$VICTIM"
	finish
	exits "expired is inconclusive" 7
	is "outcome" "$(report_field .outcome)" expired
	referee_after
}
case_two_at_once() {
	local first second
	bed
	spawn sleep 301
	second=$PID first=$VICTIM
	referee_before
	FOR=2s experiment
	start run "$DIR/x.yaml"
	local a=$RUNNER
	check "the first attacks" wait_for 5 is_stopped "$first"
	VICTIM=$second FOR=500ms experiment
	run run "$DIR/x.yaml"
	exits "the second holds" 0
	check "and does not end the first" is_stopped "$first"
	RUNNER=$a finish
	exits "the first holds" 0
	is "two run folders" "$(find "$SQUALL_DIR/state/runs" -mindepth 1 -maxdepth 1 -type d | wc -l)" 2
	referee_after
}
case_target_gone() {
	bed
	experiment
	start run "$DIR/x.yaml"
	check "attacked" wait_for 5 is_stopped "$VICTIM"
	kill -KILL "$VICTIM"
	finish
	check_not "no residue" test "$STATUS" = 5
	check_not "no failure of squall's own" test "$STATUS" = 8
	is "clean-up" "$(report_field .cleanup)" clean
	forget "^$VICTIM@"
	referee_after
}
case_runner_killed() {
	bed
	FOR=60s experiment
	start run "$DIR/x.yaml"
	check "attacked" wait_for 5 is_stopped "$VICTIM"
	kill -KILL "$RUNNER"
	check "put back within a second" wait_for 1 is_running "$VICTIM"
	finish
	referee_after "residue 0" 1
}
case_keeper_killed() {
	bed
	FOR=60s experiment
	start run "$DIR/x.yaml"
	check "attacked" wait_for 5 is_stopped "$VICTIM"
	kill -KILL "$(keeper_pid)"
	check "put back within a second" wait_for 1 is_running "$VICTIM"
	finish
	exits "a failure of squall's own" 8
	is "clean-up" "$(report_field .cleanup)" clean
	referee_after
}
case_disk_full() {
	need tmpfs || return
	mkdir -p "$SQUALL_DIR/state" "$DIR/mnt"
	mount -t tmpfs -o mode=0700,size=4m none "$SQUALL_DIR/state"
	bed
	FOR=2s experiment
	start run "$DIR/x.yaml"
	check "attacked" wait_for 5 is_stopped "$VICTIM"
	dd if=/dev/zero of="$SQUALL_DIR/state/filler" bs=64k >/dev/null 2>&1
	check "put back with the disk full" wait_for 4 is_running "$VICTIM"
	finish
	check_not "no residue" test "$STATUS" = 5
	referee_after
	umount -l "$SQUALL_DIR/state"
}
case_disk_full_before() {
	need tmpfs || return
	mkdir -p "$SQUALL_DIR/state"
	mount -t tmpfs -o mode=0700,size=256k none "$SQUALL_DIR/state"
	bed
	dd if=/dev/zero of="$SQUALL_DIR/state/filler" bs=4k >/dev/null 2>&1
	experiment
	run run "$DIR/x.yaml"
	check_not "cannot begin" test "$STATUS" = 0
	check_not "the victim was never stopped" is_stopped "$VICTIM"
	has "and says why" "$ERR" 'space'
	referee_after
	umount -l "$SQUALL_DIR/state"
}
case_terminal_gone() {
	bed
	FOR=60s experiment
	# The reader of its output is gone: a write fails, the run must still revert and end.
	"$SQUALL" run "$DIR/x.yaml" 2>"$DIR/err" </dev/null > >(head -c 1 >/dev/null) &
	RUNNER=$!
	check "attacked" wait_for 5 is_stopped "$VICTIM"
	kill -INT "$RUNNER"
	check "put back within a second" wait_for 1 is_running "$VICTIM"
	wait_for 10 is_gone "$RUNNER"
	referee_after
}
case_refused_files() {
	bed
	experiment 'nonsense: true'
	run run "$DIR/x.yaml"
	exits "an invalid file" 2
	experiment 'abort: [{probe: {no-such-probe: {}}, when: {x: 1}}]'
	run run "$DIR/x.yaml"
	check_not "what is not known is refused" test "$STATUS" = 0
	check_not "nothing was harmed" is_stopped "$VICTIM"
	referee_after
}
case_not_built_yet() {
	bed
	experiment
	sed -i 's|^  steady:|  monitors:\n    - id: slow\n      alertmanager: {url: "http://127.0.0.1:9093", alert: Slow}\n      fires-within: 1s\n      clears-within: 1s\n  steady:|' "$DIR/x.yaml"
	run run "$DIR/x.yaml"
	exits "what is not built stops before harm" 3
	has "and is named" "$OUT$ERR" 'alertmanager'
	check_not "nothing was harmed" is_stopped "$VICTIM"
	referee_after
}
# Before a run: what is fine, and everything that would refuse it, not only the first.
case_check_says_what_would_refuse() {
	bed
	experiment
	sed -i -e 's|^method:|    - id: nobody-there\n      tcp: {address: "127.0.0.1:9"}\n      expect: {connected: true}\n&|' \
		-e 's|^recovery:.*|  - {id: nobody, fault: proc.pause, target: {process: {name: no-such-program}}, for: 1s}|' "$DIR/x.yaml"
	run check "$DIR/x.yaml"
	exits "refused as the run would be" 3
	has "the target that is there" "$OUT" "stand-still +proc.pause +1 of 1 +process $VICTIM \\(sleep\\)"
	has "the one that is not" "$OUT" 'nobody +proc.pause +none'
	has "the probe that holds" "$OUT" '^ *flag +file +holds'
	has "the one that does not" "$OUT" '^ *nobody-there +tcp +MISSES'
	has "under its heading" "$OUT" '^what would refuse the run$'
	has "the target, by its attack" "$(sed '1,/^what would refuse/d' <<<"$OUT")" '^ *nobody +.*no-such-program'
	has "the probe" "$(sed '1,/^what would refuse/d' <<<"$OUT")" '^ *nobody-there +not steady before: '
	check_not "and nothing that is fine" grep -qE '^ *(flag|stand-still) ' <<<"$(sed '1,/^what would refuse/d' <<<"$OUT")"
	run check --json "$DIR/x.yaml"
	exits "as JSON: the same code" 3
	is "in the document, too" "$(jq .exit <<<"$OUT")" 3
	is "probes" "$(jq -r '.probes[] | .probe + " " + (.held | tostring)' <<<"$OUT" | paste -sd' ')" "flag true nobody-there false"
	is "targets" "$(jq -r '.targets[] | .attack + " " + (.targets | length | tostring)' <<<"$OUT" | paste -sd' ')" "stand-still 1 nobody 0"
	is "refusals" "$(jq -r '.refusals[] | .on + " " + (.exit | tostring)' <<<"$OUT" | paste -sd' ')" "nobody 3 nobody-there 4"
	check_not "nothing was harmed" is_stopped "$VICTIM"
	referee_after
}
case_plan_and_dry_run() {
	bed
	experiment
	run plan "$DIR/x.yaml"
	exits "plan" 0
	has "names the victim" "$OUT" "$VICTIM"
	run run --dry-run "$DIR/x.yaml"
	exits "dry run" 0
	run check "$DIR/x.yaml"
	exits "check" 0
	run lint "$DIR/x.yaml"
	exits "lint" 0
	check_not "nothing was harmed" is_stopped "$VICTIM"
	referee_after
}
run_cases
