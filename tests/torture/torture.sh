#!/bin/bash
# Kills runner, keeper, both, helpers or all of them with SIGKILL at boundary 1, 2, 3… of each fault's
# run, undo too at each of its own; makes each call that may fail, fail in turn; and lets each write of
# the keeper write only half. The referee of the system tests must see residue 0: within a second where
# one process died; after `squall undo` where both or all did; and what dies with the kernel is gone
# within a second with no undo, the helpers that nobody killed included.
#
#   tests/torture/torture.sh --sample [FAULT]…    a seeded part that fits $BUDGET seconds; SEED=N
#   tests/torture/torture.sh --all [FAULT]…
#   tests/torture/torture.sh --point FAULT WHO WHERE N     one, with what squall said
#
# Needs build-torture (meson setup -Dtorture=true).
here=$(cd "$(dirname "$0")" && pwd)
export BUILD=${BUILD:-$(cd "$here/../.." && pwd)/build-torture} RESULTS_FILE=${RESULTS:-}
. "$here/../system/lib.sh"
. "$here/faults.sh"

TAP=$(mktemp /tmp/squall-torture.XXXXXX)
# A line of TAP: kept for the counts, and shown (with QUIET only what is not ok).
tell() {
	echo "$*" >>"$TAP"
	case ${QUIET:-}$* in "" | 1ok*) ;; *) echo "$*" ;; esac
}
tell_note() { note "$*" | tee -a "$TAP"; }
MODE=${1:---sample}
shift
BUDGET=${BUDGET:-270}
SEED=${SEED:-$(($(date +%s) % 100000))}

# --- one point -------------------------------------------------------------------------------------
BED=
bed_ready() { # FAULT
	[ "$BED" = "$1" ] && return
	[ -z "$BED" ] || bed_unmake
	CASE=$1
	bed_make
	bed_of "$1"
	BED=$1
	referee_before
}
bed_spoilt() {
	bed_unmake
	BED=
}
idle() { [ -z "$(ours squall-keeper)$(ours squall-helper)" ]; }
# Waits for residue 0; says what is left when there is some.
clean_within() { # SECONDS
	wait_for "$1" no_residue
}
# point FAULT WHO WHERE N: prints nothing when all is as promised, else what is not.
point() {
	local fault=$1 who=$2 where=$3 n=$4 status
	bed_ready "$fault"
	case $who in
	fail) SQUALL_TORTURE_FAIL=$n:$where attack_of "$fault" ;;
	undo) SQUALL_TORTURE=all@keeper:$where attack_of "$fault" ;;
	*) SQUALL_TORTURE=$who@$where:$n attack_of "$fault" ;;
	esac
	finish 15
	status=$STATUS
	case $status$who in 137runner | 137both | 137all | 137undo) ;; 137*) echo "squall was killed, or hung and was killed" ;; esac
	if [ "$fault" = proc-kill ] && is_gone "$VICTIM"; then
		forget "^$VICTIM@"
		BED=spent
	fi
	case $who in
	undo)
		wait_for 2 idle || echo "squall's processes are still there"
		SQUALL_TORTURE=all@undo:$n run undo
		run undo
		no_residue || echo "residue after the second undo"
		;;
	both | all)
		if dies_with_kernel "$fault"; then
			wait_for 1 idle || echo "a process of squall's is there a second later"
			wait_for 1 no_traces || echo "not gone with the kernel within a second"
		else
			wait_for 2 idle || echo "squall's processes are still there"
		fi
		run undo
		[ "$STATUS" = 0 ] || echo "undo: exit code $STATUS: $ERR"
		no_residue || echo "residue after undo"
		;;
	fail)
		clean_within 1 || echo "residue a second later (exit code $status)"
		[ "$status" != 5 ] || echo "exit code 5, though nothing is left"
		;;
	*)
		clean_within 1 || echo "residue a second later (exit code $status)"
		;;
	esac
}
# Network, disks and processes as they were (claims and logs may wait for undo).
no_traces() {
	residue >"$BOX/traces" # no pipe: who reads it would be seen as a process
	! grep -qE '^[-+](table|chain|qdisc|.* blocks left|[0-9]+@)' "$BOX/traces"
}
try_point() {
	local said
	N=$((N + 1))
	point "$@" >"$BOX/said" 2>"$BOX/noise"
	said=$(cat "$BOX/said")
	if [ -z "$said" ]; then
		tell "ok $N - $1: $2 at $3 $4"
	else
		FAILED=$((FAILED + 1))
		tell "not ok $N - $1: $2 at $3 $4"
		tell_note "$said"
		tell_note "$(residue)"
		tell_note "again: tests/torture/torture.sh --point $*"
	fi
	if [ -n "$said" ] || [ "$BED" = spent ]; then bed_spoilt; fi
}

