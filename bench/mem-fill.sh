#!/bin/bash
# mem.fill of 2 GiB beside stress-ng in the same run: how much, how soon, and what holding it costs.
#
#   bench/mem-fill.sh [ROUNDS]     3 if left out; needs python3 and stress-ng, as root
#
# Bars: bytes within 1 %, not slower than stress-ng (median), at most 1 % of a core while it holds,
# and back at most 1 s + 40 ms for each GiB after Ctrl-C.
. "$(dirname "$0")/held.sh"
rounds=${1:-3}
want=$((2 << 20)) # KiB

# Pages that the machine has never used are slow on some virtual machines: all are touched once before.
ours() { # prints: seconds KiB percent back
	local pid seconds kib cost t0
	rm -rf "$SQUALL_DIR"
	"$squall" attack mem.fill 2GiB --target host --for 120s >/dev/null 2>&1 &
	runner=$!
	started="$started $runner"
	pid=$(helper_of)
	read -r seconds kib <<<"$("$look" resident "$pid" "$want" 100)"
	cost=$("$look" cpu "$pid" "$1")
	t0=${EPOCHREALTIME/./}
	kill -INT "$runner"
	while [ -e "/proc/$pid" ]; do sleep 0.005; done
	echo "$seconds $kib $cost $(((${EPOCHREALTIME/./} - t0) / 1000))"
	wait "$runner"
}
theirs() {
	local pid seconds kib cost
	stress-ng --quiet --vm 1 --vm-bytes 2G --vm-keep --timeout 120s &
	runner=$!
	started="$started $runner"
	# a process of its own watches over the one that holds
	pid=$(child_of "$(child_of "$runner" stress-ng-vm)" stress-ng-vm)
	read -r seconds kib <<<"$("$look" resident "$pid" "$want" 100)"
	cost=$("$look" cpu "$pid" "$1")
	echo "$seconds $kib $cost"
	kill -INT "$runner"
	wait "$runner"
}
median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

theirs 1 >/dev/null
for _ in $(seq "$rounds"); do
	read -r seconds kib cost <<<"$(theirs 3)"
	echo "stress-ng: $kib KiB resident after $seconds s, then $cost% of a core"
	echo "$seconds" >>"$dir/theirs"
	read -r seconds kib cost back <<<"$(ours 3)"
	echo "squall: $kib KiB resident after $seconds s, then $cost% of a core; gone $back ms after Ctrl-C"
	echo "$seconds" >>"$dir/ours"
	bar "bytes, percent off" "$(awk -v k="$kib" -v w="$want" 'BEGIN { d = (k - w) / w * 100; print d < 0 ? -d : d }')" "<=" 1
	bar "percent of a core while it holds" "$cost" "<=" 1
	bar "ms until gone" "$back" "<=" 1080
done
bar "seconds, median" "$(median <"$dir/ours")" "<=" "$(median <"$dir/theirs")"
finish
