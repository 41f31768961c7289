#!/bin/sh
# The README's two commands on a bare Debian 12: a tree made by debootstrap with a shell and apt in it and nothing else, a
# clean clone of the last commit, in namespaces of its own (mounts, processes). Tells how long each took; fails when one
# fails. Needs root, debootstrap, git and a Debian mirror (the one that this machine's apt uses); some ten minutes.
#
#   tests/clean-debian.sh [COMMAND]…      tools/demo and tools/test, if none is given
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || {
	echo "clean-debian: needs root: it makes a Debian tree and enters it" >&2
	exit 1
}
if [ -z "${CLEAN_DEBIAN_INSIDE:-}" ]; then
	export CLEAN_DEBIAN_INSIDE=1
	exec unshare --mount --propagation private --pid --fork --kill-child -- "$0" "$@"
fi
[ $# -gt 0 ] || set -- tools/demo tools/test

box=$(mktemp -d /var/tmp/clean-debian.XXXXXX)
root=$box/root
status=0
end() {
	trap - EXIT
	umount -R "$root" 2>/dev/null || :
	rm -rf --one-file-system "$box"
	exit $status
}
trap 'status=$?; end' EXIT
trap 'status=1; end' HUP INT TERM
base=${DEBIAN_TREE:-}
if [ -z "$base" ]; then
	base=$box/base
	debootstrap --variant=minbase bookworm "$base" >"$box/log" || {
		tail -n 20 "$box/log" >&2
		exit 1
	}
fi
mkdir "$root" "$box/upper" "$box/work"
mount -t overlay clean-debian -o "lowerdir=$base,upperdir=$box/upper,workdir=$box/work" "$root"
# Where packages come from is the machine's affair.
rm -rf "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d"
cp -a /etc/apt/sources.list* /etc/apt/apt.conf.d "$root/etc/apt/" 2>/dev/null || :
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
git clone -q . "$root/root/squall"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
# A file system of its own, as on a machine: the overlay cannot do all that a disk can.
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root/var/lib/squall" "$root/run"
mount -t tmpfs tmpfs "$root/run"

# Its root is changed for good: in a chroot the kernel refuses user namespaces (user_namespaces(7)).
# shellcheck disable=SC2016  # for the shell that enters
enter='cd "$1" && mkdir -p .left && pivot_root . .left && umount -l /.left && cd /root/squall && exec sh -c "exec $2"'
for command; do
	from=$(date +%s)
	code=0
	env -i HOME=/root TERM="${TERM:-dumb}" PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		unshare --mount --propagation private sh -c "$enter" sh "$root" "$command" \
		</dev/null >"$box/out" 2>&1 || code=$?
	tail -n "${LINES_SHOWN:-6}" "$box/out"
	if [ $code = 0 ]; then verdict="ok"; else
		verdict="not ok"
		status=1
		cp "$box/out" "/var/tmp/clean-debian.$$.log"
		echo "# all of it: /var/tmp/clean-debian.$$.log"
	fi
	echo "$verdict - $command on a bare Debian 12: exit code $code, $(($(date +%s) - from)) s"
done
end
