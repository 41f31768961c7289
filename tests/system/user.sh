#!/bin/bash
# Without root: an ordinary user's own processes, files, commands, delegated cgroups and namespaces; his runs
# are his alone, for other users and for root.
. "$(dirname "$0")/lib.sh"

A_UID=61234 B_UID=61235
OWN_SQUALL=$SQUALL

# as USER COMMAND…: with a home and a runtime folder of his own, and nothing of root's.
as() {
	local uid=$1
	shift
	setpriv --reuid="$uid" --regid="$uid" --clear-groups --inh-caps=-all -- \
		env -u SQUALL_DIR -u XDG_CONFIG_HOME HOME="$DIR/home-$uid" "$@"
}
users() {
	local uid
	chmod 711 "$BOX" "$DIR"
	mkdir "$DIR/bin"
	cp "$BUILD/squall" "$BUILD/squall-keeper" "$DIR/bin"
	for uid in $A_UID $B_UID; do
		install -d -m 700 -o $uid -g $uid "$DIR/home-$uid"
		# squall as that user: a program that becomes it, so that $RUNNER is squall
		cat >"$DIR/bin/as-$uid" <<-END
			#!/bin/sh
			exec setpriv --reuid=$uid --regid=$uid --clear-groups --inh-caps=-all -- \
				env -u SQUALL_DIR -u XDG_CONFIG_HOME HOME=$DIR/home-$uid $DIR/bin/squall "\$@"
		END
		chmod 755 "$DIR/bin/as-$uid"
	done
	install -d -m 755 -o $A_UID -g $A_UID "$TREE"
	user $A_UID
}
user() { SQUALL=$DIR/bin/as-$1; }
root() { SQUALL=$OWN_SQUALL; }
# In a session of its own, as user A; $PID.
spawn_a() { spawn setpriv --reuid=$A_UID --regid=$A_UID --clear-groups --inh-caps=-all -- "$@"; wait_for 2 eval '[ "$(stat -c %u "/proc/$PID")" = $A_UID ]'; }
# refused WHAT WHY: nothing was harmed, and the reason is told.
refused() {
	check "$1 is refused (exit $STATUS)" test "$STATUS" = 3 -o "$STATUS" = 4
	has "$1: why" "$ERR$OUT" "$2"
}

