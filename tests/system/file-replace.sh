#!/bin/bash
# file.replace: a file holds something else, and then the very same file again, however the run ends.
. "$(dirname "$0")/lib.sh"

victim() { # CONTENT
	VICTIM=$TREE/app.conf
	printf %s "$1" >"$VICTIM"
	chmod 640 "$VICTIM"
	INODE=$(stat -c %i "$VICTIM")
}
holds() { [ "$(cat "$VICTIM")" = "$1" ]; }
is_original() { [ "$(stat -c %i "$VICTIM")" = "$INODE" ]; }

case_replaced_and_put_back() {
	victim original
	referee_before
	start attack file.replace "$VICTIM" --content broken --target host --for 1s
	check "holds the other content" wait_for 5 holds broken
	is "its mode is kept" "$(stat -c %a "$VICTIM")" 640
	finish
	exits "ended as asked" 0
	check "holds its own again" holds original
	check "and is the same file" is_original
	referee_after
}
case_from_a_file() {
	victim original
	head -c 300000 /dev/urandom >"$TREE/other"
	referee_before
	start attack file.replace --path "$VICTIM" --from "$TREE/other" --target host --for 1s
	check "holds the same as the other file" wait_for 5 cmp -s "$TREE/other" "$VICTIM"
	finish
	exits "ended as asked" 0
	check "holds its own again" holds original
	referee_after
}
case_was_so_already() {
	victim same
	referee_before
	run attack file.replace "$VICTIM" --content same --target host --for 300ms
	exits "no effect is said" 7
	check "the same file" is_original
	referee_after
}
case_no_such_file() {
	referee_before
	run attack file.replace "$TREE/none" --content x --target host --for 300ms
	exits "refused before any harm" 3
	has "which names it" "$ERR$OUT" "no file"
	referee_after
}
case_runner_and_keeper_killed() {
	victim original
	referee_before
	start attack file.replace "$VICTIM" --content broken --target host --for 60s
	check "holds the other content" wait_for 5 holds broken
	kill -KILL "$RUNNER" "$(keeper_pid)"
	finish
	run undo
	check "undo puts it back" holds original
	check "the same file" is_original
	referee_after
}
# A file that grew on a full disk is put back all the same: the way back needs no space.
case_disk_full() {
	need tmpfs || return
	mkdir -p "$TREE/small"
	mount -t tmpfs -o size=256k none "$TREE/small"
	victim original
	VICTIM=$TREE/small/app.conf
	echo original >"$VICTIM"
	INODE=$(stat -c %i "$VICTIM")
	referee_before
	start attack file.replace "$VICTIM" --content broken --target host --for 1500ms
	check "holds the other content" wait_for 5 holds broken
	cat /dev/zero >"$TREE/small/fill" 2>/dev/null
	finish
	exits "ended as asked" 0
	check "holds its own again" holds original
	rm "$TREE/small/fill"
	referee_after
	umount "$TREE/small"
}
case_written_by_somebody_else() {
	victim original
	referee_before
	start attack file.replace "$VICTIM" --content broken --target host --for 1s
	check "holds the other content" wait_for 5 holds broken
	echo "somebody's" >"$VICTIM"
	finish
	exits "residue is said" 5
	check "and what was written stands" holds "somebody's"
}
# A daemon keeps its file open and writes on: to the original, wherever that is.
case_original_written_meanwhile() {
	victim original
	exec 9>>"$VICTIM"
	start attack file.replace "$VICTIM" --content broken --target host --for 2s
	check "holds the other content" wait_for 5 holds broken
	echo more >&9
	exec 9>&-
	finish
	exits "the original is back, and that is no residue" 0
	is "with what was written to it" "$(cat "$VICTIM")" originalmore
	check "and is the same file" is_original
	run attack file.replace "$VICTIM" --content broken --target host --for 200ms
	exits "it may be replaced again" 0
	is "nothing lies beside it" "$(find "$TREE" -name '.squall-*')" ""
}
run_cases
