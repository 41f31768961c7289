#!/bin/bash
# `make install`: into a prefix, below a DESTDIR, moved elsewhere; the program finds its keeper in each;
# `make uninstall` puts back what a killed run left, and leaves nothing. Needs no root. TAP.
set -u
cd "$(dirname "$0")/../.." || exit
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
trap 'exit 1' HUP INT TERM
export SQUALL_DIR=$box/squall B_INSTALL=build-packaging
n=0 failed=0

check() { # NAME COMMAND…
	local name=$1
	n=$((n + 1))
	shift
	if "$@" >"$box/out" 2>&1; then
		echo "ok $n - install: $name"
	else
		failed=1
		echo "not ok $n - install: $name"
		tail -n 20 "$box/out" | sed 's/^/# /'
	fi
}
not() { ! "$@"; }
# systemd says nothing of the unit, not even what it would only warn of.
verified() { # UNIT
	! systemd-analyze verify --man=no "$1" 2>&1 | grep -F "${1##*/}"
}
# A whole attack with the installed program: needs the keeper.
attacks() {
	local victim status
	setsid sleep 60 &
	victim=$!
	"$1/squall" attack proc.pause --target "process.pid=$victim" --for 100ms
	status=$?
	kill "$victim"
	return "$status"
}
state() { sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f1; }
wait_for_state() { # PID STATE, for at most five seconds
	for _ in $(seq 250); do
		[ "$(state "$1")" = "$2" ] && return
		read -rt 0.02 <> <(:)
	done
	return 1
}
# A run that is killed with its keeper: what it changed stays.
leaves_behind() {
	local p pids
	"$1/bin/squall" attack proc.pause --target "process.pid=$victim" --for 60s >/dev/null 2>&1 &
	wait_for_state "$victim" T || return
	pids=$(for p in /proc/[0-9]*; do
		case $(readlink "$p/exe") in "$1"/*) echo "${p#/proc/}" ;; esac
	done)
	# stopped first: what is left of them for a moment would put it back
	# shellcheck disable=SC2086  # words
	kill -STOP $pids
	# shellcheck disable=SC2086  # words
	kill -KILL $pids
	{ wait "$!"; } 2>/dev/null # without bash saying that it was killed
	[ "$(state "$victim")" = T ]
}
files() { find "$1" ! -type d | sed "s|^$1||" | sort; }

check "into a prefix" make -s install PREFIX="$box/opt"
check "the programs" test -x "$box/opt/bin/squall" -a -x "$box/opt/libexec/squall/squall-keeper"
check "it finds its keeper" attacks "$box/opt/bin"
check "the unit runs that program" grep -qx "ExecStart=$box/opt/bin/squall undo" "$box/opt/lib/systemd/system/squall-undo.service"
if command -v systemd-analyze >/dev/null; then
	check "systemd finds nothing amiss in it" verified "$box/opt/lib/systemd/system/squall-undo.service"
	sed "s|^ExecStart=.*|ExecStart=$box/none|" "$box/opt/lib/systemd/system/squall-undo.service" >"$box/squall-undo.service"
	check "it would, of one that runs nothing" not verified "$box/squall-undo.service"
else
	echo "ok $((n += 1)) - install: systemd finds nothing amiss in it # SKIP no systemd-analyze"
fi
for file in man/man1/squall.1 man/man5/squall-policy.5 man/man7/squall-faults.7 \
	bash-completion/completions/squall zsh/site-functions/_squall fish/vendor_completions.d/squall.fish; do
	check "$file" test -s "$box/opt/share/$file"
done
check "places that are made at boot" grep -q "^d /var/lib/squall 0700" "$box/opt/lib/tmpfiles.d/squall.conf"
check "an example lints" "$box/opt/bin/squall" lint "$box/opt/share/doc/squall/examples/proc-pause.yaml"
mkdir "$box/elsewhere"
mv "$box/opt" "$box/elsewhere/there"
check "also when the tree was moved" attacks "$box/elsewhere/there/bin"
mv "$box/elsewhere/there" "$box/opt"
check "not uninstalled where it was not installed" not make -s uninstall PREFIX="$box/other"
setsid sleep 900 &
victim=$!
check "a killed run leaves a stopped process" leaves_behind "$box/opt"
check "uninstalled" make -s uninstall PREFIX="$box/opt"
check "put back first" wait_for_state "$victim" S
kill "$victim"
check "nothing is left" test ! -e "$box/opt"
check "below a DESTDIR" make -s install PREFIX=/usr DESTDIR="$box/dest"
check "the unit names the final place" grep -qx "ExecStart=/usr/bin/squall undo" "$box/dest/usr/lib/systemd/system/squall-undo.service"
check "and runs from there" attacks "$box/dest/usr/bin"
check "nothing outside of it" test -z "$(files "$box/dest" | grep -v '^/usr/')"
check "uninstalled from it" make -s uninstall PREFIX=/usr DESTDIR="$box/dest"
check "nothing is left there" test -z "$(files "$box/dest")"
echo "1..$n"
exit $failed
