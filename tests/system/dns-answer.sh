#!/bin/bash
# dns.answer: which addresses are believed.
. "$(dirname "$0")/lib.sh"

case_wrong_address() {
	need nft-queue && need veth && need ipv6 && need python3 && need dig || return
	netns_pair
	name_server inside "$B"
	referee_before
	shaped dns.answer "netns=$A" 192.0.2.7 --address 192.0.2.9 --names 'db.*' --ttl 1m
	asked inside "$A" -- 10.99.0.2 db.shop.test A 3 / fd99::2 db.shop.test AAAA 3 / 10.99.0.2 api.shop.test A 3
	is "IPv4; its true answer for the other family; another name" "$SAID" '{"192.0.2.7 for 60,192.0.2.9 for 60":3}
{"2001:db8::1":3}
{"198.51.100.1":3}'
	is "dig believes it" "$(inside "$A" dig +short +tries=1 @10.99.0.2 db.shop.test | sort | xargs)" "192.0.2.7 192.0.2.9"
	unshaped
	has "the dose" "$OUT" 'dose .*asked 192.0.2.7,192.0.2.9, achieved 100.0%: 4 of 4 answers'
	shaped dns.answer "netns=$A" ::1
	asked inside "$A" -- 10.99.0.2 db.shop.test AAAA 3 / 10.99.0.2 big.shop.test AAAA 3 / fd99::2 db.shop.test AAAA 3 tcp
	is "IPv6, not to be kept; in the place of a truncated one; TCP is let be" "$SAID" '{"::1 for 0":3}
{"::1 for 0":3}
{"2001:db8::1":3}'
	unshaped
	referee_after
}
run_cases
