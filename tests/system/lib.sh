# shellcheck shell=bash
# What every system test stands on: a bed of its own (network and mount namespace, cgroups, scratch
# folder) and a referee that looks at it before and after with outside tools, never with squall's
# own readers.
#
#   . "$(dirname "$0")/lib.sh"
#   case_one() { … }         # a function a case; every case is a revert test
#   case_two() { … }
#   run_cases                # all of them, or those that $ONLY names
#
# Within a case: check, is, has, ok, nok, note, need, wait_for, spawn, and the beds below. Output is
# TAP. Nothing sleeps and hopes: wait for an event, with a deadline.

set -u
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-$TOP/build}
SQUALL=$BUILD/squall
SELF=$(readlink -f "$0")

if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root"
	exit 0
fi

# Once: into a network and a mount namespace of our own.
if [ -z "${SQ_ID:-}" ]; then
	SQ_ID=sq-$$ exec unshare --net --mount --propagation private -- bash "$SELF" "$@"
fi
export SQ_ID
mount --make-rprivate / 2>/dev/null

# --- cgroups -------------------------------------------------------------------------------------
# v2 wherever it is mounted; the controllers of v1 when they stand apart.
CG2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
CGCPU=$(awk '$3 == "cgroup" && $4 ~ /(^|,)cpu(,|$)/ { print $2; exit }' /proc/mounts)
[ -n "$CGCPU" ] || CGCPU=$CG2
CGMEM=$(awk '$3 == "cgroup" && $4 ~ /(^|,)memory(,|$)/ { print $2; exit }' /proc/mounts)
[ -n "$CGMEM" ] || CGMEM=$CG2
CGPIDS=$(awk '$3 == "cgroup" && $4 ~ /(^|,)pids(,|$)/ { print $2; exit }' /proc/mounts)
[ -n "$CGPIDS" ] || CGPIDS=$CG2

BOX=$(mktemp -d "/tmp/$SQ_ID.XXXXXX")
# Never has anything to read: a wait is a read of it that times out. (A process substitution for each
# wait stays in bash's table of processes; when its number is used again, bash waits for it for ever.)
mkfifo "$BOX/never"
exec {NEVER}<>"$BOX/never"
rm "$BOX/never"
N=0 FAILED=0 CASE=-

# --- TAP -----------------------------------------------------------------------------------------
note() {
	local line
	while IFS= read -r line; do printf '# %s\n' "$line"; done <<<"$*"
}
ok() {
	N=$((N + 1))
	echo "ok $N - ${CASE//_/ }: $*"
}
nok() {
	N=$((N + 1)) FAILED=$((FAILED + 1))
	echo "not ok $N - ${CASE//_/ }: $*"
}
skip() { # REASON: the rest of the case is not run
	N=$((N + 1))
	echo "ok $N - ${CASE//_/ } # SKIP $*"
}
# check DESCRIPTION COMMAND…: ok when the command succeeds; its output is shown when it does not.
check() {
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$what"; else
		nok "$what"
		note "ran: $*"
		note "$out"
		return 1
	fi
}
check_not() {
	local what=$1
	shift
	if "$@" >"$BOX/out" 2>&1; then
		nok "$what"
		note "succeeded: $*"
		note "$(cat "$BOX/out")"
		return 1
	fi
	ok "$what"
}
is() { # DESCRIPTION GOT WANTED
	if [ "$2" = "$3" ]; then ok "$1"; else
		nok "$1"
		note "got:    $2"
		note "wanted: $3"
		return 1
	fi
}
has() { # DESCRIPTION TEXT REGEX
	if grep -qiE -- "$3" <<<"$2"; then ok "$1"; else
		nok "$1"
		note "no match for: $3"
		note "in: $2"
		return 1
	fi
}
between() { # DESCRIPTION NUMBER LOW HIGH
	if awk -v x="$2" -v a="$3" -v b="$4" 'BEGIN { exit !(x != "" && x >= a && x <= b) }'; then ok "$1 ($2)"; else
		nok "$1"
		note "$2 is not between $3 and $4"
		return 1
	fi
}

