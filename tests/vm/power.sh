#!/bin/bash
# The power is cut, or the machine is rebooted, in the middle of each fault; after the boot the undo
# of the boot unit must leave what was there before. Where the keeper is at that moment is exact: it
# stops itself at a boundary (squall is built with -Dtorture=true for that).
#
# What dies with the boot is cut once, in effect. What dies with the log is cut, and rebooted, at
# three points: its intent is in the log and nothing is set yet; in effect; half-way back. With
# SQ_ALL the power is cut at every boundary.
# shellcheck disable=SC2034  # tests/system/lib.sh reads it
BUILD=$(cd "$(dirname "$0")/../.." && pwd)/build-torture
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/torture/faults.sh"
disk_mount

# --- which points ----------------------------------------------------------------------------------
# Does any step of the fault's plan die with the log alone?
outlives_boot() { # FAULT
	local start
	start=$(declare -f start)
	start() { run "$@" --dry-run; }
	attack_of "$1"
	eval "$start"
	grep -qE 'dies with +log' <<<"$OUT"
}
# "FAULT LIFE BOUNDARY HOW" for a run of it whose boundaries are in $DIR/names.FAULT.
points() { # FAULT
	local number=()
	if ! outlives_boot "$1"; then
		mapfile -t number < <(awk '/ after set$/ { print $1; exit }' "$DIR/names.$1")
		echo "$1 boot ${number[0]} cut"
	elif [ -n "${SQ_ALL:-}" ]; then
		awk -v fault="$1" '{ print fault, "log", $1, "cut" }' "$DIR/names.$1"
	else
		mapfile -t number < <(awk '
			/ before set$/ { if (!first) first = $1; last = $1; at = put }
			/ before log put$/ { put = $1 }
			/ after set$/ { end = $1 }
			END { print first; print at; print int((last + end) / 2 + 0.5) }' "$DIR/names.$1")
		for how in cut reboot; do printf "$1 log %s $how\n" "${number[@]}"; done
	fi
}
bed_fresh() { # FAULT
	rm -rf "${TREE:?}"
	mkdir "$TREE"
	ip link set lo up
	mkdir -p "$CG2/$SQ_ID/bed"
	bed_of "$1"
}
if [ "$BOOT" = 1 ]; then
	for fault in $FAULTS; do
		[ "$fault" != proc-kill ] || continue # has no way back, and nothing to come back to
		CASE=$fault
		if [ "$fault" = net-cut ] && ! nft list tables >/dev/null 2>&1; then
			skip "needs nft: not in this kernel"
			continue
		fi
		bed_fresh "$fault"
		SQUALL_TORTURE_NAMES=$DIR/every attack_of "$fault"
		finish 60
		sed -n 's/^keeper //p' "$DIR/every" >"$DIR/names.$fault"
		rm -f "$DIR/every"
		check "its boundaries are counted" test -s "$DIR/names.$fault" || note "$ERR"
		points "$fault" >>"$DIR/points"
	done
	sync
fi

# --- after the boot: was it put back? --------------------------------------------------------------
if [ -e "$DIR/pending" ]; then
	read -r fault life number how name <"$DIR/pending"
	CASE="$fault $how at $number ($name)"
	squall_boot
	exits "the boot's undo" 0
	if left=$(diff "$DIR/before" <(snapshot_disk)); then ok "residue 0"; else
		nok "residue 0"
		note "$left"
		note "$OUT$ERR"
	fi
	[ "$life" = log ] || has "gone with the boot, said so" "$OUT" "gone with the boot"
	is "the run is recorded as lost" "$(jq -r '.outcome + " " + .cleanup' "$(run_folder)/run.json")" "lost clean"
	rm "$DIR/pending"
fi

# --- the next point --------------------------------------------------------------------------------
if read -r fault life number how <"$DIR/points"; then
	CASE="$fault $how at $number"
	sed -i 1d "$DIR/points"
	bed_fresh "$fault"
	snapshot_disk >"$DIR/before"
	echo "$fault $life $number $how $(sed -n "s/^$number //p" "$DIR/names.$fault")" >"$DIR/pending"
	sync # all but what the attack itself does
	SQUALL_TORTURE=stop@keeper:$number attack_of "$fault"
	wait_for 60 pgrep -x -r T squall-keeper || nok "the keeper stands at that boundary"
	if [ "$how" = cut ]; then power_cut; fi
	machine_reboot
fi
vm_end
