#!/bin/bash
# An abort while the machine has nothing left: the disk full, no process ids, no memory, no traffic.
# Everything is put back all the same.
# Runs alone: it measures what the machine gives.
. "$(dirname "$0")/lib.sh"

left() { stat -f -c %a "$1"; }
is_full() { [ "$(left "$DISK")" = 0 ]; }
# All that squall keeps is on a small disk of its own.
small_disk() {
	DISK=$DIR/mnt-own
	mkdir -p "$DISK"
	mount -t tmpfs -o size=24m none "$DISK"
	export SQUALL_DIR=$DISK/squall
}
interrupted() { # the run ends by Ctrl-C, and all is back within a second
	local t0
	t0=$(now_ms)
	kill -INT "$RUNNER"
	check "$1: back within a second" wait_for 1 no_residue
	note "$(($(now_ms) - t0)) ms"
	finish 10
	exits "$1: aborted" 6
}

case_disk_full() {
	need tmpfs || return
	small_disk
	spawn sleep 3000
	referee_before
	cat >"$DIR/both.yaml" <<-YAML
		squall: 1
		title: A full disk, and something that must be put back
		method:
		  - together:
		      - {fault: proc.pause, target: {process: {pid: $PID}}, for: 60s}
		      - {fault: disk.fill, target: {host: }, with: {path: "$DISK", share: 100%, floor: 0%}, for: 60s}
	YAML
	start run "$DIR/both.yaml"
	check "the disk is full" wait_for 10 is_full
	check "the victim is stopped" wait_for 5 is_stopped "$PID"
	interrupted "the disk full"
	check_not "the disk has room again" is_full
	referee_after
}
case_halt_on_a_full_disk() {
	need tmpfs || return
	small_disk
	referee_before
	start attack disk.fill "$DISK" --share 100% --floor 0% --target host --for 60s
	check "the disk is full" wait_for 10 is_full
	"$SQUALL" halt --reason "the disk is full" >"$BOX/halt" 2>&1
	finish 10
	exits "halted" 6
	check_not "the disk has room again" is_full
	run resume
	referee_after
}
case_killed_on_a_full_disk() {
	need tmpfs || return
	small_disk
	spawn sleep 3000
	referee_before
	start attack proc.pause --target "process.pid=$PID" --for 60s
	check "the victim is stopped" wait_for 5 is_stopped "$PID"
	dd if=/dev/zero of="$DISK/file" bs=1M 2>/dev/null
	kill -KILL "$RUNNER" "$(keeper_pid)"
	finish
	run undo
	exits "undo works on a full disk" 0
	check "the victim runs" is_running "$PID"
	rm "$DISK/file"
	run undo
	referee_after
}
case_no_process_ids() {
	local pids
	need cgroup-pids || return
	pids=$CGPIDS/$SQ_ID-pids
	mkdir -p "$pids"
	spawn sleep 3000
	referee_before
	(
		echo "$BASHPID" >"$pids/cgroup.procs"
		exec "$SQUALL" attack proc.pause --target "process.pid=$PID" --for 60s >"$DIR/out.$BASHPID" 2>"$DIR/err.$BASHPID" </dev/null
	) &
	RUNNER=$!
	check "the victim is stopped" wait_for 5 is_stopped "$PID"
	echo 1 >"$pids/pids.max"
	interrupted "no process ids"
	check "its group can go" wait_for 2 rmdir "$pids"
	referee_after
}
case_no_memory() {
	local group
	need cgroup-memory || return
	cgroup own
	group=$MEMGROUP
	if [ -e "$group/memory.max" ]; then echo 96M >"$group/memory.max"; else echo 96M >"$group/memory.limit_in_bytes"; fi
	referee_before
	(
		echo "$BASHPID" >"$group/cgroup.procs"
		exec "$SQUALL" attack mem.fill --share 100% --floor 0% --target "cgroup=/$SQ_ID/own" --for 60s >"$DIR/out.$BASHPID" 2>"$DIR/err.$BASHPID" </dev/null
	) &
	RUNNER=$!
	check "the memory of its own group is taken" wait_for 20 eval '[ "$(cat "$MEMGROUP"/memory.current "$MEMGROUP"/memory.usage_in_bytes 2>/dev/null)" -gt 94000000 ]'
	interrupted "no memory"
	referee_after
}
case_no_traffic() {
	need nft || return
	referee_before
	start attack net.cut --target host --allow host-wide,control-path --for 60s
	check "nothing goes through" wait_for 5 eval '! ping -c1 -W1 127.0.0.1'
	interrupted "no traffic"
	check "traffic goes through" ping -c1 -W1 127.0.0.1
	referee_after
}
run_cases
