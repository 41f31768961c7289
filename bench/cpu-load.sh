#!/bin/bash
# cpu.load beside stress-ng in the same run: how near to the share over 10 s, how even in windows of
# 100 ms; and 40 % against two busy loops.
#
#   bench/cpu-load.sh [SECONDS]     10 if left out; needs python3 and stress-ng, as root
#
# Bars: error at most 0.1 point, deviation at most 3 points, at least 35 of 40. A window counts only
# where the burner itself waited for a CPU less than 1 % of the time; the error is over all.
. "$(dirname "$0")/held.sh"
seconds=${1:-10}

# measure NAME PERCENT PID: sets error deviation counted mean
measure() {
	local all windows waited
	read -r mean error deviation counted all windows waited <<<"$("$look" windows "$3" "$seconds" "$2")"
	echo "$1 $2%: got $mean, error $error points; deviation $deviation in $counted windows that count ($all in all $windows); waited $waited%"
}
ours() { # PERCENT
	rm -rf "$SQUALL_DIR"
	"$squall" attack cpu.load "$1%" --target host --for $((seconds + 20))s >/dev/null 2>&1 &
	runner=$!
	started="$started $runner"
	measure squall "$1" "$(helper_of)"
	kill -INT "$runner"
	wait "$runner"
}
theirs() {
	stress-ng --quiet --cpu 1 --cpu-load "$1" --timeout $((seconds + 20))s &
	runner=$!
	started="$started $runner"
	measure stress-ng "$1" "$(child_of "$runner" stress-ng-cpu)"
	kill -INT "$runner"
	wait "$runner"
}
for share in 10 30 50 80; do
	theirs $share
	ours $share
	bar "error" "${error#-}" "<=" 0.1
	if [ "$counted" = 0 ]; then echo "  deviation: no window counts, the machine is too busy"; else bar "deviation" "$deviation" "<=" 3; fi
done
echo "against two busy loops:"
for _ in 1 2; do
	timeout 120 sh -c 'while :; do :; done' &
	started="$started $!"
done
theirs 40
ours 40
bar "of 40 asked" "$mean" ">=" 35
finish