# lacks CAPABILITY WHY: the rest of the case is not run. In CI, what .ci/required names must not be
# missing; a virtual machine has a list of its own ($SQ_REQUIRED).
lacks() {
	if [ -n "${SQ_CI:-}" ] && grep -qx -- "$1" "${SQ_REQUIRED:-$TOP/.ci/required}"; then
		nok "this machine must be able to: $1"
		note "$2"
	else
		skip "needs $1: ${2:-not here}"
	fi
	return 1
}
# need CAPABILITY: tries it; says why not and returns 1 (the case returns then).
need() {
	local why
	case $1 in
	nft) why=$(nft add table inet "$SQ_ID" 2>&1 && nft delete table inet "$SQ_ID" 2>&1) ;;
	nft-reject) why=$(nft "add table inet $SQ_ID; add chain inet $SQ_ID c { type filter hook output priority 0; }; add rule inet $SQ_ID c tcp dport 1 reject with tcp reset" 2>&1 && nft delete table inet "$SQ_ID" 2>&1) ;;
	nft-queue) why=$("$SQUALL" faults net.delay --json | jq -r '."why-not" // empty') && [ -z "$why" ] ;;
	sock-destroy) why=$("$SQUALL" faults net.reset --json | jq -r '."why-not" // empty') && [ -z "$why" ] ;;
	conntrack) why=$("$SQUALL" faults net.conntrack-drop --json | jq -r '."why-not" // empty') && [ -z "$why" ] ;;
	bpf-sock-create) why=$("$SQUALL" attack net.cut --target "process.pid=$$" --for 1s --dry-run 2>/dev/null | grep 'looked for'); [ -z "$why" ] ;;
	ipv6) why=$(ip -6 addr add fd00:5157::1/128 dev lo 2>&1 && ip -6 addr del fd00:5157::1/128 dev lo 2>&1) ;;
	veth) why=$(ip link add "v$$" type veth peer name "w$$" 2>&1 && ip link del "v$$" 2>&1) ;;
	cgroup-cpu)
		why=$(mkdir "$CGCPU/$SQ_ID-try" 2>&1 && {
			test -e "$CGCPU/$SQ_ID-try/cpu.cfs_quota_us" -o -e "$CGCPU/$SQ_ID-try/cpu.max"
			with=$?
			rmdir "$CGCPU/$SQ_ID-try" 2>&1
			[ $with = 0 ]
		})
		;;
	cgroup-memory)
		why=$(mkdir "$CGMEM/$SQ_ID-try" 2>&1 && {
			test -e "$CGMEM/$SQ_ID-try/memory.limit_in_bytes" -o -e "$CGMEM/$SQ_ID-try/memory.max"
			with=$?
			rmdir "$CGMEM/$SQ_ID-try" 2>&1
			[ $with = 0 ]
		})
		;;
	cgroup-pids) why=$(mkdir "$CGPIDS/$SQ_ID-try" 2>&1 && test -e "$CGPIDS/$SQ_ID-try/pids.max" && rmdir "$CGPIDS/$SQ_ID-try" 2>&1) ;;
	cgroup-v2) why=$([ -n "$CG2" ] && mkdir "$CG2/$SQ_ID-try" 2>&1 && rmdir "$CG2/$SQ_ID-try" 2>&1) ;;
	realtime) why=$(chrt -f 1 true 2>&1) ;;
	tmpfs) why=$(mkdir -p "$BOX/try" && mount -t tmpfs none "$BOX/try" 2>&1 && umount "$BOX/try" 2>&1) ;;
	*) why=$(command -v "$1" || { echo "no program $1"; false; }) ;;
	esac || lacks "$1" "$why"
}

