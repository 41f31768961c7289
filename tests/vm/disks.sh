#!/bin/bash
# Squall's own files, and what it changes, on the file system that tests/vm/list gives the disk. One that
# copies on write may lose the end of the undo log with the power: the plan says so there, and only there.
# shellcheck disable=SC2034  # tests/system/lib.sh reads it
. "$(dirname "$0")/lib.sh"
disk_mount
KIND=$(stat -f -c %T /disk)

left() { stat -f -c '%a %S' /disk | awk '{ printf "%.0f\n", $1 * $2 }'; }
has_left() { # LOW HIGH
	local n
	n=$(left)
	[ "$n" -ge "$1" ] && [ "$n" -le "$2" ]
}

CASE="what the plan says on $KIND"
echo original >"$TREE/config"
run attack file.replace "$TREE/config" --content broken --target host --for 60s --dry-run
exits "it is printed" 0
if [ "$KIND" = btrfs ]; then
	has "the log may lose its end" "$OUT" "undo log is on btrfs, which copies on write: .*not against loss of power"
else
	check_not "nothing of copying on write" grep -q 'copies on write' <<<"$OUT"
fi

CASE="a file replaced on $KIND, all killed"
snapshot_disk >"$DIR/before"
start attack file.replace "$TREE/config" --content broken --target host --for 60s
check "replaced" wait_for 10 grep -q broken "$TREE/config"
all="$RUNNER $(pgrep -x squall-keeper)"
# shellcheck disable=SC2086  # a list; stopped first, or the one puts back what the other did
kill -STOP $all
# shellcheck disable=SC2086
kill -KILL $all
{ wait "$RUNNER"; } 2>/dev/null # without bash saying that it was killed
check "still so" grep -q broken "$TREE/config"
run undo
exits "undo puts it back" 0
check "residue 0" diff "$DIR/before" <(snapshot_disk)

CASE="space taken on $KIND"
sync
before=$(left)
start attack disk.fill /disk 16MiB --floor 0% --target host --for 5s
# what was set aside for data before is not counted twice
check "it is gone" wait_for 10 has_left 0 $((before - 15728640))
finish 60
exits "ended as asked" 0
has "the dose says so" "$OUT" 'asked 16MiB of space, achieved 16MiB within'
# a file system may keep accounts of its own, and may be slow to free
sync
check "it is back" wait_for 10 has_left $((before - 1048576)) $((before + 16777216))
vm_end
