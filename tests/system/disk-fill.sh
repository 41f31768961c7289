#!/bin/bash
# disk.fill: space is gone while it lasts, as df sees it, and back afterwards.
. "$(dirname "$0")/lib.sh"

# What others may take, and what root may take, in bytes.
left() { stat -f -c '%a %S' "$1" | awk '{ printf "%.0f\n", $1 * $2 }'; }
left_root() { stat -f -c '%f %S' "$1" | awk '{ printf "%.0f\n", $1 * $2 }'; }
has_left() { # FOLDER LOW HIGH
	local n
	n=$(left "$1")
	[ "$n" -ge "$2" ] && [ "$n" -le "$3" ]
}
disk() { # small memory file system at $DISK
	DISK=$DIR/mnt
	mkdir -p "$DISK"
	mount -t tmpfs -o size="$1" none "$DISK"
}
# image MIB OPTIONS…: ext4 on a sparse file at $DISK
image() {
	DISK=$DIR/mnt
	mkdir -p "$DISK"
	truncate -s "$1M" "$DIR/image"
	mkfs.ext4 -q -F "${@:2}" "$DIR/image" && mount -o loop "$DIR/image" "$DISK"
}
need_ext4() {
	need mkfs.ext4 || return
	if ! (image 16 && umount "$DISK") >/dev/null 2>&1; then
		lacks loop "ext4 cannot be mounted from a loop device"
	fi
}

