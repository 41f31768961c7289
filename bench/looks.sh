#!/bin/sh
# 100 http probes at 10 a second each against nginx on loopback: how late looks start, what they cost.
# Beside it the same looks with bare system calls (bare_) and over kept connections (kept_), in the same
# run: on a machine with other load, the bar for the cost says more as a ratio to the first.
# Bars: none late by more than 10 ms at p99, at most 15 % of a core. Exits 1 when a bar is missed.
#
#   bench/looks.sh [PROBES PER-SECOND SECONDS]
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
bench=${BENCH_LOOKS:-$here/build/bench/bench-looks}
dir=$(mktemp -d)
trap 'kill "$(cat "$dir/pid" 2>/dev/null)" 2>/dev/null || :; rm -rf "$dir"' EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$dir/www"
head -c 2000 /dev/zero | tr '\0' x >"$dir/www/index.html"
chmod 755 "$dir" "$dir/www"
cat >"$dir/conf" <<CONF
daemon on;
pid $dir/pid;
error_log $dir/error.log;
worker_processes 1;
events { worker_connections 2048; }
http {
	access_log off;
	client_body_temp_path $dir/body;
	proxy_temp_path $dir/proxy;
	fastcgi_temp_path $dir/fastcgi;
	uwsgi_temp_path $dir/uwsgi;
	scgi_temp_path $dir/scgi;
	server { listen 127.0.0.1:$port; root $dir/www; }
}
CONF
nginx -p "$dir" -c "$dir/conf"
set -- "http://127.0.0.1:$port/" "${1:-100}" "${2:-10}" "${3:-10}"
# What the kernel asks for at the least for such looks, here and now; then the looks themselves.
"$bench" "$@" bare "$port" | sed 's/^/bare_/' | grep cpu
"$bench" "$@" | tee "$dir/out"
"$bench" "$@" keep-alive | sed 's/^/kept_/' | grep cpu
awk '$1 == "late_p99_ms" && $2 > 10 { bad = 1; print "MISSED: late_p99_ms above 10" }
	$1 == "cpu_percent" && $2 > 15 { bad = 1; print "MISSED: cpu_percent above 15" }
	$1 == "failed" && $2 > 0 { bad = 1; print "MISSED: looks failed" }
	END { exit bad }' "$dir/out"