# wait_for SECONDS COMMAND…: until it succeeds, or the deadline. A virtual machine starts processes
# slowly: if it looked as often it would do nothing else.
PAUSE_S=${SQ_VM:+0.2} PAUSE_S=${PAUSE_S:-0.02}
wait_for() {
	local whole=${1%.*} part=${1#"${1%.*}"} end
	part=${part#.}000000
	# A virtual machine without acceleration is slow; what is a bar, and no patience, is shorter.
	[ -z "${SQ_VM:-}" ] || [ "${whole:-0}" -lt 3 ] || whole=$((whole * 4))
	end=$((${EPOCHREALTIME/./} + ${whole:-0} * 1000000 + 10#${part::6}))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
		read -rt "$PAUSE_S" -u "$NEVER" || :
	done
}
now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# --- processes -----------------------------------------------------------------------------------
# Field N of /proc/PID/stat, counted after the name (3 is the state).
stat_field() {
	local line
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
	line=${line##*) }
	# shellcheck disable=SC2086  # words
	set -- "$2" $line
	shift $(($1 - 3))
	echo "$2"
}
is_stopped() { [ "$(stat_field "$1" 3)" = T ]; }
is_running() { case $(stat_field "$1" 3) in [RSD]) ;; *) return 1 ;; esac }
is_gone() { case $(stat_field "$1" 3) in "" | Z | X) ;; *) return 1 ;; esac }
cpu_ticks() { echo $(($(stat_field "$1" 14) + $(stat_field "$1" 15))); }
# spawn COMMAND…: in the background, in a session of its own (squall spares that of its caller); its
# process id is in $PID.
spawn() {
	case $1 in
	inside) set -- nsenter --net="/run/netns/$2" -- "${@:3}" ;;
	in_cgroup) set -- sh -c "$CGROUP_EXEC" sh "$CGCPU/$SQ_ID/$2" "$CG2/$SQ_ID/$2" "${@:3}" ;;
	esac
	setsid "$@" </dev/null >>"$BOX/spawned" 2>&1 &
	PID=$!
	disown "$PID"
	wait_for 2 is_executed "$PID"
}
# No longer the shell that forked it.
is_executed() { ! cmp -s "/proc/$1/cmdline" "/proc/$$/cmdline"; }
# Processes of this bed that run a program of that name ("squall-keeper"), helpers included.
ours() {
	local pid
	for pid in $(bed_pids); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ] && echo "$pid"
	done
}
bed_pids() {
	local pid of pids=()
	while IFS=/ read -r pid _ of _; do pids[${pid:-$of}]=1; done < <(
		cat "$CG2/$SQ_ID"/{,*/,*/*/}cgroup.procs 2>/dev/null
		# What has moved itself to another cgroup still carries our environment.
		grep -lzs "^SQ_ID=$SQ_ID\$" /proc/[0-9]*/environ 2>/dev/null
	)
	for pid in "${!pids[@]}"; do
		[ "$pid" = "$$" ] || [ "$pid" = "$BASHPID" ] || [ ! -e "/proc/$pid/exe" ] || echo "$pid"
	done
}
kill_bed() {
	local pid
	for _ in 1 2 3 4 5; do
		for pid in $(bed_pids); do
			# Our own subshells end by themselves; the bed's processes do not.
			is_executed "$pid" || continue
			kill -KILL "$pid" 2>/dev/null
		done
		[ -n "$(cat "$CG2/$SQ_ID/bed/cgroup.procs" 2>/dev/null)" ] || break
	done
}

# --- beds ----------------------------------------------------------------------------------------
bed_make() {
	DIR=$BOX/$CASE
	TREE=$DIR/tree
	mkdir -p "$DIR" "$TREE"
	export SQUALL_DIR=$DIR/squall
	export XDG_CONFIG_HOME=$DIR NO_COLOR=1
	ip link set lo up
	if [ -n "$CG2" ]; then
		# a group of v2 has processes or gives controllers to its children, not both
		mkdir -p "$CG2/$SQ_ID/bed"
		echo $$ >"$CG2/$SQ_ID/bed/cgroup.procs"
	fi
}
bed_unmake() {
	local name
	[ -z "$CG2" ] || echo $$ >"$CG2/cgroup.procs"
	kill_bed 2>/dev/null
	for name in /run/netns/"$SQ_ID"-*; do [ -e "$name" ] && ip netns del "${name##*/}"; done
	nft flush ruleset 2>/dev/null
	while umount "$DIR"/mnt* 2>/dev/null; do :; done
	cgroup_remove
	rm -rf "$DIR"
}
# cgroup NAME: makes $CPUGROUP (cpu controller), $MEMGROUP (memory) and $GROUP (v2) for it; the name
# squall knows is /$SQ_ID/NAME.
cgroup() {
	local controller
	mkdir -p "$CGCPU/$SQ_ID/$1" "$CGMEM/$SQ_ID/$1" "$CG2/$SQ_ID/$1"
	if [ "$CGCPU" = "$CG2" ]; then
		for controller in $(cat "$CG2/cgroup.controllers"); do
			echo "+$controller" >"$CG2/cgroup.subtree_control"
			echo "+$controller" >"$CG2/$SQ_ID/cgroup.subtree_control"
		done 2>/dev/null
	fi
	# shellcheck disable=SC2034  # for the tests
	CPUGROUP=$CGCPU/$SQ_ID/$1 MEMGROUP=$CGMEM/$SQ_ID/$1 GROUP=$CG2/$SQ_ID/$1
}
# The group of the last `cgroup` has a quota.
is_limited() {
	if [ -e "$CPUGROUP/cpu.max" ]; then ! grep -q ^max "$CPUGROUP/cpu.max"; else [ "$(cat "$CPUGROUP/cpu.cfs_quota_us")" -gt 0 ]; fi
}
cgroup_remove() {
	local root
	for root in "$CGCPU" "$CGMEM" "$CG2"; do
		[ -d "$root/$SQ_ID" ] || continue
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			find "$root/$SQ_ID" -depth -type d -exec rmdir {} + 2>/dev/null
			[ -d "$root/$SQ_ID" ] || break
			read -rt 0.05 -u "$NEVER" || :
		done
	done
}
# shellcheck disable=SC2016  # for the inner shell
CGROUP_EXEC='echo $$ >"$1/cgroup.procs"; echo $$ >"$2/cgroup.procs"; shift 2; exec "$@"'
# Runs a command inside a cgroup (both hierarchies): in_cgroup NAME COMMAND…
in_cgroup() {
	local name=$1
	shift
	sh -c "$CGROUP_EXEC" sh "$CGCPU/$SQ_ID/$name" "$CG2/$SQ_ID/$name" "$@"
}
# Two namespaces joined by a veth pair: a 10.99.0.1 fd99::1, b 10.99.0.2 fd99::2.
netns_pair() {
	local ns
	A=$SQ_ID-a B=$SQ_ID-b
	for ns in "$A" "$B"; do
		ip netns add "$ns"
		inside "$ns" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
		inside "$ns" ip link set lo up
	done
	inside "$A" ip link add va type veth peer name vb netns "$B"
	inside "$A" ip addr add 10.99.0.1/24 dev va
	inside "$B" ip addr add 10.99.0.2/24 dev vb
	inside "$A" ip -6 addr add fd99::1/64 dev va nodad
	inside "$B" ip -6 addr add fd99::2/64 dev vb nodad
	inside "$A" ip link set va up
	inside "$B" ip link set vb up
	wait_for 5 inside "$A" ping -c1 -W1 10.99.0.2
	wait_for 5 inside "$A" ping -6 -c1 -W1 fd99::2
}
inside() { # NETNS COMMAND…; not `ip netns exec`, which hides the cgroups
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" -- "$@"
}

# --- what networks are measured with -------------------------------------------------------------
# shaped FAULT TARGET PARAMETERS…: in the background, until unshaped; the table is there when it returns.
shaped() {
	start attack "$1" "${@:3}" --target "$2" --for 60s
	wait_for 8 is_put "${2#host}" || note "not put: $(cat "$DIR/err.$RUNNER")"
}
# is_put [NETNS]: a table of squall is there, which sends what matches to the queue.
is_put() { ${1:+inside "${1#netns=}"} nft list ruleset 2>/dev/null | grep -q 'queue num'; }
unshaped() { # [SECONDS]
	kill -INT "$RUNNER"
	finish "$@"
}
# pinged NETNS ADDRESS N SECONDS…: N echo requests; $SENT, $CAME, $DOUBLED, and of the round trips (ms) the
# least, the median and what lies between the quartiles: $MIN $MID $MIDDLE. A moment without a CPU spoils
# an average.
# shellcheck disable=SC2034  # for the tests
pinged() {
	local text
	# -U: as a program sees it; else by the kernel's time of arrival, which is before the shaper
	text=$(inside "$1" ping -U -n -c "$3" -i "$4" -W 2 "$2" 2>&1)
	SENT=$(sed -n 's/ packets transmitted.*//p' <<<"$text")
	CAME=$(sed -n 's/.*transmitted, \([0-9]*\) received.*/\1/p' <<<"$text")
	DOUBLED=$(sed -n 's/.* +\([0-9]*\) duplicates.*/\1/p' <<<"$text")
	read -r MIN MID MIDDLE < <(sed -n 's/.*time=\([0-9.]*\) ms.*/\1/p' <<<"$text" | sort -n |
		awk '{ v[NR] = $1 } END { if (NR) print v[1], v[int((NR + 1) / 2)], v[int((3 * NR + 3) / 4)] - v[int((NR + 3) / 4)] }')
	: "${DOUBLED:=0}"
}
# sent_to_b ADDRESS N MS: numbered datagrams from A to port 5000 of B; $SAW is what the sender saw, and
# the fields of what arrived are had with `arrived FIELD`.
sent_to_b() {
	local receiver
	rm -f "$DIR/ready"
	nsenter --net="/run/netns/$B" -- python3 "$TOP/tests/system/net.py" count 5000 "$2" "$DIR/ready" >"$DIR/count" &
	receiver=$!
	wait_for 5 test -e "$DIR/ready"
	# shellcheck disable=SC2034
	SAW=$(inside "$A" python3 "$TOP/tests/system/net.py" send "$1" 5000 "$2" "$3")
	# what is held back, or waits in the socket
	sleep 0.4
	kill -TERM "$receiver"
	wait "$receiver"
}
# An iperf3 in B for one client.
served() {
	spawn inside "$B" iperf3 -s -1
	wait_for 5 eval 'inside "$B" ss -Hltn sport = 5201 | grep -q .'
}
arrived() { jq ".$1" "$DIR/count"; }
# name_server [inside NETNS | in_cgroup NAME] [-- ADDRESS…]: a name server there, on every address or these.
name_server() {
	local there=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		there+=("$1")
		shift
	done
	rm -f "$DIR/ready"
	spawn "${there[@]}" python3 "$TOP/tests/system/dns.py" serve "$DIR/ready" "${@:2}"
	wait_for 5 test -e "$DIR/ready"
}
# asked [inside NETNS | in_cgroup NAME] -- SERVER NAME TYPE N [udp|tcp|loose] [SECONDS] [/ SERVER…]: for each group
# a line of $SAID, how many had which outcome, and one of $MS, the median of the times.
# shellcheck disable=SC2034  # for the tests
asked() {
	local text there=()
	while [ "$1" != -- ]; do
		there+=("$1")
		shift
	done
	text=$("${there[@]}" python3 "$TOP/tests/system/dns.py" ask "${@:2}")
	SAID=$(jq -cS 'del(.ms)' <<<"$text")
	MS=$(jq .ms <<<"$text")
}
# dug: dig asks in A what $DIR/asks has, a line each; said STATUS: how many had that one.
dug() { inside "$A" dig -f "$DIR/asks" +tries=1 +time=2 @10.99.0.2 >"$DIR/dug" 2>&1; }
said() { grep -c "status: $1," "$DIR/dug"; }

# --- the referee ---------------------------------------------------------------------------------
# Everything that a run may have changed, one line each, by outside tools.
snapshot_net() {
	local dev lines="qdisc show"
	ip -o -batch - <<<$'link show\naddr show\nroute show table all\nrule show\nneigh show nud permanent'
	ip -6 -o -batch - <<<$'route show table all\nrule show'
	for dev in /sys/class/net/*; do
		lines+=$'\n'"filter show dev ${dev##*/}"$'\n'"filter show dev ${dev##*/} ingress"
	done
	tc -force -batch - <<<"$lines" 2>/dev/null
	nft -s list ruleset
	ss -Htuane | sed -nE 's/^([a-z]+) +[A-Z0-9-]+ +[0-9]+ +[0-9]+ +([^ ]+) .*(fwmark:0x[0-9a-f]+).*/\1 \2 \3/p' | sort
	find /proc/sys/net -type f -perm -400 ! -name '*secret*' ! -name 'nf_conntrack_*' ! -path '*route/flush' ! -name 'random*' -exec grep -Hs '' {} +
}
# Few processes: a virtual machine starts them slowly.
snapshot() {
	local ns pid dir dirs=() files=()
	echo "== network"
	snapshot_net
	for ns in /run/netns/"$SQ_ID"-*; do
		[ -e "$ns" ] || continue
		echo "== network ${ns##*/}"
		nsenter --net="$ns" -- bash -c "$(declare -f snapshot_net); snapshot_net"
	done
	echo "== mounts"
	# Names of network namespaces that others keep come and go.
	awk -v id="$SQ_ID-" '$5 !~ "^/run/netns/" || index($5, id) { $1 = $2 = ""; print }' /proc/self/mountinfo | sort
	echo "== kernel"
	grep -Hs '' /proc/sys/kernel/{core_pattern,pid_max,threads-max,panic,sched_rt_runtime_us} \
		/proc/sys/vm/{overcommit_memory,swappiness,drop_caches,dirty_ratio,max_map_count} /proc/sys/fs/file-max \
		/proc/sys/kernel/hostname
	echo "== cgroups"
	for dir in "$CGCPU" "$CGMEM" "$CG2"; do
		case " ${dirs[*]} " in *" $dir/$SQ_ID "*) continue ;; esac
		dirs+=("$dir/$SQ_ID")
	done
	find "${dirs[@]}" -type d -print -o -perm -200 ! -name cgroup.procs ! -name tasks ! -name cgroup.threads ! -name '*.pressure' \
		! -name '*max_usage*' ! -name '*failcnt' ! -name memory.peak -exec grep -Hs '' {} + | grep -v ':oom_kill [0-9]' | sort
	echo "== processes"
	# Name, state, priorities, affinity, limits and groups of each; less the test's own shells.
	for pid in $(bed_pids); do files+=("/proc/$pid"/{stat,oom_score_adj,status,limits,cgroup}); done
	grep -Hs '' /dev/null "${files[@]}" | awk -v shell="$$" '
		function flush() {
			if (pid && comm == "(bash)")
				parent[pid] = ppid
			if (pid && state !~ /[ZX]/) {
				who[++n] = pid
				says[n] = pid "@" start " " comm " " (state == "T" ? "stopped" : state == "t" ? "traced" : "running") \
					" nice " nice " policy " policy " " rest
			}
			pid = 0
		}
		# The shell or one that it forked, whose number may be the smaller one when they have gone round.
		function is_own(pid) { return pid == shell || pid in parent && is_own(parent[pid]) }
		{ file = $0; sub(/:.*/, "", file); sub(/^[^:]*:/, "") }
		file ~ /stat$/ {
			flush()
			pid = $1
			comm = $0; sub(/^[0-9]* /, "", comm); sub(/\) [A-Za-z] .*$/, ")", comm)
			line = $0; sub(/^.*\) /, "", line); split(line, f, " ")
			state = f[1]; ppid = f[2]; nice = f[17]; start = f[20]; policy = f[39]; rest = ""
		}
		file ~ /oom_score_adj$/ { rest = rest " oom " $0 }
		file ~ /status$/ && /^Cpus_allowed_list/ { rest = rest " cpus " $2 }
		file ~ /limits$/ && !/^Limit/ { gsub(/  +/, " "); rest = rest " " $0 }
		file ~ /cgroup$/ { rest = rest " " $0 }
		END {
			flush()
			for (i = 1; i <= n; i++)
				if (!is_own(who[i]))
					print says[i]
		}'
	echo "== space"
	# of a disk of the test's own: on one of the machine's, others write too
	[ ! -d "$DIR/mnt" ] || ! mountpoint -q "$DIR/mnt" || stat -f -c '%n %a of %b blocks left' "$DIR/mnt"
	snapshot_disk
}
# What outlives a boot.
snapshot_disk() {
	echo "== files and claims"
	{
		find "$TREE" -type d -printf '%P mode %m owner %u:%g inode %i\n' -o \
			-printf '%P %y mode %m owner %u:%g size %s inode %i mtime %T@ %l\n' -type f -exec sha256sum {} +
		find "${SQUALL_RUN:-${SQUALL_DIR:-}/run}" \( -path '*claims*' -o -path '*held*' \) -type f -size +0 2>/dev/null
	} | sort
}
# Marks what is to be found again.
referee_before() { snapshot >"$DIR/before" 2>/dev/null; }
# Expected to be different from now on (a process that was killed on purpose): forget PATTERN.
forget() { sed -i "/$1/d" "$DIR/before"; }
residue() { # prints the difference; succeeds when there is none
	snapshot >"$DIR/after" 2>/dev/null
	! cmp -s "$DIR/before" "$DIR/after" || return 0
	diff -U0 "$DIR/before" "$DIR/after" | sed 1,2d | grep -v '^@@'
	return "${PIPESTATUS[0]}"
}
no_residue() { residue >/dev/null; }
# referee_after [DESCRIPTION] [SECONDS]: nothing is left, at once or within that time.
referee_after() {
	local what=${1:-residue 0} diff
	if diff=$(residue) || { [ -n "${2:-}" ] && wait_for "$2" no_residue; }; then ok "$what"; else
		nok "$what"
		note "$diff"
		return 1
	fi
}

