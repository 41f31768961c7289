#!/bin/bash
# The Debian package, installed, used, upgraded, removed and purged on a copy of this system that is
# thrown away: an overlay in a mount namespace of the test's own. Needs root. TAP.
#
#   tests/packaging/deb.sh PACKAGE.deb
set -u
deb=$(readlink -f "$1")
if [ -z "${SQ_OVERLAY:-}" ]; then
	SQ_OVERLAY=yes exec unshare --mount --propagation private -- bash "$0" "$deb"
fi
box=$(mktemp -d /tmp/squall-deb.XXXXXX)
victims=
trap 'kill $victims 2>/dev/null; umount -R "$box" 2>/dev/null; rmdir "$box"' EXIT
trap 'exit 1' HUP INT TERM
mount -t tmpfs none "$box"
mkdir "$box"/{upper,work,root}
if ! mount -t overlay -o "lowerdir=/,upperdir=$box/upper,workdir=$box/work" none "$box/root"; then
	echo "1..0 # SKIP no overlay file system here"
	exit 0
fi
root=$box/root
for place in proc dev sys; do mount --rbind "/$place" "$root/$place"; done
mount -t tmpfs none "$root/run"
mount --bind "$(dirname "$deb")" "$root/mnt"
n=0 failed=0

inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
check() { # NAME COMMAND…
	local name=$1
	n=$((n + 1))
	shift
	if "$@" >"$box/out" 2>&1; then
		echo "ok $n - deb: $name"
	else
		failed=1
		echo "not ok $n - deb: $name"
		tail -n 20 "$box/out" | sed 's/^/# /'
	fi
}
state() { sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f1; }
is_state() { [ "$(state "$1")" = "$2" ]; }
wait_for() { # a condition, for at most five seconds
	for _ in $(seq 250); do
		"$@" && return
		read -rt 0.02 <> <(:)
	done
	return 1
}
victim() {
	setsid sleep 900 &
	victim=$!
	victims="$victims $victim"
}
# Files that this made and that are still there, less what dpkg keeps of every package. (A device there
# stands for a file of this system that was removed in the copy.)
left() {
	find "$box/upper" ! -type d ! -type c | sed "s|^$box/upper||" |
		grep -vE '^/var/(lib/dpkg/|lib/systemd/deb-systemd-helper-|log/|cache/(debconf|ldconfig|man)/)|^/etc/ld.so.cache$|^/tmp/' || :
}
attack() { inside squall attack proc.pause --target "process.pid=$victim" --for "$1"; }

check "installs" inside dpkg -i "/mnt/$(basename "$deb")"
check "says its version" inside squall version
check "the unit is enabled" test -L "$root/etc/systemd/system/sysinit.target.wants/squall-undo.service"
victim
check "attacks with its own keeper" attack 100ms
check "its places are root's" test "$(stat -c %a "$root/var/lib/squall" "$root/run/squall" | xargs)" = "700 711"

# a run that lives is not disturbed by an upgrade
attack 5m >"$box/run" 2>&1 &
run=$!
check "stopped" wait_for is_state "$victim" T
check "upgraded meanwhile" inside dpkg -i "/mnt/$(basename "$deb")"
check "still stopped" is_state "$victim" T
check "halted by the program that came" inside squall halt
check "back" wait_for is_state "$victim" S
wait "$run"
check "the run ended by the halt" test $? = 6
check "resumed" inside squall resume

# a dead run is put back before the package goes
attack 5m >"$box/run" 2>&1 &
run=$!
check "stopped" wait_for is_state "$victim" T
pids=$(for p in /proc/[0-9]*; do
	case $(cat "$p/comm" 2>/dev/null) in squall*) [ "$(readlink "$p/root")" = "$root" ] && echo "${p#/proc/}" ;; esac
done)
check "all of squall killed" test -n "$pids"
# stopped first: what is left of them for a moment would put it back
# shellcheck disable=SC2086  # words
kill -STOP $pids
# shellcheck disable=SC2086  # words
kill -KILL $pids
{ wait "$run"; } 2>/dev/null # without bash saying that it was killed
check "still stopped" is_state "$victim" T
check "removed" inside dpkg -r squall
check "put back first" wait_for is_state "$victim" S
check "its history stays" test -d "$root/var/lib/squall/runs"
check "the programs are gone" test ! -e "$root/usr/bin/squall" -a ! -e "$root/usr/libexec/squall"
check "installs again, not halted" inside sh -c "dpkg -i /mnt/$(basename "$deb") && ! squall status | grep -qi halted"
attack 5m >"$box/run" 2>&1 &
run=$!
check "stopped" wait_for is_state "$victim" T
check "purged, under a run that lives" inside dpkg -P squall
check "put back first" wait_for is_state "$victim" S
wait "$run"
check "that run was ended by a halt" test $? = 6
check "nothing is left" test -z "$(left)"
[ -z "$(left)" ] || left | sed 's/^/# /'
echo "1..$n"
exit $failed
