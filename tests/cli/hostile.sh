#!/bin/sh
# Hostile files through the program: a clear error, exit code 2, within a second and 100 MB.
#   tests/cli/hostile.sh SQUALL
set -u
squall=$1
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
SQUALL_DIR=$box/squall
export SQUALL_DIR
n=0 failed=0

repeat() { # TEXT COUNT
	awk -v t="$1" -v n="$2" 'BEGIN { for (i = 0; i < n; i++) printf "%s", t }'
}
# A sanitized build maps terabytes, and is slower.
seconds=1 limit='prlimit --data=102400000'
case ${MESON_SANITIZE:-none} in none | '') ;; *) seconds=10 limit= ;; esac

try() { # NAME WANTED
	n=$((n + 1))
	start=$(date +%s%N)
	status=0
	# shellcheck disable=SC2086  # words
	$limit timeout 20 "$squall" lint "$box/file" >"$box/out" 2>"$box/err" </dev/null || status=$?
	took=$((($(date +%s%N) - start) / 1000000))
	said=$(head -c 200 "$box/out" "$box/err" 2>/dev/null | wc -c)
	if [ "$status" = "$2" ] && [ "$took" -le $((seconds * 1000)) ] && [ "$said" -gt 0 ]; then
		echo "ok $n - $1 ($took ms)"
	else
		failed=1
		echo "not ok $n - $1: exit $status (wanted $2), $took ms"
		head -n 5 "$box/out" "$box/err" | cut -c 1-200 | sed 's/^/# /'
	fi
	if LC_ALL=C tr -d '\n\t\040-\176\200-\377' <"$box/out" | grep -q .; then
		failed=1
		echo "# control characters reached the terminal"
	fi
}
head_of="squall: 1
title: x
method:
  - wait: 1s
"
f=$box/file
: >"$f" && try "empty" 2
printf '\0\0\0\0' >"$f" && try "zeros" 2
head -c 65536 /dev/urandom >"$f" && try "random bytes" 2
for seed in 1 2 3 4 5 6 7 8; do
	awk -v s=$seed 'BEGIN { srand(s); c = "{}[]:,&*!|>-#?%@`\"\047 \n\tabc01\033"
		for (i = 0; i < 20000; i++) printf "%s", substr(c, int(rand() * length(c)) + 1, 1) }' >"$f"
	try "random syntax, seed $seed" 2
done
repeat '[' 20000 >"$f" && try "20,000 levels of lists" 2
{ repeat '{"a":' 20000; echo 1; } >"$f" && try "20,000 levels of maps" 2
awk 'BEGIN { for (i = 0; i < 20000; i++) { for (j = 0; j < i % 200; j++) printf " "; print "a:" } }' >"$f" && try "indentation" 2
{
	echo 'a: &a [x,x,x,x,x,x,x,x,x]'
	p=a
	for c in b c d e f g h i; do
		echo "$c: &$c [*$p,*$p,*$p,*$p,*$p,*$p,*$p,*$p,*$p]"
		p=$c
	done
} >"$f" && try "alias bomb" 2
{ printf '%s' "$head_of"; awk 'BEGIN { for (i = 0; i < 1000000; i++) print "# a line" }'; } >"$f" && try "a million lines of comment" 2
awk 'BEGIN { for (i = 0; i < 1000000; i++) print "k" i ": v" }' >"$f" && try "a million keys" 2
{ printf 'title: '; repeat x 9000000; } >"$f" && try "nine megabytes" 2
{ printf 'squall: 1\ntitle: "'; repeat x 4000000; echo '"'; } >"$f" && try "a title of four megabytes" 2
for v in 1 1.5 true null '[]' '{}' text '[[[]]]' '{a: {b: c}}' '"\u001b[2J"' 18446744073709551616; do
	for k in squall title service layer hypothesis abort blast-radius allow method recovery success vars tags; do
		echo "$k: $v"
	done >"$f"
	try "every key is $v" 2
done
printf 'squall: 1\ntitle: "a\\u001b[31mb"\nmethod: [{"\\u001b[2J": 1}]\n' >"$f" && try "escape sequences" 2
mkdir "$box/dir" && rm "$f" && ln -s "$box/dir" "$f" && try "a folder" 2
rm "$f" && ln -s /dev/zero "$f" && try "an endless file" 2
rm "$f"
# The same for a policy.
for v in 1 1.5 true null '[]' '{}' text '[[[]]]' '[{}]' '{a: {b: c}}' '"\u001b[2J"' 18446744073709551616; do
	echo 'squall-policy: 1' >"$f"
	for k in faults limits allow commands blast-radius protect control-path times who floors halt; do
		echo "$k: $v"
	done >>"$f"
	try "every key of a policy is $v" 2
done
{ echo 'squall-policy: 1'; printf 'faults: {denied: ['; repeat 'proc.kil,' 40000; echo ']}'; } >"$f" && try "a policy with 40,000 faults that are none" 2
{ echo 'squall-policy: 1'; printf 'times: {windows: ['; repeat '{from: 1:00},' 12000; echo ']}'; } >"$f" && try "a policy with 12,000 windows" 0
{ echo 'squall-policy: 1'; printf 'protect: {processes: ['; repeat '{nam: x},' 15000; echo ']}'; } >"$f" && try "a policy with 15,000 unknown keys" 2
echo "1..$n"
exit $failed
