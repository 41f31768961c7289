#!/bin/bash
# Probes on what a real kernel counts: a group with limits that it hits, on whichever version of cgroups
# is here; and on a network between two namespaces, with the tools of the system as witnesses.
. "$(dirname "$0")/lib.sh"

field() { jq -r "$1" <<<"$OUT"; }

case_cgroup() {
	local version=hybrid before
	seconds() { awk -v n="$(cpu_ticks "$PID")" -v hz="$(getconf CLK_TCK)" -v add="$1" 'BEGIN { print n / hz + add }'; }
	need cgroup-cpu || return
	need cgroup-memory || return
	need jq || return
	cgroup victim
	[ "$CGCPU" != "$CG2" ] || version=2
	if [ -e "$CPUGROUP/cpu.max" ]; then echo "20000 100000" >"$CPUGROUP/cpu.max"; else echo 20000 >"$CPUGROUP/cpu.cfs_quota_us"; fi
	if [ -e "$MEMGROUP/memory.max" ]; then echo 16777216 >"$MEMGROUP/memory.max"; else echo 16777216 >"$MEMGROUP/memory.limit_in_bytes"; fi
	referee_before
	run probe cgroup "/$SQ_ID/victim" --json
	exits "a group with nobody in it" 0
	is "is there" "$(field '"\(.exists) \(.version) \(.processes)"')" "true $version 0"
	is "and has its limits" "$(field '"\(."cpu-limit") \(."memory-limit")"')" "0.2 16777216"
	spawn in_cgroup victim sh -c 'while :; do :; done'
	check "a busy one" wait_for 5 eval '[ "$(cpu_ticks "$PID")" -gt 10 ]'
	before=$(seconds -0.2)
	run probe cgroup "/$SQ_ID/victim" --over 1s --json
	is "its processes" "$(field .processes)" 1
	between "the quota stopped it in most periods" "$(field '."throttled-share"')" 0.5 1
	if [ "$version" = 2 ]; then # what version 1 counts elsewhere
		between "its use is its quota" "$(field .cpu)" 0.12 0.28
		between "all that it used, as its process tells" "$(field '."cpu-seconds"')" "$before" "$(seconds 0.2)"
	fi
	run probe cgroup --pid "$PID" --json
	is "found by its process" "$(field .path)" "/$SQ_ID/victim"
	kill -KILL "$PID"
	wait_for 5 is_gone "$PID"
	in_memory python3 -c 'x = bytearray(32 << 20)'
	run probe cgroup "/$SQ_ID/victim" --json
	is "one was killed for want of memory" "$(field '."oom-kills"')" 1
	check "and the limit was hit" test "$(field '."memory-limit-hits"')" -gt 0
	run probe cgroup "/$SQ_ID/none" --json
	is "a group that is not there is an answer" "$(field .exists)" false
	referee_after
}

