#!/bin/sh
# Each rule of a policy refuses what it says and nothing else: a plan on a recorded machine that is
# fine without the rule, and with one that just allows it. TAP.
#   tests/cli/policy-rules.sh SQUALL
set -u
squall=$(readlink -f "$1")
cd "$(dirname "$0")/../.." || exit 1
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
export SQUALL_DIR="$box/squall" NO_COLOR=1 LC_ALL=C
mkdir -p "$SQUALL_DIR/etc"
n=0 failed=0

# plan POLICY METHOD [MACHINE]: $status, $out
plan() {
	printf 'squall-policy: 1\n%s\n' "$1" >"$SQUALL_DIR/etc/policy.yaml"
	printf 'squall: 1\ntitle: x\nallow: [irreversible, host-wide, control-path]\nmethod:\n  - {%s}\n%s\n' "$2" "${MORE:-}" >"$box/x.yaml"
	status=0
	out=$("$squall" plan "$box/x.yaml" --machine "tests/machines/${3:-v1}.machine" 2>&1) || status=$?
}
result() { # GOOD NAME
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		failed=1
		echo "not ok $n - $2"
		echo "exit $status: $out" | sed 's/^/# /'
	fi
}
refuses() { # NAME POLICY METHOD LINE
	plan "halt: root" "$3"
	[ "$status" = 0 ]
	result $? "$1: without it"
	plan "$2" "$3"
	[ "$status" = 4 ] && echo "$out" | grep -q "^squall: policy \".*/etc/policy.yaml:$4\" refuses "
	result $? "$1: refused"
}
allows() { # NAME POLICY METHOD
	plan "$2" "$3"
	[ "$status" = 0 ]
	result $? "$1: allowed"
}
pause='fault: proc.pause, target: {process: {name: nginx, parent: 803}, pick: all}, for: 10s'
worker='fault: proc.pause, target: {process: {pid: 804}}, for: 10s'
redis='fault: proc.pause, target: {process: {name: redis-server, user: redis, listens: 6379}}, for: 10s'
quota='fault: cpu.quota, target: {cgroup: /shop}, with: {quota: 30%}, for: 10s'
cut='fault: net.cut, target: host, with: {port: 6379, protocol: tcp}, for: 10s'

refuses "a fault denied" 'faults: {denied: [net, proc.pause]}' "$pause" 2
refuses "a family denied" 'faults: {denied: [proc]}' "$pause" 2
refuses "a class denied" 'faults: {denied: [resource]}' "$quota" 2
refuses "a glob denied" 'faults: {denied: ["*.cut"]}' "$cut" 2
allows "others denied" 'faults: {denied: [net, cpu.quota, resource]}' "$pause"
refuses "not among those allowed" 'faults: {allowed: [net, proc.kill]}' "$pause" 2
refuses "nothing allowed" 'faults: {allowed: []}' "$pause" 2
allows "a family allowed" 'faults: {allowed: [proc]}' "$pause"
refuses "allowed and denied" 'faults:
  allowed: [proc]
  denied: ["*.pause"]' "$pause" 4

refuses "at least" 'limits: {cpu.quota: {quota: at least 31%}}' "$quota" 2
allows "at least, just" 'limits: {cpu.quota: {quota: at least 30%}}' "$quota"
refuses "at most" 'limits: {cpu.quota: {quota: 29%}}' "$quota" 2
refuses "at most, in words" 'limits: {cpu.quota: {quota: at most 29%}}' "$quota" 2
allows "at most, just" 'limits: {cpu.quota: {quota: 30%}}' "$quota"
delay='fault: net.delay, target: host, with: {delay: 50ms, port: 6379}, for: 10s'
refuses "a delay too long" 'limits: {net.delay: {delay: at most 49ms}}' "$delay" 2
allows "a delay, just" 'limits: {net.delay: {delay: at most 50ms}}' "$delay"
rate='fault: net.rate, target: host, with: {rate: 10mbit, port: 6379}, for: 10s'
refuses "a rate too low" 'limits: {net.rate: {rate: at least 11Mbit/s}}' "$rate" 2
allows "a rate, just" 'limits: {net.rate: {rate: at least 10Mbit/s}}' "$rate"
loss='fault: net.loss, target: host, with: {every: 2, port: 6379}, for: 10s'
refuses "loss by another way" 'limits: {net.loss: {share: at most 5%, every: at most 0}}' "$loss" 2
allows "another fault's limit" 'limits: {net.cut: {mode: reject}}' "$quota"
refuses "a word" 'limits: {net.cut: {mode: [reject]}}' "$cut" 2
allows "a word of several" 'limits: {net.cut: {mode: [reject, silence]}}' "$cut"
refuses "a list, one element outside" 'limits: {net.cut: {port: ["63*"]}}' \
	'fault: net.cut, target: host, with: {port: [6379, 7000], protocol: tcp}, for: 10s' 2
