#!/bin/bash
# squall init: what it writes runs as it is, on the real service that it is for, and gives a verdict.
. "$(dirname "$0")/lib.sh"

# started KIND VAR…: writes the file for a service, lints it, checks it, runs it.
started() { # KIND VAR…
	local kind=$1 file=$DIR/$1.yaml var
	local -a vars=()
	shift
	for var; do vars+=(--var "$var"); done
	run init --for "$kind" "$file" "${vars[@]}"
	exits "is written" 0
	run lint "$file"
	exits "has no problems" 0
	has "not even a warning" "$OUT" 'no problems'
	run run "$file"
	exits "held" 0
	has "with a verdict" "$OUT" 'held'
	has "and nothing left behind" "$OUT" 'clean'
	is "it was the process that was meant" "$(jq -r '[.dose[] | ."no-effect"] | unique | tostring' "$SQUALL_DIR"/state/runs/*/run.json)" "[false]"
}
case_nginx() {
	need nginx || return
	mkdir -p "$DIR/nginx"
	cat >"$DIR/nginx/nginx.conf" <<-EOF2
		worker_processes 2; error_log $DIR/nginx/error.log; pid $DIR/nginx/pid;
		events { worker_connections 64; }
		http { access_log off; server { listen 127.0.0.1:8099; location / { return 200 "here\n"; } } }
	EOF2
	spawn nginx -p "$DIR/nginx" -c "$DIR/nginx/nginx.conf" -g 'daemon off;'
	check "nginx serves" wait_for 10 curl -fsS http://127.0.0.1:8099/ || return
	referee_before
	started nginx url=http://127.0.0.1:8099/ port=8099
	referee_after
}
case_http() {
	spawn python3 -m http.server --bind 127.0.0.1 --directory "$TREE" 8098
	check "the server serves" wait_for 10 curl -fsS http://127.0.0.1:8098/ || return
	referee_before
	started http url=http://127.0.0.1:8098/ port=8098
	referee_after
}
case_redis() {
	need redis-server || return
	spawn redis-server --port 16379 --bind 127.0.0.1 --save '' --dir "$TREE"
	check "redis serves" wait_for 10 redis-cli -p 16379 ping || return
	referee_before
	started redis port=16379
	referee_after
}
case_postgres() {
	local bin
	for bin in /usr/lib/postgresql/*/bin; do :; done
	# Debian keeps initdb out of the way, and its pg_isready is a script, slow to start on a busy machine.
	PATH=$bin:$PATH
	need initdb || return
	mkdir "$DIR/pg"
	chmod 755 "$BOX" "$DIR"
	chown postgres "$DIR/pg"
	(cd / && setpriv --reuid=postgres --regid=postgres --clear-groups "$bin/initdb" -D "$DIR/pg/data" -A trust >"$DIR/initdb" 2>&1) || {
		nok "initdb"
		note "$(tail -5 "$DIR/initdb")"
		return
	}
	spawn setpriv --reuid=postgres --regid=postgres --clear-groups "$bin/postgres" -D "$DIR/pg/data" \
		-p 15432 -h 127.0.0.1 -k ''
	check "postgres serves" wait_for 30 pg_isready -q -h 127.0.0.1 -p 15432 || return
	referee_before
	started postgres port=15432
	referee_after
}
case_refuses_to_overwrite() {
	cd "$DIR" || return
	run init
	exits "is written" 0
	check "under the service's name" test -s http.yaml
	echo mine >http.yaml
	run init
	exits "never over what is there" 2
	is "which is as it was" "$(cat http.yaml)" mine
	run init --for redis -
	exits "to standard output" 0
	has "the file itself" "$OUT" '^squall: 1$'
	check "and no file" test ! -e redis.yaml
	ln -s nowhere link.yaml
	run init link.yaml
	exits "not through a link" 2
	check_not "nor what it leads to" test -e nowhere
	run init --var port=abc bad.yaml
	exits "a value that is none is refused" 2
	check "before anything is written" test ! -e bad.yaml
	cd / || return
}
run_cases