case_own_process() {
	users
	spawn_a sleep 300
	referee_before
	start attack proc.pause --target "process.pid=$PID" --for 60s
	check "stopped" wait_for 5 is_stopped "$PID"
	is "the keeper is the user's too" "$(awk '/^Uid:/ { print $2 }' "/proc/$(keeper_pid)/status")" $A_UID
	kill -INT "$RUNNER"
	finish
	exits "ended when told" 6
	check "runs" is_running "$PID"
	referee_after
	run attack proc.kill --target "process.pid=$PID" --allow irreversible
	exits "and is killed" 0
	check "gone" wait_for 2 is_gone "$PID"
}
case_process_of_another() {
	users
	spawn sleep 300
	referee_before
	for fault in "proc.pause --for 1s" "proc.kill --allow irreversible"; do
		# shellcheck disable=SC2086  # words
		run attack $fault --target "process.pid=$PID"
		exits "${fault%% *} is refused before any harm" 4
		has "and says why" "$ERR$OUT" 'another user'
		check "which runs on" is_running "$PID"
	done
	referee_after
}
case_own_file_and_commands() {
	users
	as $A_UID sh -c "echo original >$TREE/conf"
	referee_before
	run attack file.replace "$TREE/conf" --content broken --target host --for 300ms
	exits "file.replace ended as asked" 0
	run attack custom flag --apply "cp /proc/self/status $TREE/flag" --undo "rm -f $TREE/flag" --target host --for 300ms
	exits "custom ended as asked" 0
	start attack custom flag --apply "cp /proc/self/status $TREE/flag" --undo "rm -f $TREE/flag" --target host --for 60s
	check "in effect" wait_for 5 grep -q "^Uid:.*$A_UID" "$TREE/flag"
	kill_all
	run undo
	exits "and is undone after all was killed" 0
	referee_after
}
case_file_of_another() {
	users
	echo secret >"$TREE/roots"
	install -d -m 1777 "$TREE/shared"
	echo shared >"$TREE/shared/roots"
	chown root "$TREE"
	referee_before
	for file in /etc/passwd "$TREE/roots" "$TREE/shared/roots"; do
		run attack file.replace "$file" --content broken --target host --for 300ms
		refused "$file" 'cannot replace .*(Permission denied|not permitted)'
		has "and says what helps" "$ERR" 'be who may write in the folder, or root'
	done
	run attack disk.fill "$TREE" 1MiB --target host --for 300ms
	refused "disk.fill" 'cannot write in'
	referee_after
}
# A folder of a user's becomes a link to one of root's, between the fault and root's undo.
case_undo_is_not_led_astray() {
	local content sum
	users
	root
	as $A_UID mkdir "$TREE/app"
	as $A_UID sh -c "echo original >$TREE/app/conf"
	mkdir "$DIR/roots"
	referee_before
	for content in precious broken; do # also what the fault would have put there
		printf %s "$content" >"$DIR/roots/conf"
		sum=$(stat -c '%i %s %u %Z' "$DIR/roots/conf" "$DIR/roots")
		start attack file.replace "$TREE/app/conf" --content broken --target host --for 60s
		check "replaced" wait_for 5 grep -qx broken "$TREE/app/conf"
		kill_all
		as $A_UID mv "$TREE/app" "$TREE/away"
		as $A_UID ln -s "$DIR/roots" "$TREE/app"
		run undo
		exits "$content: undo says what is not back" 5
		is "$content: root's own is as it was" "$(stat -c '%i %s %u %Z' "$DIR/roots/conf" "$DIR/roots")" "$sum"
		as $A_UID rm "$TREE/app"
		as $A_UID mv "$TREE/away" "$TREE/app"
		run undo
		exits "$content: put right, it is undone" 0
	done
	referee_after
}
case_setuid() {
	users
	install -d "$DIR/suid"
	install -m 4755 "$BUILD/squall" "$BUILD/squall-keeper" "$(command -v id)" "$DIR/suid"
	if [ "$(as $A_UID "$DIR/suid/id" -u)" != 0 ]; then
		lacks setuid "it has no effect on the file system of $DIR"
		return
	fi
	as $A_UID "$DIR/suid/squall" faults >"$DIR/out" 2>&1
	is "a setuid squall refuses" $? 4
	has "and says why" "$(cat "$DIR/out")" 'rights of another'
	spawn_a sleep 300
	referee_before
	as $A_UID env SQUALL_KEEPER="$DIR/suid/squall-keeper" "$DIR/bin/squall" attack proc.pause --target "process.pid=$PID" --for 200ms >"$DIR/out" 2>&1
	check_not "so does a setuid keeper" test $? = 0
	has "and says why" "$(cat "$DIR/out")" 'rights of another'
	referee_after
}
case_no_home() {
	users
	as $A_UID env HOME=/nonexistent "$DIR/bin/squall" attack cpu.load 10% --target host --for 300ms >"$DIR/out" 2>&1
	has "is told what to set" "$(cat "$DIR/out")" 'Set HOME to yours, or SQUALL_DIR'
	as $A_UID env HOME=/nonexistent SQUALL_DIR="$DIR/home-$A_UID/x" "$DIR/bin/squall" attack cpu.load 10% --target host --allow host-wide --for 300ms >"$DIR/out" 2>&1
	is "which works" $? 0
}
case_what_helpers_hold() {
	users
	referee_before
	for fault in "cpu.load 10%" "mem.fill 16MiB" "disk.fill $TREE 1MiB"; do
		# shellcheck disable=SC2086  # words
		run attack $fault --target host --allow host-wide --for 300ms
		exits "${fault%% *} ended as asked" 0
		# shellcheck disable=SC2086
		start attack $fault --target host --allow host-wide --for 60s
		check "${fault%% *} is in effect" wait_for 5 grep -q 'in effect' "$DIR/out.$RUNNER"
		kill_all
		run undo
		exits "all killed: nothing is left for undo" 0
	done
	referee_after
}
case_what_helpers_hold_of_others() {
	users
	cgroup victim
	spawn in_cgroup victim sleep 300
	mkdir -m 755 "$DIR/roots"
	referee_before
	run attack disk.fill "$DIR/roots" 1MiB --target host --for 300ms
	refused "disk.fill in a folder of root's" 'Permission denied'
	run attack disk.fill / 1MiB --target "process.pid=$PID" --for 300ms
	refused "disk.fill as another's process sees it" 'Permission denied|another user'
	if [ -e "$CPUGROUP/cgroup.procs" ]; then
		for fault in "cpu.load 10%" "mem.fill 1MiB"; do
			# shellcheck disable=SC2086  # words
			run attack $fault --target "cgroup=/$SQ_ID/victim" --for 300ms
			refused "${fault%% *} in a cgroup of root's" 'cannot enter cgroup'
			# shellcheck disable=SC2086
			run attack $fault --target "process.pid=$PID" --for 300ms
			refused "${fault%% *} beside another's process" 'cannot enter cgroup|another user'
		done
	fi
	referee_after
}
case_delegated_cgroup() {
	need cgroup-cpu || return
	users
	run faults cpu.quota
	has "nothing is delegated" "$OUT" "no, no cgroup with the cpu controller is this user's"
	cgroup victim
	spawn in_cgroup victim sleep 300
	run attack cpu.quota --quota 30% --target "cgroup=/$SQ_ID/victim" --for 300ms
	refused "a group of root's" 'Delegate=cpu'
	chown -R $A_UID "$CPUGROUP"
	referee_before
	run faults cpu.quota
	has "one is delegated" "$OUT" 'cgroup-cpu: yes'
	run attack cpu.quota --quota 30% --target "cgroup=/$SQ_ID/victim" --for 300ms
	check "is limited (7: nothing ran there)" test "$STATUS" = 0 -o "$STATUS" = 7
	start attack cpu.quota --quota 30% --target "cgroup=/$SQ_ID/victim" --for 60s
	check "limited" wait_for 5 is_limited
	kill_all
	check "still limited" is_limited
	run undo
	exits "undo puts it back" 0
	referee_after
}
case_namespace_of_his_own() {
	need nft || return
	users
	spawn_a unshare -Urn sleep 300
	local ns=/proc/$PID/ns/net
	wait_for 2 eval '[ "$(readlink '"$ns"')" != "$(readlink /proc/self/ns/net)" ]'
	nsenter --net="$ns" ip link set lo up
	answers() { nsenter --net="$ns" ping -c1 -W1 127.0.0.1; }
	check "answers before" wait_for 2 answers
	referee_before
	start attack net.cut --target "netns=$ns" --for 60s
	check "cut" wait_for 8 eval '! answers'
	kill -INT "$RUNNER"
	finish
	exits "aborted" 6
	check "answers again" answers
	start attack net.cut --target "netns=$ns" --for 60s
	check "cut again" wait_for 8 eval '! answers'
	kill_all
	check "all killed, it answers within a second" wait_for 1 answers
	run undo
	exits "nothing is left for undo" 0
	nsenter --net="$ns" nft list tables >"$DIR/tables"
	is "no table is left" "$(cat "$DIR/tables")" ""
	run attack net.cut --target netns=/proc/self/ns/net --allow control-path,host-wide --for 300ms
	check_not "a namespace of root's is refused" test "$STATUS" = 0
	has "and says what is lacking" "$ERR$OUT" 'CAP_NET_ADMIN|not allowed in this network namespace'
	referee_after
}
# Root of a user namespace is a user: his folders are in his home.
case_inside_a_namespace_of_his_own() {
	need nft || return
	users
	as $A_UID unshare -Urn sh -c "ip link set lo up; $DIR/bin/squall faults net.cut; $DIR/bin/squall attack net.cut --target netns=/proc/self/ns/net --allow control-path,host-wide --for 300ms; echo exit \$?; nft list tables" >"$DIR/said" 2>&1
	has "net.cut can" "$(cat "$DIR/said")" 'net-admin: yes'
	has "and ends" "$(cat "$DIR/said")" 'exit [07]$'
	is "no table is left" "$(tail -n1 "$DIR/said" | cut -c1-4)" exit
	check "the run is in his home" test -n "$(ls "$DIR/home-$A_UID/.local/state/squall/runs")"
}
case_facts() {
	users
	run faults
	for fault in custom proc.pause proc.kill file.replace cpu.load mem.fill disk.fill; do
		has "$fault can" "$OUT" "^$fault .* yes "
	done
	has "net.cut lacks a capability here" "$OUT" '^net.cut .* no: net-admin'
	check_not "nothing needs root" grep -q 'no: root' <<<"$OUT"
	run faults net.cut
	has "and says which" "$OUT" 'CAP_NET_ADMIN'
	run attack net.cut --target host --allow control-path,host-wide --for 300ms
	check_not "so it is refused" test "$STATUS" = 0
	check_not "before any harm" test "$STATUS" = 8
	run probe exec -- id -u
	has "he looks as himself" "$OUT" $A_UID
	run probe process --pid 1
	exits "and at others" 0
}
case_all_killed() {
	users
	spawn_a sleep 300
	local victim=$PID home=$DIR/home-$A_UID
	referee_before
	start attack proc.pause --target "process.pid=$victim" --for 60s
	check "stopped" wait_for 5 is_stopped "$victim"
	kill_all
	is "his folders are closed to others" "$(find "$home" -mindepth 1 -type d -path '*squall*' -printf '%m\n' | sort -u)" 700
	is "and his files" "$(find "$home" -type f -perm /077)" ""

	user $B_UID
	run undo
	has "another user's undo sees nothing" "$OUT" 'nothing was left behind'
	run status
	check_not "nor does his status" grep -q proc.pause <<<"$OUT"
	run history
	check_not "nor his history" grep -q proc.pause <<<"$OUT"
	as $B_UID env HOME="$home" "$DIR/bin/squall" undo >"$DIR/out" 2>&1
	check_not "he cannot be told to use them" test $? = 0
	check_not "nor read the run" as $B_UID find "$home" -name undo.log -exec cat {} +
	check "still stopped" is_stopped "$victim"

	root
	run undo
	check "root's undo leaves it alone" is_stopped "$victim"
	SQUALL_DIR="$DIR/x" run undo
	check "wherever root keeps his" is_stopped "$victim"
	mkdir "$DIR/trap"
	ln -s "$home/.local/state/squall" "$DIR/trap/state"
	ln -s "$home/.local/state/squall/run" "$DIR/trap/run"
	SQUALL_DIR="$DIR/trap" run undo
	check_not "root trusts no folder of a user's" test "$STATUS" = 0
	check "still stopped" is_stopped "$victim"

	user $A_UID
	run undo
	exits "his own undo puts it back" 0
	check "runs" is_running "$victim"
	referee_after
}
case_halt_of_another() {
	users
	spawn_a sleep 300
	referee_before
	start attack proc.pause --target "process.pid=$PID" --for 60s
	check "stopped" wait_for 5 is_stopped "$PID"
	user $B_UID
	run halt --reason mine
	check "another user's halt does not reach it" is_stopped "$PID"
	run resume
	check_not "nor can he signal it" as $B_UID kill -TERM "$RUNNER"
	user $A_UID
	run halt
	finish
	exits "his own does" 6
	check "runs" is_running "$PID"
	run resume
	referee_after
}
# The claims of each are his own; the flags of both are seen by both.
case_two_users_one_object() {
	local first
	users
	spawn_a sleep 300
	referee_before
	start attack proc.pause --target "process.pid=$PID" --for 60s
	check "stopped by the user" wait_for 5 is_stopped "$PID"
	first=$RUNNER
	root
	run attack proc.pause --target "process.pid=$PID" --for 300ms
	exits "root's is refused" 4
	has "because of the user" "$ERR$OUT" "another user \(uid $A_UID, process [0-9]+\)"
	RUNNER=$first
	kill -INT "$RUNNER"
	finish
	check "runs" is_running "$PID"
	start attack proc.pause --target "process.pid=$PID" --for 60s
	check "stopped by root" wait_for 5 is_stopped "$PID"
	first=$RUNNER
	user $A_UID
	run attack proc.pause --target "process.pid=$PID" --for 300ms
	exits "the user's is refused" 4
	has "because of root" "$ERR$OUT" 'another user \(uid 0, process [0-9]+\)'
	RUNNER=$first
	kill -INT "$RUNNER"
	finish
	check "runs" is_running "$PID"
	root
	run attack proc.pause --target "process.pid=$PID" --for 300ms
	exits "now it is free" 0
	referee_after
}
# Until it is back, not until the run ends.
case_two_users_in_turn() {
	users
	spawn_a sleep 300
	cat >"$DIR/slow.yaml" <<-END
		squall: 1
		title: A pause, and a long wait
		hypothesis: {says: Nothing}
		method:
		  - {fault: proc.pause, target: {process: {pid: $PID}}, for: 100ms}
		  - wait: 60s
	END
	referee_before
	start run "$DIR/slow.yaml"
	check "the user's pause is over" wait_for 5 grep -q 'is out after' "$DIR/out.$RUNNER"
	root
	"$SQUALL" attack proc.pause --target "process.pid=$PID" --for 200ms >"$DIR/out" 2>&1
	is "root may have it" $? 0
	kill -INT "$RUNNER"
	finish
	referee_after
}
# Whose a flag is, the kernel says; what its user could not change, it keeps nobody from.
case_false_flags() {
	local object
	need python3 || return
	users
	spawn_a sleep 300
	object=$PID@$(stat_field "$PID" 22)
	referee_before
	cat >"$DIR/flags.py" <<-'END'
		import hashlib, socket, sys, time
		name = hashlib.sha256(b"signal\0" + sys.argv[1].encode()).hexdigest()[:32]
		up = [socket.socket(socket.AF_UNIX) for _ in range(16)]
		for i, s in enumerate(up):
		    s.bind(f"\0squall/{name}/{i}")
		    s.listen(1)
		open(sys.argv[2], "w").close()
		time.sleep(300)
	END
	flags() { # UID
		setpriv --reuid="$1" --regid="$1" --clear-groups -- python3 "$DIR/flags.py" "$object" "$DIR/home-$1/up" &
		FLAGS=$!
		wait_for 5 test -e "$DIR/home-$1/up"
	}
	flags_end() {
		kill -KILL "$FLAGS"
		wait "$FLAGS" 2>/dev/null
	}
	flags $B_UID
	run attack proc.pause --target "process.pid=$PID" --for 200ms
	exits "a stranger keeps the owner from nothing" 0
	root
	run attack proc.pause --target "process.pid=$PID" --for 200ms
	exits "nor root" 0
	flags_end
	flags $A_UID
	run attack proc.pause --target "process.pid=$PID" --for 200ms
	exits "who could stop it is believed" 4
	has "and can be found" "$ERR" "process $FLAGS\)"
	flags_end
	run attack proc.pause --target "process.pid=$PID" --for 200ms
	exits "killed, its flag is gone" 0
	referee_after
}
# A halt must reach his runs wherever they were begun: under cron there is no runtime folder.
case_wherever_he_began() {
	users
	spawn_a sleep 300
	referee_before
	install -d -m 700 -o $A_UID -g $A_UID "$DIR/session"
	XDG_RUNTIME_DIR=$DIR/session start attack proc.pause --target "process.pid=$PID" --for 60s
	check "stopped" wait_for 5 is_stopped "$PID"
	rm -rf "$DIR/session"
	run attack proc.pause --target "process.pid=$PID" --for 200ms
	check "his other session knows of the claim: still stopped" is_stopped "$PID"
	run halt
	finish
	exits "and ends it" 6
	check "runs" is_running "$PID"
	run resume
	referee_after
}
run_cases
