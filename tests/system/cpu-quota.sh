#!/bin/bash
# cpu.quota: a group gets only its share, measured by the CPU time of a burner, from outside.
# Runs alone: it measures what the machine gives.
. "$(dirname "$0")/lib.sh"

burner() { # in cgroup $1
	spawn in_cgroup "$1" sh -c 'while :; do :; done'
	BURNER=$PID
	wait_for 3 eval '[ "$(cpu_ticks "$BURNER")" -gt 2 ]'
}
# The burner's share of one CPU over about a second, in percent.
share() {
	local t0 t1 c0 c1
	t0=$(now_ms) c0=$(cpu_ticks "$BURNER")
	wait_for 1.2 false
	t1=$(now_ms) c1=$(cpu_ticks "$BURNER")
	echo $(((c1 - c0) * 100000 / $(getconf CLK_TCK) / (t1 - t0)))
}

case_limited() {
	need cgroup-cpu || return
	cgroup victim
	burner victim
	referee_before
	start attack cpu.quota --quota 20% --target "cgroup=/$SQ_ID/victim" --for 60s
	check "the limit is set" wait_for 5 is_limited
	between "the burner gets about its share" "$(share)" 12 28
	kill -INT "$RUNNER"
	finish
	exits "ended when told" 6
	check_not "the limit is gone" is_limited
	between "the burner gets more again" "$(share)" 30 110
	referee_after
}
case_of_a_process() {
	need cgroup-cpu || return
	cgroup victim
	burner victim
	referee_before
	start attack cpu.quota --quota 20% --target "process.pid=$BURNER" --for 60s
	check "its group is limited" wait_for 5 is_limited
	kill -INT "$RUNNER"
	finish
	exits "ended when told" 6
	referee_after
}
case_idle_group() {
	need cgroup-cpu || return
	cgroup victim
	referee_before
	run attack cpu.quota --quota 20% --target "cgroup=/$SQ_ID/victim" --for 500ms
	exits "nothing ran there: no effect, said so" 7
	referee_after
}
case_group_removed() {
	need cgroup-cpu || return
	cgroup victim
	referee_before
	start attack cpu.quota --quota 20% --target "cgroup=/$SQ_ID/victim" --for 60s
	check "the limit is set" wait_for 5 is_limited
	rmdir "$CPUGROUP"
	kill -INT "$RUNNER"
	finish
	check_not "gone with its object is no residue" test "$STATUS" = 5
	mkdir "$CPUGROUP"
	referee_after
}
case_changed_by_somebody_else() {
	need cgroup-cpu || return
	cgroup victim
	referee_before
	start attack cpu.quota --quota 20% --target "cgroup=/$SQ_ID/victim" --for 2s
	check "the limit is set" wait_for 5 is_limited
	if [ -e "$CPUGROUP/cpu.max" ]; then echo "77000 100000" >"$CPUGROUP/cpu.max"; else echo 77000 >"$CPUGROUP/cpu.cfs_quota_us"; fi
	finish
	exits "a change by somebody else is reported, not overwritten" 5
	has "with a command to paste" "$OUT$ERR" "$CPUGROUP"
	has "the other one's value is there" "$(cat "$CPUGROUP"/cpu.max "$CPUGROUP"/cpu.cfs_quota_us 2>/dev/null)" 77000
}
# Both attacks are prepared at arming; what the first did is not the second one's effect.
case_one_group_twice() {
	need cgroup-cpu || return
	cgroup victim
	burner victim
	cat >"$DIR/x.yaml" <<-EOF
		squall: 1
		title: twice
		method:
		  - {fault: cpu.quota, target: {cgroup: /$SQ_ID/victim}, with: {quota: 20%}, for: 1s}
		  - exec: {argv: [kill, -STOP, "$BURNER"]}
		  - {fault: cpu.quota, target: {cgroup: /$SQ_ID/victim}, with: {quota: 90%}, for: 1s}
	EOF
	run run "$DIR/x.yaml"
	exits "the second had nobody to limit" 7
	has "the first limited" "$(report_field '.dose[0]."no-effect", .dose[0].achieved')" 'false'
	is "the second did not" "$(report_field '.dose[1]."no-effect"')" true
}
# An attack whose target ends by itself, before it could show anything.
case_target_ends() {
	local rest
	need cgroup-cpu || return
	cgroup victim
	spawn in_cgroup victim sleep 4
	rest=$PID
	referee_before
	run attack cpu.quota --quota 50% --target "process.pid=$rest" --for 60s
	exits "had no effect" 7
	forget "^$rest@"
	referee_after
	spawn in_cgroup victim sleep 5
	cat >"$DIR/x.yaml" <<-EOF
		squall: 1
		title: gone
		hypothesis: {says: it holds, steady: [{id: up, exec: {argv: ["true"]}, expect: {exit: 0}}]}
		method: [{fault: cpu.quota, target: {process: {pid: $PID}}, with: {quota: 50%}, for: 60s}]
	EOF
	run run "$DIR/x.yaml"
	exits "and is no pass" 7
	is "in the record, too" "$(report_field .verdict)" no-effect
}
run_cases