# --- squall --------------------------------------------------------------------------------------
# run ARGUMENTS…: runs squall; $STATUS, $OUT (standard output), $ERR.
run() {
	"$SQUALL" "$@" >"$DIR/out" 2>"$DIR/err" </dev/null
	STATUS=$?
	OUT=$(<"$DIR/out") ERR=$(<"$DIR/err")
}
# start ARGUMENTS…: in the background; $RUNNER. finish [SECONDS] waits for its end: $STATUS.
start() {
	(exec "$SQUALL" "$@" >"$DIR/out.$BASHPID" 2>"$DIR/err.$BASHPID" </dev/null) &
	RUNNER=$!
}
finish() {
	if ! wait_for "${1:-20}" is_gone "$RUNNER"; then
		note "squall did not end in ${1:-20} s: killed"
		kill -KILL "$RUNNER"
	fi
	wait "$RUNNER" 2>/dev/null
	STATUS=$?
	OUT=$(<"$DIR/out.$RUNNER") ERR=$(<"$DIR/err.$RUNNER")
}
exits() { # DESCRIPTION CODE
	is "$1" "$STATUS" "$2" || { note "$OUT"; note "$ERR"; return 1; }
}
# SIGKILL to the runner, its keeper and their helpers. Stopped first: none is to act on the death of another.
kill_all() {
	local all pid
	all="$(ours squall-keeper) $RUNNER $(ours squall-helper)"
	# shellcheck disable=SC2086  # a list
	kill -STOP $all 2>/dev/null
	# shellcheck disable=SC2086
	kill -KILL $all 2>/dev/null
	wait "$RUNNER" 2>/dev/null
	for pid in $all; do wait_for 2 is_gone "$pid"; done
}
keeper_pid() { ours squall-keeper | sort -n | head -n1; }
# The last run's document, as JSON: report_field FILTER
report_field() {
	local id
	id=$(find "$SQUALL_DIR/state/runs" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null | sort | tail -n1)
	"$SQUALL" report "$id" --format json 2>/dev/null | jq -r "$1"
}

# --- the cases -----------------------------------------------------------------------------------
all_unmake() {
	# A subshell that ends (by an unset variable, say) is not the end of the test.
	[ "$BASHPID" = $$ ] || return
	trap - EXIT
	[ ! -d "${DIR:-}" ] || bed_unmake 2>/dev/null
	rm -rf --one-file-system "$BOX"
}
run_cases() {
	local name checked
	trap all_unmake EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	for name in ${ONLY:-$(declare -F | sed -n 's/^declare -f case_//p')}; do
		CASE=$name
		checked=$N
		bed_make
		"case_$name"
		[ "$N" -gt "$checked" ] || nok "nothing was checked"
		bed_unmake
	done
	echo "1..$N"
	[ "$FAILED" = 0 ]
}
