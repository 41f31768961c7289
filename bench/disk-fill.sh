#!/bin/bash
# disk.fill of 5 GB on ext4 (a sparse file on a loop device, in a mount namespace of its own): how soon,
# and how exactly, as statfs tells.
#
#   bench/disk-fill.sh     needs e2fsprogs, as root
#
# Bars: at most 1 s from the order, within one block of what was asked.
[ -n "${SQ_MOUNTS:-}" ] || SQ_MOUNTS=1 exec unshare --mount --propagation private -- "$0" "$@"
. "$(dirname "$0")/held.sh"
asked=5000000000
if [ "$(stat -f -c '%a %S' "$dir" | awk '{ printf "%.0f", $1 * $2 / 1e9 }')" -lt 2 ]; then
	echo "less than 2 GB are free in $dir"
	exit 1
fi
truncate -s 8G "$dir/image"
mkfs.ext4 -q -F "$dir/image"
mkdir "$dir/mnt"
mount -o loop "$dir/image" "$dir/mnt" || exit
trap 'kill $started 2>/dev/null; wait 2>/dev/null; umount "$dir/mnt"; rm -rf "$dir"' EXIT
left() { stat -f -c '%a %S' "$dir/mnt" | awk '{ printf "%.0f\n", $1 * $2 }'; }
for _ in 1 2 3; do
	before=$(left)
	"$squall" attack disk.fill "$dir/mnt" 5GB --target host --for 60s --json >"$dir/events" 2>/dev/null &
	runner=$!
	started="$started $runner"
	helper_of >/dev/null
	t0=${EPOCHREALTIME/./}
	while [ $((before - $(left))) -lt $asked ] && [ $((${EPOCHREALTIME/./} - t0)) -lt 20000000 ]; do sleep 0.005; done
	t1=${EPOCHREALTIME/./}
	sleep 0.5
	gone=$((before - $(left)))
	kill -INT "$runner"
	wait "$runner"
	echo "squall: $gone bytes gone after $(((t1 - t0) / 1000)) ms; $(($(left) - before)) more or less afterwards"
	bar "bytes off" $((gone > asked ? gone - asked : asked - gone)) "<=" 4096
	bar "ms" $(((t1 - t0) / 1000)) "<=" 1000
done
finish
