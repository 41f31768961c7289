#!/bin/bash
# The machine owner's policy and halt, where they really are: /etc/squall and /run/squall, in the
# private mount namespace of the test. Bound: root and ordinary users, whatever SQUALL_DIR says.
# Runs alone: it halts, and looks for, all that squall does on the machine.
. "$(dirname "$0")/lib.sh"

NOBODY=65534
# /etc, /run and /var/lib of our own, in memory, in the test's mount namespace; a folder of the
# machine is never reachable below the box, which is removed.
places() {
	[ -z "${PLACES:-}" ] || return 0
	[ "$(readlink /proc/self/ns/mnt)" != "$(readlink /proc/1/ns/mnt)" ] || exit 2
	PLACES=1
	mkdir "$BOX/etc"
	mount -t tmpfs -o mode=755 none "$BOX/etc" || exit 2
	cp -a /etc/. "$BOX/etc/"
	mount --move "$BOX/etc" /etc || exit 2
	mount -t tmpfs -o mode=755,size=64M none /run || exit 2
	mount -t tmpfs -o mode=755 none /var/lib || exit 2
	mkdir /run/netns
}
# As on a machine: no SQUALL_DIR. policy TEXT writes /etc/squall/policy.yaml.
machine() {
	places
	unset SQUALL_DIR
	rm -rf /etc/squall /run/squall /var/lib/squall
	# What runs squall as another user must be able to reach it.
	chmod 755 "$BOX" "$DIR"
	install -m 755 "$BUILD/squall" "$BUILD/squall-keeper" "$BOX/"
	export SQUALL_KEEPER=$BOX/squall-keeper
	mkdir -p "$DIR/home"
	chown $NOBODY "$DIR/home"
	spawn sleep 300
	VICTIM=$PID
	referee_before
}
policy() {
	mkdir -p /etc/squall
	chmod 755 /etc/squall
	printf 'squall-policy: 1\n%s\n' "$*" >/etc/squall/policy.yaml
	chmod 644 /etc/squall/policy.yaml
}
# user ARGUMENTS…: squall as an ordinary user with a home of its own; $STATUS, $OUT, $ERR.
AS=(setpriv --reuid "$NOBODY" --regid "$NOBODY" --clear-groups env -u XDG_CONFIG_HOME -u XDG_RUNTIME_DIR)
user() {
	"${AS[@]}" HOME="$DIR/home" "$BOX/squall" "$@" >"$DIR/out" 2>"$DIR/err" </dev/null
	STATUS=$?
	OUT=$(cat "$DIR/out") ERR=$(cat "$DIR/err")
}
own_victim() { # a process of that user's
	spawn "${AS[@]}" sleep 300
	OWN=$PID
	wait_for 2 grep -qx sleep "/proc/$OWN/comm"
}
untouched() { check_not "$1: the victim was never stopped" is_stopped "$VICTIM"; }
# refused WHAT LINE: exit 4, on standard error, with the policy's place
refused() {
	exits "$1: refused" 4
	has "$1: by that line, on standard error" "$ERR" "policy \"/etc/squall/policy.yaml:$2\" refuses"
	untouched "$1"
}

