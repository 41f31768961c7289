#!/bin/bash
# dns.slow: how late answers come, and to whom.
. "$(dirname "$0")/lib.sh"

case_late() {
	need nft-queue && need veth && need ipv6 && need python3 || return
	netns_pair
	name_server inside "$B"
	referee_before
	shaped dns.slow "netns=$A" 100ms --names '*.payments.test'
	asked inside "$A" -- 10.99.0.2 api.payments.test A 7 / fd99::2 api.payments.test AAAA 5 / \
		fd99::2 api.payments.test AAAA 5 tcp / 10.99.0.2 api.shop.test A 25
	is "answers are true" "$(xargs <<<"$SAID")" '{198.51.100.1:7} {2001:db8::1:5} {2001:db8::1:5} {198.51.100.1:25}'
	for n in 1 2 3; do between "IPv4, IPv6, TCP: ms ($n)" "$(sed -n "${n}p" <<<"$MS")" 99.9 115; done
	between "another name, ms" "$(sed -n 4p <<<"$MS")" 0 5
	unshaped
	has "the dose" "$OUT" 'dose .*asked 100ms, achieved 1[0-9.]*ms .* on 17 packets; 100.0%: 17 of 17 answers'

	shaped dns.slow "netns=$A" 60ms --jitter 20ms --share 50%
	asked inside "$A" -- 10.99.0.2 api.shop.test A 30
	is "some late: all are true" "$SAID" '{"198.51.100.1":30}'
	unshaped
	has "the dose of a share" "$OUT" 'asked 60ms \+- 20ms for 50%, achieved [4-8][0-9.]*ms .*: ([5-9]|1[0-9]|2[0-5]) of 30 answers'
	referee_after
}
run_cases
