# shellcheck shell=bash
# The faults that torture and the loss of power try, each with its bed and a short attack on it. Read
# after tests/system/lib.sh.
#
#   bed_of FAULT        what the attack needs, within the bed of the case
#   attack_of FAULT     starts it, in the background; $FOR is how long (200ms)
#
# A new fault adds its name and its two cases; one that dies with the log keeps what it changes below
# $TREE, which may be on a disk that outlives the boot.
# shellcheck disable=SC2034  # for who reads this
FAULTS="proc-kill proc-pause cpu-quota net-cut net-delay net-reset dns-fail net-conntrack-drop route-blackhole link-down file-replace custom cpu-load mem-fill disk-fill"
FOR=${FOR:-200ms}
bed_of() {
	case $1 in
	proc-kill | proc-pause)
		spawn sleep 3000
		VICTIM=$PID
		;;
	cpu-quota)
		cgroup victim
		spawn in_cgroup victim sleep 3000
		VICTIM=$PID
		;;
	net-cut | net-delay | net-reset | dns-fail | net-conntrack-drop | route-blackhole | link-down)
		netns_pair
		;;
	file-replace)
		echo original >"$TREE/config"
		;;
	disk-fill)
		mkdir -p "$DIR/mnt"
		mount -t tmpfs -o size=16m none "$DIR/mnt"
		;;
	esac
}
attack_of() {
	case $1 in
	proc-kill) start attack proc.kill --target "process.pid=$VICTIM" --allow irreversible ;;
	proc-pause) start attack proc.pause --target "process.pid=$VICTIM" --for "$FOR" ;;
	cpu-quota) start attack cpu.quota --quota 30% --target "cgroup=/$SQ_ID/victim" --for "$FOR" ;;
	net-cut) start attack net.cut --target "netns=$B" --for "$FOR" ;;
	net-delay) start attack net.delay 10ms --target "netns=$B" --for "$FOR" ;; # the shaper's, for all of them
	net-reset) start attack net.reset --every 1s --target "netns=$B" --for "$FOR" --allow irreversible ;;
	net-conntrack-drop) start attack net.conntrack-drop --every 1s --target "netns=$B" --for "$FOR" --allow irreversible ;;
	route-blackhole) start attack route.blackhole 10.99.0.1 --target "netns=$B" --for "$FOR" ;;
	link-down) start attack link.down lo --target "netns=$B" --for "$FOR" ;;
	dns-fail) start attack dns.fail timeout --target "netns=$B" --for "$FOR" ;;
	custom)
		start attack custom flag --apply "touch $TREE/flag" --undo "rm -f $TREE/flag" --check "test -e $TREE/flag" \
			${GLIBC_TUNABLES:+--env "GLIBC_TUNABLES=$GLIBC_TUNABLES"} --target host --for "$FOR"
		;;
	cpu-load) start attack cpu.load 10% --target host --for "$FOR" ;;
	mem-fill) start attack mem.fill 4MiB --target host --for "$FOR" ;;
	disk-fill) start attack disk.fill "$DIR/mnt" 4MiB --target host --for "$FOR" ;;
	file-replace) start attack file.replace --path "$TREE/config" --content broken --target host --for "$FOR" ;;
	esac
}
# Wholly held by the kernel: no undo is needed even when all died.
dies_with_kernel() { case $1 in net-cut | net-delay | dns-fail | cpu-load | mem-fill | disk-fill) ;; *) return 1 ;; esac }
has_helper() { dies_with_kernel "$1" || [ "$1" = custom ]; }