case_bytes_on_ext4() {
	local before gone
	need_ext4 || return
	image 300
	before=$(left "$DISK")
	referee_before
	start attack disk.fill "$DISK" 96MiB --target host --for 60s
	check "the space is gone" wait_for 10 has_left "$DISK" 0 $((before - 96 * 1048576))
	gone=$((before - $(left "$DISK")))
	# whole blocks were asked for; ext4 needs one of its own to note where the pieces are
	between "within a block of what was asked" "$gone" $((96 * 1048576)) $((96 * 1048576 + 4096))
	is "no file is to be seen" "$(find "$DISK" -mindepth 1 ! -name lost+found)" ""
	kill -INT "$RUNNER"
	finish
	exits "ended when told" 6
	has "the dose says so" "$OUT" 'achieved 96MiB within'
	is "all of it is back" "$(left "$DISK")" "$before"
	referee_after
}
case_full() {
	need tmpfs || return
	disk 32m
	referee_before
	start attack disk.fill "$DISK" --share 100% --floor 0% --target host --for 5s
	check "nothing is left" wait_for 10 has_left "$DISK" 0 0
	check_not "others meet ENOSPC" dd if=/dev/zero of="$DISK/file" bs=4096 count=1
	rm -f "$DISK/file"
	finish
	exits "ended as asked" 0
	check "all of it is back" has_left "$DISK" 33000000 34000000
	referee_after
}
case_floor_and_leave() {
	need tmpfs || return
	disk 32m
	referee_before
	run attack disk.fill "$DISK" 32MiB --target host --for 1s
	exits "more than the floor allows is refused" 4
	start attack disk.fill "$DISK" --leave 8MiB --target host --for 12s
	check "all but the rest" wait_for 10 has_left "$DISK" 8388608 8400000
	dd if=/dev/zero of="$DISK/file" bs=1M count=4 2>/dev/null
	check "what others take is given back" wait_for 5 has_left "$DISK" 8388608 8400000
	rm "$DISK/file"
	check "what they free is taken" wait_for 5 has_left "$DISK" 8388608 8400000
	finish
	exits "ended as asked" 0
	referee_after
}
case_reserved_blocks() {
	need_ext4 || return
	image 64 -m 10
	referee_before
	start attack disk.fill "$DISK" --share 100% --floor 0% --target host --for 5s
	check "others have nothing left" wait_for 10 has_left "$DISK" 0 8192
	between "root has what is kept for it" "$(left_root "$DISK")" 5000000 9000000
	finish
	exits "ended as asked" 0
	start attack disk.fill "$DISK" --share 100% --floor 0% --reserved true --target host --for 5s
	check "told so, it takes that as well" wait_for 10 eval '[ "$(left_root "$DISK")" -le 2500000 ]'
	finish
	exits "ended as asked" 0
	referee_after
}
case_written_where_it_cannot_allocate() {
	local before
	need_ext4 || return
	image 64 -O ^extent,^64bit
	before=$(left "$DISK")
	referee_before
	start attack disk.fill "$DISK" 20MB --target host --for 12s
	check "the space is gone" wait_for 20 has_left "$DISK" 0 $((before - 20000000))
	finish
	exits "ended as asked" 0
	has "the dose says how" "$OUT" 'written, as the file system cannot allocate'
	is "all of it is back" "$(left "$DISK")" "$before"
	referee_after
}
case_another_writer_takes_it() {
	need tmpfs || return
	disk 32m
	dd if=/dev/zero of="$DISK/file" bs=1M count=20 2>/dev/null
	referee_before
	start attack disk.fill "$DISK" 30MiB --floor 0% --target host --for 5s
	check "it takes what there is" wait_for 10 has_left "$DISK" 0 0
	finish
	exits "a full disk is a dose" 0
	has "it says how far it came, and why no further" "$OUT" 'achieved 12MiB.*the file system was full'
	referee_after
}
case_seen_by_a_process() {
	need tmpfs || return
	mkdir -p "$DIR/own"
	spawn unshare --mount --propagation private sh -c "mount -t tmpfs -o size=16m none '$DIR/own' && touch '$DIR/own/ready' && exec sleep 3000"
	check "a process has a disk of its own" wait_for 5 test -e "/proc/$PID/root$DIR/own/ready"
	referee_before
	start attack disk.fill "$DIR/own" 8MiB --target "process.pid=$PID" --for 5s
	check "it is filled there" wait_for 10 has_left "/proc/$PID/root$DIR/own" 8000000 8400000
	finish
	exits "ended as asked" 0
	check "and free again" has_left "/proc/$PID/root$DIR/own" 16000000 17000000
	referee_after
}
# Who owns a container chooses what its links say, not where on the host they lead.
case_link_within_a_container() {
	need tmpfs || return
	disk 16m
	mkdir -p "$DIR/box/inner"
	mount -t tmpfs -o size=16m none "$DIR/box"
	mkdir -p "$DIR/box$DISK"
	ln -s "$DISK" "$DIR/box/data"
	spawn python3 -c "import os, time; os.chroot('$DIR/box'); open('/ready', 'w'); time.sleep(3000)"
	check "a process has a root of its own" wait_for 5 test -e "$DIR/box/ready"
	referee_before
	start attack disk.fill /data 8MiB --target "process.pid=$PID" --for 5s
	check "what the link means there is filled" wait_for 10 has_left "$DIR/box" 8000000 8400000
	check "and not what it means here" has_left "$DISK" 16000000 17000000
	finish
	exits "ended as asked" 0
	referee_after
}
case_gone_before_it_begins() {
	spawn sleep 0.2
	wait_for 5 is_gone "$PID"
	run attack disk.fill /tmp 1MiB --target "process.pid=$PID" --for 1s
	exits "who has ended is no target" 3
}
case_all_killed() {
	local before
	need tmpfs || return
	disk 64m
	before=$(left "$DISK")
	referee_before
	start attack disk.fill "$DISK" 32MiB --target host --for 60s
	check "the space is gone" wait_for 10 has_left "$DISK" 0 $((before - 33554432))
	kill -KILL "$RUNNER" "$(keeper_pid)"
	check "the kernel frees it" wait_for 1 has_left "$DISK" "$before" "$before"
	run undo
	exits "undo finds nothing left" 0
	finish
	referee_after
}
case_no_such_folder() {
	referee_before
	run attack disk.fill /no/such/folder 1MiB --target host --for 1s
	exits "refused before any harm" 3
	run attack disk.fill relative 1MiB --target host --for 1s
	exits "a path is absolute" 2
	run attack disk.fill /proc 1MiB --target host --for 1s
	exits "there is no space on proc" 3
	referee_after
}
run_cases
