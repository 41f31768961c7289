#!/bin/bash
# dns.fail: what dig and a strict asker see, for the names that are meant and for others.
. "$(dirname "$0")/lib.sh"

# Each way to fail: over IPv4, IPv6 and TCP, for these names only.
case_each_how() {
	need nft-queue && need veth && need ipv6 && need python3 || return
	netns_pair
	name_server inside "$B"
	referee_before
	for how in nxdomain servfail refused empty truncated timeout; do
		shaped dns.fail "netns=$A" "$how" --names '*.payments.test' --names '^ok.payments.test'
		case $how in
		truncated) tcp='{"198.51.100.1":1}' ;; # let be
		timeout) tcp='{"timeout":1}' ;;
		*) tcp='{"ECONNRESET":1}' ;;
		esac
		asked inside "$A" -- 10.99.0.2 api.payments.test A 2 udp 0.2 / fd99::2 a.b.payments.test AAAA 2 udp 0.2 / \
			fd99::2 api.payments.test A 1 tcp 0.5 / 10.99.0.2 ok.payments.test A 2 / \
			10.99.0.2 payments.test AAAA 2 / fd99::2 ok.payments.test A 2 tcp
		is "$how: IPv4, IPv6, TCP" "$(sed -n 1,3p <<<"$SAID")" "{\"$how\":2}
{\"$how\":2}
$tcp"
		is "$how: a name that is left out, one above, TCP" "$(sed -n 4,6p <<<"$SAID")" '{"198.51.100.1":2}
{"2001:db8::1":2}
{"198.51.100.1":2}'
		unshaped
		has "$how: the dose" "$OUT" "dose .*asked $how, achieved 100.0%: [0-9]+ of [0-9]+ answers"
	done
	asked inside "$A" -- 10.99.0.2 api.payments.test A 3
	is "as before" "$SAID" '{"198.51.100.1":3}'
	referee_after
}
# Half of the answers about some names, by dig; and what is not meant at all.
case_half_of_some() {
	need nft-queue && need veth && need ipv6 && need python3 && need dig || return
	netns_pair
	name_server inside "$B"
	referee_before
	shaped dns.fail "netns=$A" nxdomain --names '*.payments.test' --types A --share 50%
	# 300 of one half: a standard deviation of 8.7, of which five are allowed.
	yes 'api.payments.test A' | head -n 300 >"$DIR/asks"
	dug
	nx=$(said NXDOMAIN)
	between "dig: NXDOMAIN of 300" "$nx" 107 193
	is "dig: the rest is true" "$((nx + $(said NOERROR)))" 300
	is "dig finds nothing to warn of" "$(grep -ci warning "$DIR/dug")" 0
	{ yes 'api.shop.test A' | head -n 40 && yes 'api.payments.test AAAA' | head -n 40; } >"$DIR/asks"
	dug
	is "dig: other names and types" "$(said NOERROR)" 80
	asked inside "$A" -- 10.99.0.2 odd.payments.test A 3
	is "what is no message passes" "$SAID" '{"broken: question":3}'
	unshaped
	has "the dose is the referee's count" "$OUT" "dose .*nxdomain for 50%.* $nx of 300 answers"

	shaped dns.fail "netns=$A" servfail --names db.shop.test
	asked inside "$A" -- 10.99.0.2 api.shop.test A 3
	unshaped
	has "other names were asked for: no effect" "$OUT" 'NO EFFECT: 3 answers came, none to what was named'
	run attack dns.fail servfail --names db.shop.test --server 10.99.0.7 --target "netns=$A" --for 100ms
	exits "nobody asked: no effect" 7
	has "why" "$OUT" 'NO EFFECT: no answer came from a name server in .*cache'
	referee_after
}
# A resolver on loopback, one cgroup among others; sockets that are connected and such that are not.
case_on_loopback() {
	need nft-queue && need ipv6 && need python3 && need cgroup-v2 || return
	name_server -- 127.0.0.53 127.0.0.1 ::1
	cgroup shop
	referee_before
	start attack dns.fail servfail --target "cgroup=/$SQ_ID/shop" --for 60s
	wait_for 8 is_put
	asked in_cgroup shop -- 127.0.0.53 db.shop.test A 2 / ::1 db.shop.test A 2 loose / ::1 db.shop.test A 1 tcp
	is "in the cgroup: connected, loose, TCP" "$SAID" '{"servfail":2}
{"servfail":2}
{"ECONNRESET":1}'
	asked -- 127.0.0.53 db.shop.test A 2 / ::1 db.shop.test A 1 tcp
	is "beside it" "$(xargs <<<"$SAID")" '{198.51.100.1:2} {198.51.100.1:1}'
	unshaped
	run attack dns.fail servfail --target host --for 1s
	exits "all names of the host must be allowed" 4
	shaped dns.fail host servfail --server 127.0.0.53
	asked -- 127.0.0.53 db.shop.test A 3 / 127.0.0.1 db.shop.test A 3
	is "one of two resolvers of the host" "$(xargs <<<"$SAID")" '{servfail:3} {198.51.100.1:3}'
	kill_all
	asked -- 127.0.0.53 db.shop.test A 3
	is "all killed: as before" "$SAID" '{"198.51.100.1":3}'
	"$SQUALL" undo >/dev/null 2>&1
	referee_after
}
run_cases
