#!/bin/bash
# How soon an abort (Ctrl-C) is ordered, and how soon all is back, while the machine has nothing left:
# the disk full, no process ids, no memory in squall's own group, no traffic.
#
#   bench/starved.sh [RUNS]     5 of each if left out; needs python3, as root
#
# Bars: ordered within 20 ms, all back within 1 s + 40 ms for each GiB held.
if [ -z "${SQ_SPACES:-}" ]; then
	SQ_SPACES=1 exec unshare --mount --net --propagation private -- "$0" "$@"
fi
. "$(dirname "$0")/held.sh"
runs=${1:-5}
group_root() { awk -v c="$1" '$3 == "cgroup" && $4 ~ "(^|,)" c "(,|$)" { print $2; exit }' /proc/mounts; }
memory=$(group_root memory) pids=$(group_root pids)
v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
memory=${memory:-$v2}/squall-bench-$$ pids=${pids:-$v2}/squall-bench-$$
mkdir "$dir/small" "$memory" "$pids" 2>/dev/null
mount -t tmpfs -o size=32m none "$dir/small"
mkfifo "$dir/go"
exec 5<>"$dir/go"
sleep 3600 &
victim=$!
trap 'kill $victim $started 2>/dev/null; wait 2>/dev/null; umount "$dir/small"; rmdir "$memory" "$pids"; rm -rf "$dir"' EXIT
ip link set lo up

is_in() { # waits until what was started is in effect
	for _ in $(seq 1000); do
		eval "$1" && return
		sleep 0.01
	done
	return 1
}
# once NAME GROUP READY STARVE COMMAND…
once() {
	local name=$1 group=$2 ready=$3 starve=$4 ordered out code
	shift 4
	(
		[ -z "$group" ] || echo "$BASHPID" >"$group/cgroup.procs"
		exec "$look" aborts "$squall" "$@" --json <"$dir/go" >"$dir/figures"
	) &
	started="$started $!"
	is_in "$ready" || echo "  $name: never in effect"
	eval "$starve"
	echo >&5
	wait $!
	read -r ordered out code <"$dir/figures"
	[ "${code:-0}" = 6 ] || { echo "  $name: ended with ${ordered:-nothing} ${code:-}"; status=1; }
	echo "$ordered $out" >>"$dir/$name"
}
stopped() { [ "$(awk '{ print $3 }' "/proc/$victim/stat")" = T ]; }
export -f stopped
full() { [ "$(stat -f -c %a "$dir/small")" = 0 ]; }
charged() { [ "$(cat "$memory/memory.usage_in_bytes" "$memory/memory.current" 2>/dev/null)" -gt "$1" ]; }
limit() { # BYTES
	if [ -e "$memory/memory.max" ]; then echo "$1" >"$memory/memory.max"; else echo "$1" >"$memory/memory.limit_in_bytes"; fi
}
own=$SQUALL_DIR
for _ in $(seq "$runs"); do
	SQUALL_DIR=$dir/small/squall once disk "" full : attack disk.fill "$dir/small" --share 100% --floor 0% --target host --for 60s
	SQUALL_DIR=$own
	once pids "$pids" stopped 'echo 1 >"$pids/pids.max"' attack proc.pause --target "process.pid=$victim" --for 60s
	echo max >"$pids/pids.max"
	limit 1288490188
	once memory "$memory" 'charged 1250000000' : attack mem.fill --share 100% --floor 0% --target "cgroup=/${memory##*/}" --for 60s
	once traffic "" '! ping -q -c1 -W1 127.0.0.1 >/dev/null' : attack net.cut --target host --allow host-wide,control-path --for 60s
done
for name in disk pids memory traffic; do
	echo "$name: $(wc -l <"$dir/$name") aborts"
	bar "ordered after ms, at most" "$(sort -g "$dir/$name" | tail -n1 | cut -d' ' -f1)" "<=" 20
	if [ $name = memory ]; then most=1048; else most=1000; fi
	bar "all back after ms, at most" "$(sort -g -k2,2 "$dir/$name" | tail -n1 | cut -d' ' -f2)" "<=" $most
done
finish
