# shellcheck shell=bash
# shellcheck disable=SC2034  # the parts use what is set here
# What the parts about held things share; sourced.
#   helper_of RUNNER   the process that holds, by its card
#   bar WHAT VALUE "<=|>=" LIMIT   says it, and remembers in $status when it is missed
set -u
cd "$(dirname "$0")/.." || exit
squall=$PWD/${BUILD:-build}/squall
look=$PWD/bench/held.py
dir=$(mktemp -d)
export SQUALL_DIR=$dir/squall
started=
trap 'kill $started 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
status=0
bar() {
	if awk -v x="$2" -v b="$4" -v op="$3" 'BEGIN { exit !(x + 0 == x && (op == "<=" ? x <= b : x >= b)) }'; then
		echo "  $1: $2 (bar $3 $4)"
	else
		echo "  $1: $2 (bar $3 $4) MISSED"
		status=1
	fi
}
helper_of() {
	local card
	for _ in $(seq 500); do
		for card in "$SQUALL_DIR"/run/held/*; do
			[ -e "$card" ] && grep -qv ' absent' "$card" && { cut -d@ -f1 "$card" | head -n1; return; }
		done
		sleep 0.01
	done
	return 1
}
child_of() { # PID NAME: the newest child of that name
	local pid
	for _ in $(seq 500); do
		pid=$(pgrep -n -P "$1" "$2") && { echo "$pid"; return; }
		sleep 0.01
	done
	return 1
}
finish() {
	[ $status = 0 ] && echo ok || echo MISSED
	exit $status
}