# From the namespace A: look PROBE ARGUMENTS…
look() {
	OUT=$(inside "$A" "$SQUALL" probe "$@" --json 2>"$DIR/err")
	STATUS=$?
	ERR=$(<"$DIR/err")
}
case_ping() {
	local they
	need veth || return
	need nft-reject || return
	need jq || return
	netns_pair
	referee_before
	look ping 10.99.0.2 --count 20 --interval 10ms
	is "all come back" "$(field '"\(.received) \(.loss) \(.duplicates) \(.corrupted)"')" "20 0 0 0"
	they=$(inside "$A" ping -qc 20 -i 0.01 10.99.0.2 | sed -n 's,^rtt.* = \([0-9.]*\)/.*,\1,p')
	between "as fast as ping says, to a millisecond" "$(field '."rtt-min" * 1000')" 0.001 "$(awk -v t="$they" 'BEGIN { print t + 1 }')"
	look ping fd99::2 --count 3 --interval 10ms --size 1000
	is "by IPv6, larger" "$(field '"\(.received) \(.address) \(.ttl)"')" "3 fd99::2 64"
	inside "$B" nft 'add table inet t; add chain inet t c { type filter hook input priority 0; }; add rule inet t c icmp type echo-request numgen inc mod 4 0 drop; add rule inet t c icmpv6 type echo-request drop'
	look ping 10.99.0.2 --count 20 --interval 10ms --timeout 1s
	is "each fourth is lost" "$(field '"\(.received) \(.lost) \(.loss) \(."timed-out")"')" "15 5 0.25 true"
	look ping fd99::2 --timeout 200ms
	is "all of IPv6 are" "$(field '"\(.loss) \(.error)"')" "1 no answer in time"
	inside "$B" nft 'flush ruleset; add table inet t; add chain inet t c { type filter hook input priority 0; }; add rule inet t c icmp type echo-request reject with icmp type host-unreachable; add rule inet t c icmpv6 type echo-request reject with icmpv6 type admin-prohibited'
	look ping 10.99.0.2 --count 3 --interval 10ms --timeout 5s
	is "a refusal names who refused" "$(field '"\(.received) \(.error) \(."error-from") \(."timed-out")"')" "0 No route to host 10.99.0.2 false"
	has "as ping sees it" "$(inside "$A" ping -c 1 -W 5 10.99.0.2)" "from 10.99.0.2 .*Host Unreachable"
	look ping fd99::2 --timeout 5s
	is "of IPv6 too" "$(field '"\(.received) \(.error) \(."error-from")"')" "0 Permission denied fd99::2"
	inside "$B" nft flush ruleset
	look ping 10.99.0.77 --timeout 20s
	is "nobody there: this machine says so" "$(field '"\(.lost) \(.error) \(."timed-out")"')" "1 No route to host false"
	look ping 10.98.0.1
	is "no way is an answer" "$STATUS $(field '"\(.sent) \(.loss) \(.error)"')" '0 0 1 could not reach "10.98.0.1": Network is unreachable'
	inside "$A" sysctl -qw net.ipv4.ping_group_range="0 0"
	look ping 10.99.0.2
	is "by a datagram socket" "$(field .received)" 1
	inside "$A" setpriv --reuid 65534 --regid 65534 --clear-groups "$SQUALL" probe ping 10.99.0.2 >"$DIR/out" 2>&1
	has "who may not is told the remedy" "$(<"$DIR/out")" "ping_group_range"
	inside "$A" sysctl -qw net.ipv4.ping_group_range="1 0"
	referee_after
}
# ss_says FIELD: what ss says of the connection from A to port 7.
ss_says() { inside "$A" ss -tinH dst 10.99.0.2 dport = 7 | grep -oE "\b$1[^ ]*" | head -n 1 | sed 's/^[^:]*://'; }
case_path() {
	local start
	need veth || return
	need nft || return
	need jq || return
	need ss || return
	need python3 || return
	netns_pair
	spawn inside "$B" python3 "$TOP/tests/system/net.py" serve 7 "$DIR/ready"
	check "an echo" wait_for 10 test -e "$DIR/ready"
	mkfifo "$DIR/lines"
	exec {start}<>"$DIR/lines"
	spawn inside "$A" sh -c 'exec python3 "$1" hold 10.99.0.2 7 "$2" <"$3"' sh "$TOP/tests/system/net.py" "$DIR/said" "$DIR/lines"
	check "a connection" wait_for 10 grep -q connected "$DIR/said"
	for _ in 1 2 3 4 5; do echo a line >&"$start"; done
	check "in use" wait_for 5 eval '[ "$(grep -c ok "$DIR/said")" = 5 ]'
	referee_before
	look path 10.99.0.2:7 --pid "$PID"
	is "the client's connection" "$(field '"\(.processes) \(.connections) \(.connected) \(."connect-retransmits")"')" "1 1 true 0"
	is "its round trip, as ss has it" "$(field '.rtt * 1000000 | round')" "$(ss_says rtt: | awk -F/ '{ printf "%.0f", $1 * 1000 }')"
	is "and its window" "$(field '."congestion-window-min"')" "$(ss_says cwnd:)"
	is "nothing sent again" "$(field .retransmits)" 0
	run probe path --remote-port 7 --json
	is "none of it in this namespace" "$(field .connections)" 0
	run probe path 10.99.0.2:7 --pid "$PID" --json
	is "but found there by its process, and from there connected" "$(field '"\(.connections) \(.connected)"')" "1 true"
	# What the client says is lost, and said again.
	inside "$B" nft 'add table inet t; add chain inet t c { type filter hook input priority 0; }; add rule inet t c tcp dport 7 drop'
	echo lost >&"$start"
	check "sent again" wait_for 10 eval '[ "$(ss_says retrans: | sed "s,.*/,,")" -ge 2 ]'
	look path 10.99.0.2:7 --pid "$PID" --connect-timeout 1800ms --over 500ms --timeout 5s
	check "it is counted" test "$(field .retransmits)" -ge 2
	check "as being on its way, or lost" test "$(field .unacked)" -ge 1
	is "the way is cut, to a second knock too" "$(field '"\(.connected) \(.error) \(."connect-retransmits")"')" "false Connection timed out 1"
	inside "$B" nft flush ruleset
	check "the connection goes on" wait_for 20 eval '[ "$(tail -n 1 "$DIR/said")" = ok ] || { echo more >&"$start"; false; }'
	is "as many as ss says" "$(look path --remote-port 7; field .retransmits)" "$(ss_says retrans: | sed 's,.*/,,')"
	exec {start}>&-
	referee_after
}
# Takes what comes on a port; for each connection a line: how many bytes, in how many seconds from the
# first to the last.
SINK='
import socket, sys, time
s = socket.create_server(("", 9), backlog=8)
print("ready", flush=True)
while True:
    c, n, first, last = s.accept()[0], 0, 0, 0
    while True:
        try:
            data = c.recv(1 << 20)
        except OSError:
            break
        if not data:
            break
        last = time.monotonic()
        first = first or last
        n += len(data)
    print(n, last - first, flush=True)
