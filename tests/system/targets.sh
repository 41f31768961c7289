#!/bin/bash
# Targets: units and containers by their cgroups and by a socket, commands that squall starts, and
# targets that go and come again while they are attacked.
. "$(dirname "$0")/lib.sh"

ID=3f2a9c81d0e43f2a9c81d0e43f2a9c81d0e43f2a9c81d0e43f2a9c81d0e43f2a

# supervised COMMAND…: starts it again whenever it ends; its process id is in $DIR/pid. In $GROUPED,
# when that is set.
supervised() {
	cat >"$DIR/supervisor" <<-'EOF'
		trap 'kill $pid 2>/dev/null; exit' TERM
		while :; do
			"$@" &
			pid=$!
			echo $pid >"$DIR/pid"
			wait $pid
			sleep "${PAUSE:-0.3}"
		done
	EOF
	export DIR
	spawn ${GROUPED:+in_cgroup "$GROUPED"} bash "$DIR/supervisor" "$@"
	SUPERVISOR=$PID
	wait_for 5 test -s "$DIR/pid"
}
worker() { cat "$DIR/pid"; }
worker_is_not() { [ "$(worker)" != "$1" ] && [ -e "/proc/$(worker)" ]; }
# A new worker is there, and stopped by the attack.
is_followed() { worker_is_not "$1" && is_stopped "$(worker)"; }

case_follows() {
	local first second
	supervised sleep 4242
	first=$(worker)
	referee_before
	cat >"$DIR/x.yaml" <<-EOF
		squall: 1
		title: follow
		method:
		  - fault: proc.pause
		    target: {process: {cmdline: sleep 4242, parent: "$SUPERVISOR"}, follow: true}
		    for: 4s
	EOF
	start run "$DIR/x.yaml"
	check "the first is stopped" wait_for 8 is_stopped "$first"
	kill -KILL "$first"
	check "what comes in its place is stopped too" wait_for 5 is_followed "$first"
	second=$(worker)
	kill -KILL "$second"
	check "and the one after that" wait_for 5 is_followed "$second"
	finish
	exits "ended as asked" 0
	check "the last one goes on" is_running "$(worker)"
	has "the record says when it followed" "$OUT" 'follows to process .*after the end of'
	has "and for how long nobody was there" "$OUT" 'is out after .*, for .* of it no target was there'
	has "and that it was not expected" "$(report_field '."not-expected"[]')" 'followed 2 times'
	has "the dose counts all of them" "$(report_field '.dose[0].achieved')" '3 stopped'
	forget "^$first@"
	sed -i "s/^$(worker)@.*//" "$DIR/before"
	kill "$SUPERVISOR"
	check "the supervisor ends" wait_for 5 is_gone "$SUPERVISOR"
}
case_does_not_follow_unless_told() {
	local first
	supervised sleep 4242
	first=$(worker)
	start attack proc.pause --target "process.cmdline=sleep 4242,process.parent=$SUPERVISOR" --for 3s
	check "stopped" wait_for 8 is_stopped "$first"
	kill -KILL "$first"
	check "another one comes" wait_for 5 worker_is_not "$first"
	finish
	check "and is left alone" is_running "$(worker)"
	has "gone with its object" "$OUT" 'gone with its object|all its targets went away'
	kill "$SUPERVISOR"
}
case_crash_loop() {
	local looks
	cat >"$DIR/crash" <<-'EOF'
		exec -a crasher sleep 0.15
	EOF
	PAUSE=0.01 supervised bash "$DIR/crash"
	cat >"$DIR/x.yaml" <<-EOF
		squall: 1
		title: crash loop
		method:
		  - fault: proc.pause
		    target: {process: {parent: "$SUPERVISOR", cmdline: crasher}, follow: true}
		    for: 2500ms
	EOF
	(while wait_for 0.3 is_stopped "$(worker)"; do kill -KILL "$(worker)"; done) &
	for _ in 1 2 3 4 5; do # none may be there at the moment of the look
		run run "$DIR/x.yaml"
		[ "$STATUS" = 3 ] || break
	done
	wait $!
	has "the run ends by itself" "$STATUS" '^[07]$'
	looks=$(grep -c 'follows to' <<<"$OUT")
	between "at a bounded rate" "$looks" 0 8
	kill "$SUPERVISOR"
}
# Five of the kind, two picked: never more than two are stopped, whoever comes and goes.
case_never_wider() {
	local pids=() stopped most=0
	for _ in 1 2 3 4 5; do
		spawn sleep 4343
		pids+=("$PID")
	done
	cat >"$DIR/x.yaml" <<-EOF
		squall: 1
		title: never wider
		blast-radius: {targets: 2}
		method:
		  - fault: proc.pause
		    target: {process: {cmdline: sleep 4343}, pick: 2, follow: true}
		    for: 3s
	EOF
	count_stopped() {
		local pid n=0
		for pid in "${pids[@]}"; do is_stopped "$pid" && n=$((n + 1)); done
		echo $n
	}
	start run "$DIR/x.yaml"
	check "two are stopped" wait_for 8 eval '[ "$(count_stopped)" = 2 ]'
	for _ in 1 2 3; do
		for pid in "${pids[@]}"; do is_stopped "$pid" && kill -KILL "$pid" && break; done
		spawn sleep 4343
		pids+=("$PID")
		for _ in 1 2 3 4 5 6 7 8; do
			stopped=$(count_stopped)
			[ "$stopped" -le "$most" ] || most=$stopped
			read -rt 0.05 -u "$NEVER" || :
		done
	done
	finish
	exits "ended as asked" 0
	is "never more than two at once" "$most" 2
	is "none is left stopped" "$(count_stopped)" 0
}