case_absent() {
	machine
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "no policy, no limit" 0
	referee_after
}
case_binds_root() {
	machine
	policy 'faults: {denied: [proc.pause]}'
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	refused "root" 2
	SQUALL_DIR=$DIR/elsewhere run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	refused "root with SQUALL_DIR" 2
	cat >"$DIR/x.yaml" <<-X
		squall: 1
		title: x
		allow: [irreversible, host-wide, control-path]
		method: [{fault: proc.pause, target: {process: {pid: $VICTIM}}, for: 300ms}]
	X
	run run --allow irreversible,host-wide,control-path "$DIR/x.yaml"
	refused "a file and a flag" 2
	run check "$DIR/x.yaml"
	exits "check says so" 4
	has "by that line" "$OUT" 'policy.yaml:2'
	run plan "$DIR/x.yaml"
	exits "plan says so" 4
	rm /etc/squall/policy.yaml
	run run "$DIR/x.yaml"
	exits "without it: held or done" 0
	referee_after
}
case_binds_ordinary_users() {
	machine
	own_victim
	referee_before
	policy 'faults: {allowed: [network]}'
	user attack proc.pause --target "process.pid=$OWN" --for 300ms
	exits "a user: refused" 4
	has "by that line" "$ERR" 'policy.yaml:2" refuses'
	SQUALL_DIR=$DIR/home/elsewhere XDG_CONFIG_HOME=/nowhere user attack proc.pause --target "process.pid=$OWN" --for 300ms
	exits "with SQUALL_DIR: refused" 4
	check_not "never stopped" is_stopped "$OWN"
	# A policy of the user's own cannot make the machine's looser, but stricter.
	mkdir -p "$DIR/home/.config/squall"
	printf 'squall-policy: 1\nfaults: {allowed: [proc]}\n' >"$DIR/home/.config/squall/policy.yaml"
	chown -R $NOBODY "$DIR/home/.config"
	user attack proc.pause --target "process.pid=$OWN" --for 300ms
	exits "with a policy of its own: refused" 4
	policy 'who: {users: [nobody]}'
	user attack proc.pause --target "process.pid=$OWN" --for 300ms
	exits "when it may: done" 0
	printf 'squall-policy: 1\nfaults: {denied: [proc]}\n' >"$DIR/home/.config/squall/policy.yaml"
	user attack proc.pause --target "process.pid=$OWN" --for 300ms
	exits "its own policy binds it too" 4
	has "by that file" "$ERR" '/home/.config/squall/policy.yaml:2" refuses'
	rm -r "$DIR/home/.config"
	policy 'who: {users: [root]}'
	user attack proc.pause --target "process.pid=$OWN" --for 300ms
	exits "root alone may run" 4
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "and does" 0
	referee_after
}
case_cannot_be_trusted() {
	local what
	machine
	policy 'halt: root'
	chmod 666 /etc/squall/policy.yaml
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "writable by others" 4
	has "with the reason" "$ERR" 'not safe to trust'
	chmod 644 /etc/squall/policy.yaml
	chown $NOBODY /etc/squall/policy.yaml
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "owned by another" 4
	chown 0 /etc/squall/policy.yaml
	chmod 777 /etc/squall
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "a folder writable by others" 4
	chmod 755 /etc/squall
	for what in 'faults: {denid: []}' 'faults: [' 'limits: {cpu.quota: {quota: lots}}'; do
		policy "$what"
		run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
		exits "not whole ($what)" 4
		has "with the problem at its place" "$ERR" '/etc/squall/policy.yaml:[0-9]+:[0-9]+: error:'
	done
	head -c 4000000 /dev/zero >/etc/squall/policy.yaml
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "four megabytes of zeros" 4
	policy 'halt: root'
	chmod 600 /etc/squall/policy.yaml
	user attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "a user cannot read it" 4
	has "with the remedy" "$ERR" 'mode 644'
	mv /etc/squall/policy.yaml /etc/squall/real
	ln -s real /etc/squall/policy.yaml
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "a link" 4
	rm -r /etc/squall
	ln -s /tmp /etc/squall
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "a folder that is a link" 4
	rm /etc/squall
	untouched "all"
	# Ending and putting back are never forbidden.
	policy 'faults: ['
	run undo
	exits "undo goes on" 0
	run halt
	exits "halt goes on" 0
	run status
	has "status says that no run may be made" "$OUT" 'no run may be made'
	run resume
	exits "resume goes on" 0
	referee_after
}
case_protected() {
	machine
	policy "protect: {processes: [{name: sleep, user: root}]}"
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	refused "a process by name, though named by pid" 2
	echo "$VICTIM" >/run/victim.pid
	policy "protect: {processes: [{pid-file: /run/victim.pid}]}"
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	refused "by pid file" 2
	echo 1 >/run/victim.pid
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "another's pid file" 0
	rm /run/victim.pid
	need cgroup-cpu || return
	cgroup safe
	spawn in_cgroup safe sleep 300
	VICTIM=$PID
	referee_before
	policy "protect: {cgroups: [/$SQ_ID/safe]}"
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	refused "by cgroup" 2
	run attack cpu.quota 50% --target "cgroup=/$SQ_ID" --for 1s
	exits "the cgroup above" 4
	policy "protect: {cgroups: [/$SQ_ID/other]}"
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "another cgroup" 0
	referee_after
}
case_limits_of_time() {
	local now day
	machine
	now=$(date -u +%H:%M) day=$(LC_ALL=C date -u +%a | tr '[:upper:]' '[:lower:]')
	policy "times: {zone: UTC, windows: []}"
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	refused "never" 2
	policy "times: {zone: UTC, windows: [{days: [$day]}, {days: [$(LC_ALL=C date -u -d tomorrow +%a | tr '[:upper:]' '[:lower:]')]}]}"
	TZ=Pacific/Kiritimati run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "today and tomorrow" 0
	policy "times: {zone: UTC, windows: [{from: \"$now\", to: \"$(date -u -d '+1 minute' +%H:%M)\"}]}"
	run attack proc.pause --target "process.pid=$VICTIM" --for 10m
	exits "beyond the window" 4
	policy "blast-radius: {max-duration: 1m}"
	run attack proc.pause --target "process.pid=$VICTIM" --for 10m
	refused "too long" 2
	referee_after
}
case_floors_and_moments() {
	machine
	policy "floors: {memory: 1MiB, disk: 1MiB, process-ids: 1}"
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "floors do not forbid what uses nothing" 0
	run status --json
	is "status names the policy" "$(jq -r '.policy[0] | .file, .rules' <<<"$OUT" | tr '\n' ' ')" "/etc/squall/policy.yaml 3 "
	referee_after
}
available() { awk '$1 == "MemAvailable:" { printf "%.0f\n", $2 * 1024 }' /proc/meminfo; }
held_bytes() { awk '$1 == "VmRSS:" { printf "%.0f\n", $2 * 1024 }' "/proc/$(ours squall-helper | head -n1)/status" 2>/dev/null; }
holds() { [ "$(held_bytes)" -ge "$1" ]; }
case_floor_of_process_ids() {
	machine
	policy "floors: {process-ids: 400000000}"
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	refused "more than there are" 2
	has "how many are free, and what bounds them" "$ERR" '[0-9]+ are free \((kernel|cgroup).*400000000 must stay'
	is "no keeper was started" "$(find /var/lib/squall/runs -name undo.log 2>/dev/null)" ""
	printf 'squall: 1\ntitle: x\nmethod: [{fault: proc.pause, target: {process: {pid: %s}}, for: 300ms}]\n' "$VICTIM" >"$DIR/x.yaml"
	run check "$DIR/x.yaml"
	exits "check says so" 4
	has "by that line" "$OUT" 'policy.yaml:2'
	run undo
	exits "undo goes on" 0
	need cgroup-pids || return
	mkdir "$CGPIDS/$SQ_ID-few"
	echo 60 >"$CGPIDS/$SQ_ID-few/pids.max"
	policy "floors: {process-ids: 50}"
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "few are wanted: done" 0
	# shellcheck disable=SC2016  # for the inner shell
	sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$CGPIDS/$SQ_ID-few" \
		"$SQUALL" attack proc.pause --target "process.pid=$VICTIM" --for 300ms >"$DIR/out" 2>"$DIR/err" </dev/null
	STATUS=$? OUT=$(cat "$DIR/out") ERR=$(cat "$DIR/err")
	refused "few are left in squall's own cgroup" 2
	has "named" "$ERR" "cgroup \"$CGPIDS/$SQ_ID-few\""
	rmdir "$CGPIDS/$SQ_ID-few"
	referee_after
}
case_floor_of_memory() {
	local floor
	machine
	floor=$(($(available) - 512 * 1048576)) # others on the machine take and give, too
	policy "floors: {memory: 1000TiB}"
	run attack mem.fill 1MiB --floor 0% --target host --for 300ms
	exits "nothing may be taken, whatever the fault's own floor" 4
	has "by the owner's floor" "$ERR" '1000TiB must stay'
	has "which the hint names" "$ERR" '/etc/squall/policy.yaml:2"'
	policy "floors: {memory: ${floor}B}"
	start attack mem.fill --share 100% --floor 0% --target host --for 4s
	check "it takes what is above" wait_for 3 holds 8388608
	check "the floor is there" wait_for 2 eval '[ "$(available)" -ge $((floor - 67108864)) ]'
	finish
	exits "ended as asked" 0
	has "bounded by it: not the share that was asked" "$OUT" 'more would have gone below the floor'
	referee_after
}
case_floor_of_a_disk() {
	need tmpfs || return
	machine
	mkdir -p "$DIR/mnt"
	mount -t tmpfs -o size=32m none "$DIR/mnt"
	referee_before
	policy "floors: {disk: 20MiB}"
	run attack disk.fill "$DIR/mnt" 16MiB --floor 0% --target host --for 300ms
	exits "more than the owner leaves: refused" 4
	has "by the owner's floor" "$ERR" '20MiB must stay'
	run attack disk.fill "$DIR/mnt" 8MiB --floor 0% --target host --for 300ms
	exits "less: done" 0
	start attack disk.fill "$DIR/mnt" --share 100% --floor 0% --target host --for 3s
	check "it takes what is above" wait_for 2 eval '[ "$(stat -f -c %a "$DIR/mnt")" = $((20 * 256)) ]'
	finish
	exits "ended as asked" 0
	has "and no more" "$OUT" 'achieved 12MiB.*more would have gone below the floor'
	referee_after
}

