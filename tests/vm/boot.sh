#!/bin/bash
# After a power cut the machine boots as machines do, with systemd as process 1: the unit that is
# installed puts back what a fault left on the disk, before a service reads it.
. "$(dirname "$0")/lib.sh"

if [ "$BOOT" = 1 ]; then
	need systemctl || vm_end
	disk_mount
	CASE="before the power cut"
	echo original >"$TREE/config"
	snapshot_disk >"$NOTE/before"
	start attack file.replace "$TREE/config" --content broken --target host --for 300s
	check "the file is replaced" wait_for 10 grep -q broken "$TREE/config"
	sync
	# tests/vm/init then has systemd run this again, at the end of the boot
	mkdir /out/systemd
	cp "$BUILD/packaging/squall-undo.service" /out/systemd
	cat >/out/systemd/fstab <<-END
		/disk/squall /var/lib/squall none bind 0 0
	END
	# a service that the fault would hurt
	cat >/out/systemd/shop.service <<-END
		[Unit]
		RequiresMountsFor=/disk
		[Service]
		Type=oneshot
		RemainAfterExit=yes
		ExecStart=/bin/cp /disk/tree/config /run/shop-saw
	END
	power_cut
fi

unit() { systemctl show -P "$1" squall-undo.service; }
TREE=/disk/tree NOTE=/disk/note DIR=$BOX
CASE="after the power cut"
is "systemd is process 1" "$(cat /proc/1/comm)" systemd
is "the unit ran" "$(unit ActiveState) $(unit Result) $(unit ExecMainStatus)" "active success 0"
note "$(journalctl -b -u squall-undo.service -o cat)"
is "before a service that reads the file" "$(cat /run/shop-saw)" original
check "and before every ordinary one" \
	test "$(unit InactiveExitTimestampMonotonic)" -lt "$(systemctl show -P ActiveEnterTimestampMonotonic sysinit.target)"
if left=$(diff "$NOTE/before" <(snapshot_disk)); then ok "residue 0"; else
	nok "residue 0"
	note "$left"
fi
is "the run is recorded as lost" "$(jq -r '.outcome + " " + .cleanup' "$(run_folder)/run.json")" "lost clean"
vm_end
