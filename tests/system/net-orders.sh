#!/bin/bash
# Delay, loss, DNS and cut by four runs at once on one namespace, ended in any order: each effect is exact until its own
# end, and then gone. Two of the 24 orders, by SEED; ORDERS=24 for all, two minutes.
. "$(dirname "$0")/lib.sh"
NET=$TOP/tests/system/net.py

orders() {
	python3 - "${ORDERS:-2}" "${SEED:-$(date +%s)}" <<-'X'
		import itertools, random, sys
		every = list(itertools.permutations(["delay", "loss", "dns", "cut"]))
		for order in random.Random(int(sys.argv[2])).sample(every, int(sys.argv[1])):
		    print(*order)
	X
}
attack_of() {
	case $1 in
	delay) start attack net.delay 60ms --target "netns=$A" --for 60s ;;
	loss) start attack net.loss --every 2 --protocol icmp --target "netns=$A" --for 60s ;;
	dns) start attack dns.fail refused --names '*.payments.test' --target "netns=$A" --for 60s ;;
	cut) start attack net.cut --port 7003 --target "netns=$A" --for 60s ;;
	esac
}
tables_are() { [ "$(inside "$A" nft list tables | grep -c inet)" = "$1" ]; }
# Those that are in effect, as seen from outside: "delay loss dns cut", or less.
effects() {
	local tcp dns
	inside "$A" python3 "$NET" tcp 10.99.0.2 7003 0.8 >"$DIR/tcp" &
	tcp=$!
	inside "$A" python3 "$TOP/tests/system/dns.py" ask 10.99.0.2 api.payments.test A 2 >"$DIR/dns" &
	dns=$!
	pinged "$A" 10.99.0.2 12 0.01
	wait $tcp $dns
	SEEN=
	[ "${MID%.*}" -lt 60 ] || SEEN+=" delay"
	case $CAME in 6) SEEN+=" loss" ;; 12) ;; *) SEEN+=" came=$CAME" ;; esac
	case $(jq -cS 'del(.ms)' "$DIR/dns") in
	'{"refused":2}') SEEN+=" dns" ;;
	'{"198.51.100.1":2}') ;;
	*) SEEN+=" $(<"$DIR/dns")" ;;
	esac
	case $(<"$DIR/tcp") in timeout) SEEN+=" cut" ;; ok) ;; *) SEEN+=" tcp=$(<"$DIR/tcp")" ;; esac
}
case_ended_in_any_order() {
	need nft-queue && need veth && need ping && need python3 || return
	local order what wanted
	declare -A runner
	netns_pair
	name_server inside "$B"
	spawn inside "$B" python3 "$NET" serve 7003 "$DIR/serving"
	wait_for 5 test -e "$DIR/serving"
	referee_before
	while read -r order; do
		for what in $order; do
			attack_of "$what"
			runner[$what]=$RUNNER
		done
		check "$order: all in" wait_for 8 tables_are 4
		effects
		is "$order: all four" "$SEEN" " delay loss dns cut"
		wanted=" delay loss dns cut"
		for what in $order; do
			RUNNER=${runner[$what]}
			kill -INT "$RUNNER"
			finish
			exits "$order: $what ended" 6
			wanted=${wanted/ $what/}
			effects
			is "$order: after $what" "$SEEN" "$wanted"
		done
	done < <(orders)
	referee_after
}
run_cases
