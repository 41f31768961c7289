#!/bin/bash
# The power is cut, or the machine is rebooted, in the middle of each fault; after the boot the undo
# of the boot unit must leave what was there before. Where the keeper is at that moment is exact: it
# stops itself at a boundary (squall is built with -Dtorture=true for that).
#
# What dies with the boot is cut once, in effect. What dies with the log is cut or rebooted, in turn, at
# three points: its intent is in the log and nothing is set yet; in effect; half-way back; a file once
# more in effect when the disk with the log and the files has become full just before the log says so.
# What dies with its process, as all do at a boot, is cut with SQ_ALL only.
# With SQ_ALL the power is cut at every boundary.
# shellcheck disable=SC2034  # tests/system/lib.sh reads it
BUILD=$(cd "$(dirname "$0")/../.." && pwd)/build-torture
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/torture/faults.sh"
disk_mount

# --- which points ----------------------------------------------------------------------------------
# The longest that any step of the fault's plan lives: log, boot or kernel.
life_of() { # FAULT
	local start life
	start=$(declare -f start)
	start() { run "$@" --dry-run; }
	attack_of "$1"
	eval "$start"
	for life in log boot kernel; do
		! grep -qE "dies with +$life" <<<"$OUT" || break
	done
	echo "$life"
}
# "FAULT LIFE BOUNDARY HOW" for a run of it whose boundaries are in $NOTE/names.FAULT; HOW is cut or
# reboot, and full where the disk becomes so.
points() { # FAULT
	local number=() how=(cut reboot cut) i
	[ "$1" != file-replace ] || how=(reboot cut reboot)
	local life
	life=$(life_of "$1")
	if [ "$life" = kernel ] && [ -z "${SQ_ALL:-}" ]; then
		:
	elif [ "$life" != log ]; then
		mapfile -t number < <(awk '/ after set$/ { print $1; exit }' "$NOTE/names.$1")
		echo "$1 boot ${number[0]} cut"
	elif [ -n "${SQ_ALL:-}" ]; then
		awk -v fault="$1" '{ print fault, "log", $1, "cut" }' "$NOTE/names.$1"
	else
		mapfile -t number < <(awk '
			/ before set$/ { if (!first) first = $1; last = $1; at = put }
			/ before log put$/ { put = $1; if (end && !says) says = $1 }
			/ after set$/ { end = $1 }
			END { print first; print at; print int((last + end) / 2 + 0.5); print says }' "$NOTE/names.$1")
		for i in 0 1 2; do
			echo "$1 log ${number[i]} ${how[i]}"
		done
		[ "$1" != file-replace ] || echo "$1 log ${number[3]} cut full"
	fi
}
bed_fresh() { # FAULT
	rm -rf "${TREE:?}" /disk/fill
	mkdir "$TREE"
	ip link set lo up
	mkdir -p "$CG2/$SQ_ID/bed"
	bed_of "$1"
}
# Not a block is left on the disk, not for root either. The keeper, which stands before it tells the
# log that the fault is in effect, does so then and waits; the runner, which might end the run because
# of the full disk, stands still.
disk_full() { # BOUNDARY
	dd if=/dev/zero of=/disk/fill bs=1M 2>/dev/null
	dd if=/dev/zero of=/disk/fill bs=1k oflag=append conv=notrunc 2>/dev/null
	sync
	check_not "the disk is full" dd if=/dev/zero of=/disk/note/more bs=4k count=1
	kill -CONT "$(pgrep -x squall-keeper)"
	check "the log is written all the same" wait_for 10 grep -q "^keeper $(($1 + 1)) after log put" "$DIR/every"
}
# What each is to have done, in the words of its dose.
dose_of() { # FAULT
	case $1 in
	proc-pause) echo '1 stopped' ;;
	cpu-quota) echo 'used [0-9.]+% of one CPU; throttled [1-9]' ;;
	file-replace) echo replaced ;;
	custom) echo 'in effect, as check says' ;;
	cpu-load) echo '[1-9][0-9.]*%' ;;
	mem-fill | disk-fill) echo 4MiB ;;
	esac
}
if [ "$BOOT" = 1 ]; then
	for fault in $FAULTS; do
		# what has no way back has nothing to come back to, nor has what was in a namespace that is gone
		case $fault in proc-kill | net-reset | net-conntrack-drop | route-blackhole | link-down) continue ;; esac
		CASE=$fault
		if [[ $fault = net-* || $fault = dns-* ]] && ! nft list tables >/dev/null 2>&1; then
			skip "needs nft: not in this kernel"
			continue
		fi
		bed_fresh "$fault"
		[ "$fault" != cpu-quota ] || spawn in_cgroup victim sh -c 'while :; do :; done'
		FOR=500ms SQUALL_TORTURE_NAMES=$DIR/every attack_of "$fault"
		finish 60
		[ "$fault" != cpu-quota ] || kill -KILL "$PID"
		if [[ $fault = net-* || $fault = dns-* ]]; then
			exits "left alone it ends; nothing was sent, so it has no effect" 7
		else
			exits "left alone it ends as asked" 0
			has "with its dose" "$OUT" "achieved $(dose_of "$fault")"
		fi
		sed -n 's/^keeper //p' "$DIR/every" >"$NOTE/names.$fault"
		rm -f "$DIR/every"
		check "its boundaries are counted" test -s "$NOTE/names.$fault" || note "$ERR"
		points "$fault" >>"$NOTE/points"
	done
	sync
fi

# --- after the boot: was it put back? --------------------------------------------------------------
if [ -e "$NOTE/pending" ]; then
	read -r fault life number how full name <"$NOTE/pending"
	CASE="$fault $how at $number ($name)"
	if [ "$full" = full ]; then
		CASE+=" on a full disk"
		check_not "which is still full" dd if=/dev/zero of=/disk/note/more bs=4k count=1
	fi
	squall_boot
	exits "the boot's undo" 0
	if left=$(diff "$NOTE/before" <(snapshot_disk)); then ok "residue 0"; else
		nok "residue 0"
		note "$left"
		note "$OUT$ERR"
	fi
	[ "$life" = log ] || has "gone with the boot, said so" "$OUT" "gone with the boot"
	if [ "$full" = full ]; then # which may be too full for the record
		rm -f /disk/note/more /disk/fill
		run undo
		exits "the next undo" 0
	fi
	is "the run is recorded as lost" "$(jq -r '.outcome + " " + .cleanup' "$(run_folder)/run.json")" "lost clean"
	rm "$NOTE/pending"
fi

# --- the next point --------------------------------------------------------------------------------
if read -r fault life number how full <"$NOTE/points"; then
	CASE="$fault $how at $number"
	sed -i 1d "$NOTE/points"
	bed_fresh "$fault"
	snapshot_disk >"$NOTE/before"
	echo "$fault $life $number $how ${full:=-} $(sed -n "s/^$number //p" "$NOTE/names.$fault")" >"$NOTE/pending"
	sync # all but what the attack itself does
	[ "$full" = - ] || FOR=60s
	SQUALL_TORTURE_NAMES=$DIR/every SQUALL_TORTURE=stop@keeper:$number attack_of "$fault"
	wait_for 60 pgrep -x -r T squall-keeper || nok "the keeper stands at that boundary"
	[ "$full" = - ] || disk_full "$number"
	if [ "$how" = cut ]; then power_cut; fi
	machine_reboot
fi
vm_end