allows "a list within" 'limits: {net.cut: {port: ["63*"]}}' "$cut"
refuses "a list left out" 'limits: {net.cut: {address: ["10.*"]}}' "$cut" 2
file='fault: file.replace, target: host, with: {path: /etc/nginx/nginx.conf, content: x}, for: 10s'
refuses "a path" 'limits: {file.replace: {path: [/srv/*, /opt/*]}}' "$file" 2
allows "a path within" 'limits: {file.replace: {path: /etc/nginx/*}}' "$file"

kill='fault: proc.kill, target: {process: {pid: 804}}'
refuses "irreversible" 'allow: [host-wide, control-path]' "$kill" 2
allows "irreversible, allowed" 'allow: [irreversible]' "$kill"
refuses "host-wide" 'allow: [control-path]' 'fault: net.cut, target: host, for: 10s' 2
refuses "control-path" 'allow: [host-wide]' 'fault: net.cut, target: host, for: 10s' 2
refuses "nothing of all" 'allow: []' "$kill" 2
allows "what needs nothing" 'allow: []' "$pause"

refuses "too long" 'blast-radius: {max-duration: 30s}' "$pause" 2
allows "just short enough" 'blast-radius: {max-duration: 40s}' "$pause"
refuses "too many" 'blast-radius: {targets: 1}' "$pause" 2
refuses "too great a share" 'blast-radius: {targets: 50%}' "$pause" 2
allows "as many as may be" 'blast-radius: {targets: 4}' "$pause"
MORE="  - {$worker}
  - {$redis}"
refuses "too many over all attacks" 'blast-radius: {targets: 4}' "$pause" 2
allows "one more" 'blast-radius: {targets: 5}' "$pause"
MORE=

# 32768 - 187 are free; squall takes 12, and one for each of the four processes
refuses "a floor of process ids" 'floors: {process-ids: 32566}' "$pause" 2
allows "a floor of process ids, just" 'floors: {process-ids: 32565}' "$pause"
refuses "a floor of process ids, for burning threads" 'floors: {process-ids: 32567}' \
	'fault: cpu.load, target: host, with: {load: 10%, cpus: 2}, for: 10s' 2
allows "a floor of process ids, for burning threads, just" 'floors: {process-ids: 32566}' \
	'fault: cpu.load, target: host, with: {load: 10%, cpus: 2}, for: 10s'
allows "a plan that takes none" 'floors: {process-ids: 4000000}' 'wait: 1s'

