#!/bin/bash
# What a run costs: wall time of a one-probe, one-fault run beyond the waits that it was told, against
# the bare commands in the same run; and the memory of all its processes together.
#
#   bench/overhead.sh [RUNS]      20 if left out; needs hyperfine and jq
#
# Bars: 60 ms, 30 MB (PSS, smaps_rollup of proc_pid_smaps(5)). Ends with status 1 when one is missed.
set -eu
cd "$(dirname "$0")/.."
squall=$PWD/${BUILD:-build}/squall
runs=${1:-20}
dir=$(mktemp -d)
export SQUALL_DIR=$dir/squall
sleep 600 &
victim=$!
trap 'kill $victim 2>/dev/null; rm -rf "$dir"' EXIT

experiment() { # FOR
	cat <<-YAML
		squall: 1
		title: What a run costs
		hypothesis:
		  says: Nothing happens.
		  steady:
		    - id: look
		      exec: {argv: ["/bin/true"]}
		      every: 10s
		      expect: {exit: 0}
		method:
		  - fault: proc.pause
		    target: {process: {pid: $victim}}
		    for: $1
	YAML
}
experiment 200ms >"$dir/run.yaml"
experiment 2s >"$dir/long.yaml"
# The same by hand: a look before, the fault for as long, a look after.
cat >"$dir/bare.sh" <<-SH
	/bin/true
	kill -STOP $victim
	sleep 0.2
	kill -CONT $victim
	/bin/true
SH

hyperfine -N --warmup 2 --runs "$runs" --export-json "$dir/times.json" \
	-n squall "$squall run $dir/run.yaml" -n bare "/bin/sh $dir/bare.sh" >"$dir/hyperfine.log" 2>&1 ||
	{ cat "$dir/hyperfine.log"; exit 1; }

"$squall" run "$dir/long.yaml" >/dev/null &
run=$!
most=0
# The run and all that descends from it, looked at until it ends.
pss() {
	local list=$1 p kids sum=0
	for p in $1; do
		kids=$(cat /proc/"$p"/task/*/children 2>/dev/null || true)
		[ -z "$kids" ] || list="$list $(descend "$kids")"
	done
	for p in $list; do
		sum=$((sum + $(awk '/^Pss:/ { print $2 }' /proc/"$p"/smaps_rollup 2>/dev/null || echo 0)))
	done
	echo "$sum"
}
descend() {
	local p
	for p in $1; do
		echo "$p"
		descend "$(cat /proc/"$p"/task/*/children 2>/dev/null || true)"
	done
}
while kill -0 $run 2>/dev/null && [ -e /proc/$run/smaps_rollup ]; do
	now=$(pss $run)
	[ "${now:-0}" -le "$most" ] || most=$now
	sleep 0.05
done
wait $run || true

jq -r --argjson kib "$most" '
	(.results[0].mean * 1000) as $squall | (.results[1].mean * 1000) as $bare |
	($squall - $bare) as $over |
	"squall \($squall | round) ms, bare \($bare | round) ms, beyond: \($over * 10 | round / 10) ms (bar 60)",
	"memory of all processes together: \($kib / 1000 * 10 | round / 10) MB (bar 30)",
	if $over <= 60 and $kib * 1.024 <= 30000 then "ok" else "MISSED" end
' "$dir/times.json" | tee "$dir/said"
grep -qx ok "$dir/said"
