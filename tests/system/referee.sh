#!/bin/bash
# The referee itself: each kind of residue, planted, must be seen.
. "$(dirname "$0")/lib.sh"

# planted WHAT COMMAND…: the difference must be seen.
planted() {
	local what=$1
	shift
	referee_before
	check "an untouched bed passes before: $what" residue
	"$@" >/dev/null 2>&1 || note "could not plant: $*"
	check_not "seen: $what" no_residue
}

case_network() {
	need nft || return
	planted "a link" ip link add sqplant type veth peer name sqplant2
	planted "an address" ip addr add 10.98.0.1/32 dev lo
	planted "a route" ip route add blackhole 10.97.0.0/24
	planted "a rule" ip rule add from 10.96.0.0/24 table 77
	planted "a qdisc" tc qdisc add dev lo root pfifo limit 77
	planted "an nft table" nft add table inet planted
	planted "an nft rule" nft "add chain inet planted c; add rule inet planted c drop"
	planted "a sysctl of the network" sysctl -w net.ipv4.ip_default_ttl=63
	ip link del sqplant
	ip addr del 10.98.0.1/32 dev lo
	ip route del blackhole 10.97.0.0/24
	ip rule del from 10.96.0.0/24
	tc qdisc del dev lo root
	sysctl -qw net.ipv4.ip_default_ttl=64
}
case_another_namespace() {
	need veth || return
	netns_pair
	planted "an nft table in a namespace" inside "$B" nft add table inet planted
	planted "a qdisc in a namespace" inside "$A" tc qdisc add dev va root pfifo limit 77
}
case_sockets() {
	need ss || return
	spawn python3 -c "
import os, socket, time
s = socket.create_server(('127.0.0.1', 7000))
while not os.path.exists('$DIR/go'):
    time.sleep(0.02)
s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 7)
open('$DIR/done', 'w').close()
time.sleep(60)"
	# shellcheck disable=SC2016  # for the inner shell
	planted "a mark on a socket" sh -c 'touch "$1/go"; until test -e "$1/done"; do sleep 0.02; done' sh "$DIR"
}
case_mounts() {
	mkdir -p "$DIR/mnt"
	planted "a mount" mount -t tmpfs none "$DIR/mnt"
	umount "$DIR/mnt"
}
case_space() {
	need tmpfs || return
	mkdir -p "$DIR/mnt"
	mount -t tmpfs -o size=8m none "$DIR/mnt"
	planted "space that is gone, with no file to be seen" spawn python3 -c "
import tempfile, time
f = tempfile.TemporaryFile(dir='$DIR/mnt')
f.write(b'x' * 8192)
f.flush()
time.sleep(60)"
	kill -KILL "$PID"
}
case_cgroups() {
	need cgroup-cpu || return
	cgroup victim
	if [ -e "$CPUGROUP/cpu.max" ]; then
		planted "a quota" sh -c "echo 50000 100000 >$CPUGROUP/cpu.max"
	else
		planted "a quota" sh -c "echo 50000 >$CPUGROUP/cpu.cfs_quota_us"
	fi
	planted "a frozen group" sh -c "echo 1 >$GROUP/cgroup.freeze"
	echo 0 >"$GROUP/cgroup.freeze"
	planted "a cgroup" mkdir "$CG2/$SQ_ID/planted"
}
case_processes() {
	local victim
	spawn sleep 60
	victim=$PID
	planted "a stopped process" kill -STOP "$victim"
	kill -CONT "$victim"
	wait_for 2 is_running "$victim"
	planted "another nice value" renice -n 5 "$victim"
	planted "another limit" prlimit --pid "$victim" --nofile=77:
	planted "another affinity" taskset -p 1 "$victim"
	planted "a process left behind" spawn sleep 61
	planted "a process that is gone" kill -KILL "$victim"
	planted "a process in a session of its own" setsid -f sleep 62
}
case_files() {
	echo one >"$TREE/a"
	echo two >"$TREE/b"
	planted "other content" sh -c "echo ONE >$TREE/a"
	planted "another mode" chmod 600 "$TREE/a"
	planted "an equal copy in its place" sh -c "cp -p $TREE/b $TREE/c && mv $TREE/c $TREE/b"
	planted "a new file" touch "$TREE/new"
	planted "a symbolic link" ln -s a "$TREE/link"
	planted "a file gone" rm "$TREE/b"
}
case_claims() {
	mkdir -p "$SQUALL_DIR/run/claims"
	planted "a claim left behind" sh -c "echo x >$SQUALL_DIR/run/claims/x"
	mkdir -p "$SQUALL_DIR/run/held"
	planted "a helper's card left behind" sh -c "echo x >$SQUALL_DIR/run/held/x"
}
run_cases