exec='fault: proc.pause, target: {process: {pid: 804}}, for: 10s}
  - {exec: {argv: [ls]}'
refuses "an action that is a command" 'commands: false' "$exec" 2
MORE='hypothesis: {says: x, steady: [{id: a, exec: {argv: [ls]}, expect: {exit: 0}}]}'
refuses "a probe that is a command" 'commands: false' "$pause" 2
MORE='hypothesis: {says: x, steady: [{id: a, tcp: {address: "127.0.0.1:80"}, expect: {connected: true}}]}'
allows "a probe that is none" 'commands: false' "$pause"
MORE=

refuses "a process by name" 'protect: {processes: [{name: redis*}]}' "$redis" 2
refuses "by path" 'protect: {processes: [{exe: /usr/sbin/nginx}]}' "$worker" 2
refuses "by user" 'protect: {processes: [{user: redis}]}' "$redis" 2
refuses "by number of the user" 'protect: {processes: [{user: 107}]}' "$redis" 2
refuses "by port" 'protect: {processes: [{listens: 6379}]}' "$redis" 2
refuses "by cgroup" 'protect: {processes: [{cgroup: /redis}]}' "$redis" 2
refuses "by unit" 'protect: {processes: [{unit: shop}]}' "$worker" 2
refuses "the second entry" 'protect:
  processes:
    - {name: nginx, user: redis}
    - {user: redis, name: redis-server, listens: 6379}' "$redis" 5
allows "all terms must match" 'protect: {processes: [{name: redis-server, user: www-data}]}' "$redis"
allows "a neighbour in name" 'protect: {cgroups: [/redis-two], processes: [{cgroup: /red}]}' "$redis"
refuses "a cgroup that holds one" 'protect: {processes: [{name: nginx}]}' "$quota" 2
allows "a cgroup that holds none" 'protect: {processes: [{name: redis*}]}' "$quota"
refuses "a rule that cannot be followed" 'protect: {processes: [{user: nobody-knows}]}' "$worker" 2
refuses "a unit's processes" 'protect: {units: ["sh*p"]}' "$worker" 2
refuses "a unit's cgroup" 'protect: {units: [shop]}' "$quota" 2
refuses "a cgroup's processes" 'protect: {cgroups: [/shop]}' "$worker" 2
refuses "a cgroup" 'protect: {cgroups: [/sh*]}' "$quota" 2
refuses "an empty cgroup" 'protect: {cgroups: [/fine]}' 'fault: cpu.quota, target: {cgroup: /fine}, with: {quota: 30%}, for: 10s' 2
allows "another cgroup" 'protect: {units: [redis], cgroups: [/batch, /sho]}' "$quota"

refuses "a port" 'control-path: [{port: 6000-6400}]' "$cut" 2
allows "another port" 'control-path: [{port: 22}]' "$cut"
refuses "everything cut, a port kept" 'control-path: [{port: 22}]' 'fault: net.cut, target: host, for: 10s' 2
addr='fault: net.cut, target: host, with: {address: [10.1.0.0/16]}, for: 10s'
refuses "an address within" 'control-path: [{address: 10.1.2.3}]' "$addr" 2
refuses "an address around" 'control-path: [{address: 10.0.0.0/8}]' "$addr" 2
allows "another address" 'control-path: [{address: 10.2.0.0/16}, {address: "fd00::/8"}]' "$addr"
allows "that address, another port" 'control-path: [{address: 10.1.2.3, port: 22}]' \
	'fault: net.cut, target: host, with: {address: 10.1.0.0/16, port: 6379}, for: 10s'
dev='fault: net.cut, target: host, with: {interface: eth0, port: 6379}, for: 10s'
refuses "a device" 'control-path: [{port: 1}, {interface: "eth*"}]' "$dev" 2
allows "another device" 'control-path: [{interface: mgmt0}]' "$dev"
allows "what stays here" 'control-path: [{port: 80}]' \
	'fault: net.cut, target: host, with: {address: 127.0.0.1, port: 80}, for: 10s'
refuses "what stays here, by name" 'control-path: [{interface: lo}]' \
	'fault: net.cut, target: host, with: {address: 127.0.0.1, port: 80}, for: 10s' 2
group='fault: net.cut, target: {cgroup: /shop}, with: {direction: in}, for: 10s'
refuses "a cgroup that listens there" 'control-path: [{port: 80}]' "$group" 2
allows "a cgroup that does not" 'control-path: [{port: 22}]' "$group"
refuses "ICMP to an address" 'control-path: [{address: 10.1.2.3}]' \
	'fault: net.cut, target: host, with: {protocol: icmp}, for: 10s' 2
allows "ICMP has no ports" 'control-path: [{port: 22}]' 'fault: net.cut, target: host, with: {protocol: icmp}, for: 10s'
echo "1..$n"
exit $failed
