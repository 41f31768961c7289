#!/bin/bash
# A helper that is stopped past its deadline is gone at the deadline, by the kernel's hand.
. "$(dirname "$0")/lib.sh"

is_cut() { inside "$B" nft list tables | grep -q squall; }
is_free() { ! is_cut; }

bed() {
	netns_pair
	cat >"$DIR/x.yaml" <<-X
		squall: 1
		title: A cut with a short deadline
		blast-radius: {max-duration: 3s}
		method:
		  - fault: net.cut
		    target: {netns: $B}
		    with: {port: 7000}
		    for: 2500ms
	X
	referee_before
	T0=$(now_ms)
	start run "$DIR/x.yaml"
	check "cut" wait_for 5 is_cut
	HELPER=$(ours squall-helper)
	check "there is a helper" test -n "$HELPER"
}
case_helper_alone() {
	need nft && need veth || return
	bed
	kill -STOP $HELPER
	check "gone at the deadline" wait_for 4 is_free
	between "milliseconds from the start" $(($(now_ms) - T0)) 500 4000
	finish
	referee_after
}
case_helper_keeper_and_runner() {
	need nft && need veth || return
	local keeper
	bed
	keeper=$(keeper_pid)
	kill -STOP $HELPER "$keeper" "$RUNNER"
	check "gone at the deadline, with nobody awake" wait_for 5 is_free
	between "milliseconds from the start" $(($(now_ms) - T0)) 2500 4500
	kill -CONT "$keeper" "$RUNNER" 2>/dev/null
	finish
	referee_after "residue 0 once they go on" 1
}
run_cases
