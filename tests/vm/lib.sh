# shellcheck shell=bash
# What a test with a machine of its own stands on: tests/system/lib.sh, less its namespaces, plus
# what lasts over boots. The script is run from its beginning at each boot; $BOOT is which one.
#
#   disk_mount       /dev/… at /disk; on it $TREE, squall's state, where root keeps it, and $NOTE for the
#                    test's own; $DIR is in memory
#   power_cut        what is not yet on the disk is lost, and the machine boots again
#   machine_reboot   what was written is kept, all else ends at once
#   squall_boot      what the unit for the boot does, under its conditions: $STATUS, $OUT, $ERR
#
# What kind of file system the disk has says tests/vm/list. squall's claims are in /run, which no
# boot outlives.
# shellcheck disable=SC2034  # for the tests
[ -n "${SQ_VM:-}" ] || {
	echo "1..0 # SKIP for a virtual machine: tests/run-vm $(basename "$0" .sh)"
	exit 0
}
export SQ_ID=vm
. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"

BOOT=$(wc -l </out/boots)
# shellcheck disable=SC2034
N=$(grep -cE '^(not )?ok' /out/tap)
# shellcheck disable=SC2034
CASE=$(basename "$0" .sh)
unset SQUALL_DIR
export NO_COLOR=1 SQUALL_RUN=/run/squall

disk_mount() {
	mount "$@" "$DISK" /disk
	mkdir -p /disk/squall /disk/tree /disk/note /var/lib/squall /run/squall
	mount --bind /disk/squall /var/lib/squall
	TREE=/disk/tree NOTE=/disk/note DIR=$BOX
}
ask() {
	echo "$1" >/out/ask.new
	mv /out/ask.new /out/ask
	never_ends
}
never_ends() { while :; do read -rt 1 -u "$NEVER" || :; done; }
power_cut() { ask cut; }
machine_reboot() {
	sync
	echo b >/proc/sysrq-trigger
	never_ends
}
squall_boot() {
	local key value line=()
	while IFS='=' read -r key value; do
		case $key in
		ConditionDirectoryNotEmpty) check "the unit is not skipped: $value is not empty" test -n "$(ls -A "$value")" ;;
		RequiresMountsFor) # shellcheck disable=SC2086  # a list
			check "there is what the unit needs" ls -d $value ;;
		Condition* | Assert* | ExecStartPre | User | Environment*) nok "no test knows what $key means" ;;
		ExecStart) read -ra line <<<"$value" ;;
		esac
	done <"$BUILD/packaging/squall-undo.service"
	check "the unit says what it runs" test -n "${line[*]}" || return
	mkdir -p "${line[0]%/*}"
	ln -sf "$BUILD/squall" "${line[0]}"
	# As a service begins: in / and with next to no environment. (What user-mode-linux was told of
	# registers that it does not keep, must stay: without it comparisons go wrong at random.)
	(cd / && exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin ${GLIBC_TUNABLES:+"GLIBC_TUNABLES=$GLIBC_TUNABLES"} "${line[@]}") >"$DIR/out" 2>"$DIR/err" </dev/null
	STATUS=$?
	OUT=$(<"$DIR/out") ERR=$(<"$DIR/err")
}
# The run's folder that is the newest.
run_folder() { find /var/lib/squall/runs -mindepth 1 -maxdepth 1 -type d | sort | tail -n1; }
vm_end() {
	trap - EXIT
	[ "$FAILED" = 0 ]
	exit
}