# A cgroup that is named as a unit's, or as Docker names a container's, is one.
case_unit_by_cgroup() {
	need cgroup-v2 || return
	need cgroup-cpu || return
	local one
	cgroup "shop@1.service"
	spawn in_cgroup "shop@1.service" sh -c 'sleep 300 & sleep 301 & wait'
	one=$PID
	check "three processes" wait_for 3 eval "[ \$(wc -l <'$GROUP/cgroup.procs') = 3 ]"
	referee_before
	start attack proc.pause --target 'unit=shop@*' --for 60s
	check "all of it is stopped" wait_for 8 eval "! { for p in \$(cat '$GROUP/cgroup.procs'); do stat_field \$p 3; done | grep -v T; }"
	kill -INT "$RUNNER"
	finish
	exits "ended when told" 6
	has "it is named" "$OUT" "unit shop@1.service"
	referee_after
	run attack proc.kill --target 'unit=shop@1' --allow irreversible
	exits "killed" 0
	check "its main process" wait_for 3 is_gone "$one"
}
says() { grep -q "$1" "$DIR/out.$RUNNER"; }
# It starts again in the cgroup that has stayed: what a helper held there is held anew, and counted once.
case_follows_in_its_cgroup() {
	need cgroup-v2 || return
	need cgroup-cpu || return
	cgroup "shop@2.service"
	spawn in_cgroup "shop@2.service" sleep 300
	cat >"$DIR/x.yaml" <<-EOF
		squall: 1
		title: follow in a cgroup
		method:
		  - fault: cpu.load
		    target: {unit: shop@2, follow: true}
		    with: {load: 20%}
		    for: 3s
	EOF
	start run "$DIR/x.yaml"
	check "in effect" wait_for 8 says 'in effect on'
	kill -KILL "$PID"
	check "its end is seen" wait_for 5 says 'shop@2.service is gone'
	spawn in_cgroup "shop@2.service" sleep 300
	check "what comes in its place is attacked" wait_for 5 says 'follows to unit shop@2.service'
	finish
	exits "ended as asked" 0
	has "one CPU, not one for each time" "$OUT" 'asked 20% of 1 CPU, achieved (19|20)'
}
case_container_by_cgroup() {
	need cgroup-v2 || return
	need cgroup-cpu || return
	cgroup "docker-$ID.scope"
	spawn in_cgroup "docker-$ID.scope" sh -c 'while :; do :; done'
	referee_before
	start attack cpu.quota 20% --target "container.id=${ID:0:10}" --for 60s
	if [ "$CGCPU" = "$CG2" ]; then
		check "its quota is set" wait_for 8 grep -q '^20000 ' "$CPUGROUP/cpu.max"
	else
		check "its quota is set" wait_for 8 grep -q '^20000$' "$CPUGROUP/cpu.cfs_quota_us"
	fi
	kill -INT "$RUNNER"
	finish
	exits "ended when told" 6
	referee_after
	DOCKER_HOST=unix:///nowhere run attack proc.pause --target container.name=shop --for 1s
	exits "without a socket a name cannot be looked up" 3
	has "and it says so" "$OUT$ERR" 'without a Docker-compatible socket only container.id'
}
# A socket that says what is in that cgroup: a name is enough.
case_container_by_socket() {
	need cgroup-v2 || return
	need python3 || return
	local server
	cgroup "docker-$ID.scope"
	spawn in_cgroup "docker-$ID.scope" unshare --net sleep 300
	check "in a namespace of its own" wait_for 3 eval "[ \"\$(readlink /proc/$PID/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
	cat >"$DIR/engine.py" <<-'EOF'
		import http.server, json, os, socketserver, sys
		path, ident, pid = sys.argv[1:]
		class H(http.server.BaseHTTPRequestHandler):
		    def address_string(self): return ""
		    def log_message(self, *a): pass
		    def do_GET(self):
		        doc = ([{"Id": ident, "Names": ["/shop"], "Image": "shop:1", "Labels": {"app": "shop"}}]
		               if self.path == "/containers/json" else {"State": {"Pid": int(pid)}})
		        body = json.dumps(doc).encode()
		        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
		        self.wfile.write(body)
		class S(socketserver.ThreadingMixIn, socketserver.UnixStreamServer): pass
		S(path, H).serve_forever()
	EOF
	setsid python3 "$DIR/engine.py" "$DIR/docker.sock" "$ID" "$PID" >/dev/null 2>&1 &
	server=$!
	disown $server
	export DOCKER_HOST=unix://$DIR/docker.sock
	wait_for 5 test -S "$DIR/docker.sock"
	referee_before
	start attack proc.pause --target container.label=app=shop,container.name=shop --for 1s
	check "stopped" wait_for 8 is_stopped "$PID"
	finish
	exits "ended as asked" 0
	has "it is named" "$OUT" "container shop \(${ID:0:12}\)"
	referee_after
	run attack net.cut --target container.name=shop --for 1s --dry-run
	has "its network is its own namespace" "$OUT" "/proc/$PID/ns/net="
	kill -STOP "$server"
	run attack proc.pause --target container.name=shop --for 1s
	exits "an engine that hangs" 3
	has "is named, with a remedy" "$OUT$ERR" "could not ask .*docker.sock"
	kill -KILL "$server"
	unset DOCKER_HOST
}
# What podman makes, by its own socket.
case_podman() {
	need podman && need busybox || return
	local dir=$DIR/podman service
	local -a engine=(podman --root "$dir/storage" --runroot "$dir/run" --storage-driver vfs)
	mkdir -p "$dir/root/bin" "$dir/run"
	cp "$(command -v busybox)" "$dir/root/bin/busybox"
	# Without systemd, and within the limits that any shell has; its own state goes with this /run.
	mount -t tmpfs none /run
	cat >"$dir/containers.conf" <<-EOF
		[engine]
		runtime = "runc"
		cgroup_manager = "cgroupfs"
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
	EOF
	export CONTAINERS_CONF=$dir/containers.conf
	tar -C "$dir/root" -c . | "${engine[@]}" import - localhost/victim >"$dir/log" 2>&1 &&
		"${engine[@]}" run -d --net none --cgroup-parent "/$SQ_ID-podman" --name shop --label app=shop \
			localhost/victim /bin/busybox sleep 300 >"$dir/id" 2>>"$dir/log" ||
		lacks containers "podman runs none here: $(tail -n1 "$dir/log")" || { podman_end; return; }
	setsid "${engine[@]}" system service --time 60 "unix://$dir/podman.sock" >>"$dir/log" 2>&1 &
	service=$!
	disown $service
	check "its engine listens" wait_for 10 test -S "$dir/podman.sock"
	export DOCKER_HOST=unix://$dir/podman.sock
	PID=$("${engine[@]}" inspect --format '{{.State.Pid}}' shop)
	referee_before
	start attack proc.pause --target container.name=shop --for 1s
	check "stopped" wait_for 10 is_stopped "$PID"
	finish
	exits "ended as asked" 0
	has "it is named" "$OUT" "container shop \($(cut -c1-12 "$dir/id")\)"
	check "runs again" wait_for 2 is_running "$PID"
	referee_after
	run attack proc.kill --target container.label=app=shop --allow irreversible
	exits "killed" 0
	check "gone" wait_for 5 is_gone "$PID"
	"${engine[@]}" rm -f -t 0 shop >/dev/null 2>&1
	kill "$service"
	podman_end
}
# It uses every hierarchy of cgroups.
podman_end() {
	unset DOCKER_HOST CONTAINERS_CONF
	umount /run
	wait_for 5 eval '! find /sys/fs/cgroup -path "*/$SQ_ID-podman*" -type d -depth -exec rmdir {} + 2>&1 | grep -q .'
}