'
case_throughput() {
	local bytes seconds fast
	need veth || return
	need nft || return
	need jq || return
	need python3 || return
	netns_pair
	spawn inside "$B" sh -c "exec python3 -c \"\$1\" >\"\$2\"" sh "$SINK" "$DIR/sink"
	check "a sink" wait_for 10 grep -q ready "$DIR/sink"
	referee_before
	look throughput 10.99.0.2:9 --bytes 8MiB
	is "all went out" "$(field '"\(.complete) \(.bytes)"')" "true 8388608"
	fast=$(field .rate)
	check "the sink has seen the end" wait_for 5 eval '[ "$(grep -c . "$DIR/sink")" = 2 ]'
	is "as much as the sink has got" "$(sed -n '2s/ .*//p' "$DIR/sink")" 8388608
	# A limit that drops: TCP finds out what fits, and the sink knows what came.
	inside "$B" nft 'add table inet t; add chain inet t c { type filter hook input priority 0; }; add rule inet t c tcp dport 9 limit rate over 2 mbytes/second burst 64 kbytes drop'
	look throughput 10.99.0.2:9 --bytes 3MiB --timeout 20s
	check "again" wait_for 5 eval '[ "$(grep -c . "$DIR/sink")" = 3 ]'
	read -r bytes seconds < <(sed -n 3p "$DIR/sink")
	is "all went through the limit" "$(field '"\(.complete) \(.bytes)"') $bytes" "true 3145728 3145728"
	between "as fast as the sink says" "$(field .rate)" "$(awk -v n="$bytes" -v s="$seconds" 'BEGIN { print 8 * n / s * 0.9 }')" \
		"$(awk -v n="$bytes" -v s="$seconds" 'BEGIN { print 8 * n / s * 1.1 }')"
	between "which is far less than without the limit" "$(field .rate)" 1 $((fast / 2))
	check "segments were sent again" test "$(field .retransmits)" -gt 0
	inside "$B" nft 'flush ruleset; add table inet t; add chain inet t c { type filter hook input priority 0; }; add rule inet t c tcp dport 9 drop'
	look throughput 10.99.0.2:9 --timeout 300ms
	is "a cut" "$(field '"\(.connected) \(.rate) \(."timed-out") \(.error)"')" "false null true no connection in time"
	inside "$B" nft flush ruleset
	referee_after
}
in_memory() { sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$MEMGROUP" "$@"; }
run_cases