# --- how many boundaries there are -----------------------------------------------------------------
# A run without harm to squall counts them: lines "runner boundaries N fails M writes K".
count() { # FAULT
	local fault=$1
	bed_ready "$fault"
	rm -f "$DIR/count"
	SQUALL_TORTURE_COUNT=$DIR/count attack_of "$fault"
	finish 15
	wait_for 2 eval "[ \"\$(wc -l <'$DIR/count')\" -ge 2 ]"
	RUNNER_N=$(awk '$1 == "runner" { print $3 }' "$DIR/count" | sort -n | tail -n1)
	KEEPER_N=$(awk '$1 == "keeper" { print $3 }' "$DIR/count" | sort -n | tail -n1)
	FAIL_N=$(awk '$1 == "keeper" { print $5 }' "$DIR/count" | sort -n | tail -n1)
	WRITE_N=$(awk '$1 == "keeper" { print $7 }' "$DIR/count" | sort -n | tail -n1)
	bed_spoilt
	# Undo of a run that was killed half-way: its own boundaries.
	bed_ready "$fault"
	UNDO_FROM=$((KEEPER_N / 2))
	SQUALL_TORTURE=all@keeper:$UNDO_FROM attack_of "$fault"
	finish 15
	wait_for 2 idle
	rm -f "$DIR/count"
	SQUALL_TORTURE_COUNT=$DIR/count run undo
	UNDO_N=$(awk '$1 == "undo" { print $3 }' "$DIR/count" | sort -n | tail -n1)
	note "$fault: $RUNNER_N boundaries in the runner, $KEEPER_N in the keeper, ${UNDO_N:-0} in undo, $FAIL_N calls that may fail, $WRITE_N writes"
	bed_spoilt
}
points() {
	local fault who i
	for fault; do
		count "$fault" >&2
		[ -n "$RUNNER_N" ] && [ -n "$KEEPER_N" ] || {
			echo "$fault none none 0"
			continue
		}
		for who in runner keeper helpers all; do
			[ $who = helpers ] && ! has_helper "$fault" && continue
			for ((i = 1; i <= RUNNER_N; i++)); do echo "$fault $who runner $i"; done
			for ((i = 1; i <= KEEPER_N; i++)); do echo "$fault $who keeper $i"; done
		done
		# Helpers that must go by the kernel's hand alone.
		if has_helper "$fault"; then
			for ((i = 1; i <= KEEPER_N; i++)); do echo "$fault both keeper $i"; done
		fi
		for ((i = 1; i <= ${UNDO_N:-0}; i++)); do echo "$fault undo $UNDO_FROM $i"; done
		for who in EIO EPERM ENOSPC ENOMEM; do
			for ((i = 1; i <= FAIL_N; i++)); do echo "$fault fail $who $i"; done
		done
		for ((i = 1; i <= WRITE_N; i++)); do echo "$fault fail SHORT $i"; done
	done
}

torture() {
	local list end ran=0 fault who where n
	trap 'all_unmake; rm -f "$TAP"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	if [ "$MODE" = --point ]; then
		try_point "$@"
		cat "$DIR/out" "$DIR/err" 2>/dev/null
		return
	fi
	[ $# -gt 0 ] || set -- $FAULTS
	list=$(points "$@" 2>"$BOX/notes")
	cat "$BOX/notes"
	end=$((SECONDS + BUDGET))
	if [ "$MODE" = --sample ]; then
		echo "# seed $SEED (SEED=$SEED runs the same sample)"
		# Shuffled, then put together by fault again, so that a bed serves many points.
		list=$(awk -v seed="$SEED" 'BEGIN { srand(seed) } { print int(rand() * 12), $1, rand(), $0 }' <<<"$list" | sort -k1,1n -k2,2 -k3,3 | cut -d' ' -f4-)
	fi
	while read -r fault who where n; do
		if [ "$MODE" = --sample ] && [ $SECONDS -ge $end ]; then break; fi
		if [ "$who" = none ]; then
			N=$((N + 1))
			tell "not ok $N - $fault: its boundaries could not be counted"
			continue
		fi
		try_point "$fault" "$who" "$where" "$n" </dev/null
		ran=$((ran + 1))
	done <<<"$list"
	echo "# $ran of $(wc -l <<<"$list") points"
	all_unmake
}
torture "$@"
[ -z "$RESULTS_FILE" ] || cat "$TAP" >>"$RESULTS_FILE"
"$TOP/tools/tap-count" <"$TAP"
status=$?
rm -f "$TAP"
exit $status
