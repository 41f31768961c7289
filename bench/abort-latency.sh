#!/bin/bash
# How soon an abort reverts: from the look that makes an abort condition true to the last order to
# revert, and to everything being gone; on an idle machine and with a busy loop on each CPU.
#
#   bench/abort-latency.sh [RUNS]      200 if left out; needs jq
#
# Bars (p99): 20 ms and 50 ms. Ends with status 1 when one is missed. Times are the record's own
# (CLOCK_BOOTTIME); that the victim runs again is checked from outside after each run.
set -eu
cd "$(dirname "$0")/.."
squall=$PWD/${BUILD:-build}/squall
runs=${1:-200}
dir=$(mktemp -d)
export SQUALL_DIR=$dir/squall
sleep 3600 &
victim=$!
loops=
trap 'kill $victim $loops 2>/dev/null; rm -rf "$dir"' EXIT

# The condition crosses 100 ms after the attack began: a file appears.
cat >"$dir/run.yaml" <<-YAML
	squall: 1
	title: How soon an abort reverts
	hypothesis: {says: The file never appears.}
	abort:
	  - probe: {file: {path: "$dir/trip"}}
	    when: {exists: true}
	    every: 10ms
	method:
	  - fault: proc.pause
	    target: {process: {pid: $victim}}
	    for: 10s
	  - wait: 10s
YAML

once() {
	rm -f "$dir/trip"
	(
		# Trips once the victim is stopped.
		for _ in $(seq 500); do
			[ "$(awk '{ print $3 }' /proc/$victim/stat)" != T ] || break
			sleep 0.01
		done
		: >"$dir/trip"
	) &
	local tripper=$!
	"$squall" run --json "$dir/run.yaml" >"$dir/events" || true
	wait $tripper
	[ "$(awk '{ print $3 }' /proc/$victim/stat)" != T ] || { echo "the victim is still stopped" >&2; exit 1; }
	# The crossing look is the last one before the abort; all times in nanoseconds since the start.
	jq -rs '
		(map(select(.type == "abort"))[0].t) as $abort |
		(map(select(.type == "look" and .of == "abort" and .t <= $abort)) | last | .t) as $crossed |
		(map(select(.type == "ordered-out" and .t >= $abort)) | last | .t) as $ordered |
		(map(select(.type == "attack-out")) | last | .t) as $gone |
		"\(($ordered - $crossed) / 1e6) \(($gone - $crossed) / 1e6)"
	' "$dir/events" >>"$dir/$1"
}

# p50 p99 of column $2 of file $1, by nearest rank
quantiles() {
	sort -g -k "$2,$2" "$1" | awk -v c="$2" '{ v[NR] = $c } END {
		a = int(NR * 0.5 + 0.999); b = int(NR * 0.99 + 0.999)
		printf "%.2f %.2f %.2f\n", v[a], v[b], v[NR] }'
}

status=0
for load in idle busy; do
	if [ $load = busy ]; then
		for _ in $(seq "$(nproc)"); do
			timeout 900 sh -c 'while :; do :; done' &
			loops="$loops $!"
		done
	fi
	for _ in $(seq "$runs"); do once $load; done
	for part in "1 20 last-revert-ordered" "2 50 all-gone"; do
		# shellcheck disable=SC2086  # three words on purpose
		set -- $part
		# shellcheck disable=SC2046
		set -- "$@" $(quantiles "$dir/$load" "$1")
		echo "$load: $(wc -l <"$dir/$load") aborts, crossed -> $3: p50 $4 ms, p99 $5 ms (bar $2), most $6 ms"
		awk -v p="$5" -v bar="$2" 'BEGIN { exit !(p <= bar) }' || status=1
	done
done
[ $status = 0 ] && echo ok || echo MISSED
exit $status