# --- halt ----------------------------------------------------------------------------------------
user_run() { # in the background: a long run of the user's; $RUNNER
	("${AS[@]}" HOME="$DIR/home" "$BOX/squall" attack proc.pause --target "process.pid=$OWN" --for 60s \
		>"$DIR/user.out" 2>&1 </dev/null) &
	USER_RUN=$!
	check "a user's run" wait_for 5 is_stopped "$OWN"
}
case_halt_by_root_ends_all() {
	machine
	own_victim
	referee_before
	SQUALL_DIR=$DIR/elsewhere start attack proc.pause --target "process.pid=$VICTIM" --for 60s
	check "root's run" wait_for 5 is_stopped "$VICTIM"
	user_run
	run halt --reason "incident 7"
	exits "halt" 0
	check "the user's is back when halt returns" is_running "$OWN"
	check "also what has SQUALL_DIR" wait_for 1 is_running "$VICTIM"
	SQUALL_DIR=$DIR/elsewhere finish
	exits "aborted" 6
	has "with reason and by whom" "$OUT" 'ended early by halt: incident 7: by root at 20'
	wait "$USER_RUN"
	is "the user's run was aborted" $? 6
	has "the user is told why" "$(cat "$DIR/user.out")" 'incident 7: by root'
	user attack proc.pause --target "process.pid=$OWN" --for 300ms
	exits "the user's new runs are refused" 4
	has "with the reason" "$ERR" 'halted since .* by root: incident 7'
	has "and who can lift it" "$ERR" 'Root'
	user resume
	exits "the user cannot lift it" 4
	run resume
	exits "root can" 0
	user attack proc.pause --target "process.pid=$OWN" --for 300ms
	exits "runs are allowed again" 0
	referee_after
}
case_halt_by_a_user() {
	machine
	own_victim
	referee_before
	start attack proc.pause --target "process.pid=$VICTIM" --for 60s
	check "root's run" wait_for 5 is_stopped "$VICTIM"
	user_run
	user halt --reason mine
	exits "halt" 0
	check "its own is back" is_running "$OWN"
	wait "$USER_RUN"
	check "root's goes on" is_stopped "$VICTIM"
	user halt --everyone --reason "the shop is down"
	exits "halt --everyone" 0
	check "root's is back when it returns" is_running "$VICTIM"
	finish
	has "root is told why, and by whom" "$OUT" 'the shop is down: by nobody at'
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "root's new runs are refused" 4
	run status
	has "status says by whom" "$OUT" 'by nobody: the shop is down'
	run resume
	exits "root lifts it" 0
	user resume
	exits "and the user its own" 0
	# Nothing that a user puts there does more than halt.
	"${AS[@]}" ln -s /etc/shadow /run/squall/anyone/halt
	run status
	check_not "a link is not followed" grep -q 'root:' <<<"$OUT"
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "a link halts" 4
	run resume
	check "what the link named is there" test -e /etc/shadow
	"${AS[@]}" mkfifo /run/squall/anyone/halt
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "a pipe halts, and is not waited for" 4
	run resume
	# Where the owner does not want it.
	policy 'halt: root'
	user halt --everyone
	exits "the policy can keep it for root" 4
	has "with the reason" "$ERR" "root alone"
	"${AS[@]}" touch /run/squall/anyone/halt
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "then a user's word does not count" 0
	user resume
	referee_after
}
case_halt_on_a_full_disk() {
	machine
	start attack proc.pause --target "process.pid=$VICTIM" --for 60s
	check "root's run" wait_for 5 is_stopped "$VICTIM"
	head -c 200M /dev/zero >/run/filler 2>/dev/null
	run halt --reason full
	exits "halt" 0
	check "back" is_running "$VICTIM"
	finish
	run attack proc.pause --target "process.pid=$VICTIM" --for 300ms
	exits "new runs are refused" 4
	rm /run/filler
	run resume
	exits "resume" 0
	referee_after
}
case_halt_on_a_disk_that_is_read_only() {
	machine
	start attack proc.pause --target "process.pid=$VICTIM" --for 60s
	check "root's run" wait_for 5 is_stopped "$VICTIM"
	mount -o remount,ro /run
	run halt --reason "cannot write"
	check "back all the same" is_running "$VICTIM"
	exits "said" 8
	has "that new runs are not refused" "$OUT" 'NOT halted'
	mount -o remount,rw /run
	finish
	run undo # the claim is a file on that disk: nobody could remove it
	referee_after
}
# No run starts after halt has returned, whenever it was begun.
case_halt_races_with_arming() {
	local i late=0
	machine
	for i in 1 2 3 4 5 6 7 8; do
		start attack proc.pause --target "process.pid=$VICTIM" --for 60s
		read -rt "0.0$i" -u "$NEVER"
		run halt --reason "race $i"
		# From here on nothing may be stopped.
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			is_stopped "$VICTIM" && late=$((late + 1))
			read -rt 0.02 -u "$NEVER"
		done
		finish
		run resume
	done
	is "runs in effect after halt had returned" "$late" 0
	referee_after
}
case_status_watch() {
	machine
	policy 'blast-radius: {max-duration: 5m}'
	("$SQUALL" status --watch >"$DIR/lines" 2>&1 </dev/null & echo $! >"$DIR/lines.pid"; wait) &
	("$SQUALL" status --watch --json >"$DIR/docs" 2>&1 </dev/null & echo $! >"$DIR/docs.pid"; wait) &
	check "it begins" wait_for 5 grep -q 'nothing is active' "$DIR/lines"
	check "as JSON too" wait_for 5 test -s "$DIR/docs"
	run attack proc.pause --target "process.pid=$VICTIM" --for 1500ms
	exits "a run" 0
	check "in effect" wait_for 3 grep -qE ' in, 1 in effect' "$DIR/lines"
	check "over" wait_for 3 sh -c "tail -n1 '$DIR/lines' | grep -q 'nothing is active'"
	kill -INT "$(cat "$DIR/lines.pid")" "$(cat "$DIR/docs.pid")"
	check "Ctrl-C leaves" wait_for 2 is_gone "$(cat "$DIR/lines.pid")"
	wait
	check "each document is one line" jq -es 'length >= 3 and all(has("runs"))' "$DIR/docs"
	is "no document twice" "$(uniq -d "$DIR/docs" | wc -l)" 0
	is "in effect, with its target" "$(jq -s -r '[.[] | .runs[].attacks[] | select(.state == "in") | .targets[0]][0]' "$DIR/docs")" "process $VICTIM (sleep)"
	referee_after
}
run_cases