case_command() {
	local pid
	cat >"$DIR/x.yaml" <<-EOF
		squall: 1
		title: a command
		method:
		  - id: victim
		    fault: proc.pause
		    target: {command: [sh, -c, "echo begun; trap 'echo asked to end; exit 3' TERM; while :; do sleep 0.1; done"]}
		    for: 1s
	EOF
	referee_before
	start run "$DIR/x.yaml"
	found() { pgrep -nf "$1"; }
	check "it is started, and stopped" wait_for 8 eval "is_stopped \"\$(found 'echo begun')\""
	pid=$(found 'echo begun')
	is "in a session of its own" "$(stat_field "$pid" 6)" "$pid"
	finish
	exits "ended as asked" 0
	check "it ends with the run" is_gone "$pid"
	has "its exit is told" "$OUT" 'ended with status 3'
	has "its output is kept" "$(cat "$SQUALL_DIR"/state/runs/*/command-victim.log)" 'begun'
	referee_after
	cat >"$DIR/late.yaml" <<-EOF
		squall: 1
		title: a command that needs a moment
		hypothesis:
		  steady: [{id: serves, exec: {argv: [test, -e, "$DIR/serves"]}, every: 100ms, expect: {exit: 0}}]
		method:
		  - fault: proc.pause
		    target: {command: [sh, -c, "sleep 0.5; touch $DIR/serves; sleep 4547"]}
		    for: 300ms
	EOF
	run run "$DIR/late.yaml"
	exits "it is waited for until it serves" 0
	has "which is said" "$OUT" 'still starting'
	sed -i 's/sleep 0.5.*/exit 9"]}/' "$DIR/late.yaml"
	rm "$DIR/serves"
	run run "$DIR/late.yaml"
	exits "one that ends at once is not waited for" 3
	has "it is said how it ended" "$OUT" 'ended with status 9'
	sed -i 's/\[sh, -c.*/[no-such-program-anywhere]}/' "$DIR/x.yaml"
	run run "$DIR/x.yaml"
	exits "a program that is not there" 3
	has "is named" "$ERR$OUT" 'no-such-program-anywhere'
}
case_command_dies_with_the_runner() {
	local pid child
	cat >"$DIR/x.yaml" <<-EOF
		squall: 1
		title: a command
		method:
		  - {fault: proc.pause, target: {command: [sh, -c, "sleep 4546 & exec sleep 4545"]}, for: 60s}
	EOF
	start run "$DIR/x.yaml"
	check "stopped" wait_for 8 eval "is_stopped \"\$(pgrep -nxf 'sleep 4545')\""
	pid=$(pgrep -nxf 'sleep 4545')
	child=$(pgrep -nxf 'sleep 4546')
	kill -KILL "$RUNNER"
	check "gone with the runner, though it was stopped" wait_for 3 is_gone "$pid"
	check "and what it had started, too" wait_for 3 is_gone "$child"
	finish
	run undo
	exits "nothing is left" 0
}
# However long it takes to put something else back.
case_command_ends_before_what_is_slow() {
	local child
	cat >"$DIR/x.yaml" <<-EOF
		squall: 1
		title: a command
		allow: [host-wide]
		method:
		  - together:
		      - {fault: proc.pause, target: {command: [sh, -c, "sleep 4549 & exec sleep 4550"]}, for: 60s}
		      - {fault: custom, target: host, with: {name: slow, apply: "touch $DIR/in", undo: "sh -c 'touch $DIR/undoing; sleep 4; rm $DIR/in'"}, for: 60s}
	EOF
	start run "$DIR/x.yaml"
	check "in effect" wait_for 8 test -e "$DIR/in"
	child=$(pgrep -nxf 'sleep 4549')
	kill -KILL "$RUNNER"
	check "what the command had started is gone" wait_for 3 is_gone "$child"
	check "before the rest is back" test -e "$DIR/in"
	check "which it is soon" wait_for 8 eval '! test -e "$DIR/in"'
	finish
	run undo
	exits "nothing is left" 0
}
# A process is found by its port wherever its namespace is, and whoever else has the port.
case_listens_elsewhere() {
	need python3 || return
	netns_pair
	# ipv6 only, udp, and two that share a port
	spawn inside "$A" python3 -c 'import socket,time; s=socket.socket(socket.AF_INET6); s.setsockopt(41,26,1); s.bind(("::1",7001)); s.listen(); time.sleep(300)'
	local six=$PID udp one two
	spawn inside "$A" python3 -c 'import socket,time; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(("127.0.0.1",7002)); time.sleep(300)'
	udp=$PID
	reuse='import socket,time; s=socket.socket(); s.setsockopt(1,15,1); s.bind(("127.0.0.1",7003)); s.listen(); time.sleep(300)'
	spawn inside "$B" python3 -c "$reuse"
	one=$PID
	spawn inside "$B" python3 -c "$reuse"
	two=$PID
	listening() { inside "$1" ss -Hlnut "sport = :$2" | grep -c . | grep -qx "$3"; }
	check "all listen" wait_for 8 eval "listening $A 7001 1 && listening $A 7002 1 && listening $B 7003 2"
	plan() { run attack proc.pause --target "process.listens=$1" --pick all --for 1s --dry-run; }
	plan 7001
	has "IPv6 only" "$OUT" "process $six "
	plan 7002
	has "UDP" "$OUT" "process $udp "
	plan 7003
	has "the one that shares a port" "$OUT" "process $one "
	has "and the other" "$OUT" "process $two "
}
run_cases
