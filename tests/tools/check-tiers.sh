#!/bin/sh
# tools/check-tiers and tools/check-names: clean on this tree, and a planted violation fails.
set -u
here=$(cd "$(dirname "$0")/../.." && pwd)
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
n=0
ok() { # DESCRIPTION STATUS
	n=$((n + 1))
	[ "$2" = 0 ] && echo "ok $n - $1" || echo "not ok $n - $1"
}
not() { ! "$@"; }

"$here/tools/check-tiers" "$here" >"$box/out"
ok "the tree keeps the tier rule" $?
[ ! -s "$box/out" ] || sed 's/^/# /' "$box/out"

"$here/tools/check-names" "$here" >"$box/out"
ok "one name everywhere" $?
[ ! -s "$box/out" ] || sed 's/^/# /' "$box/out"

planted() { # DESCRIPTION FILE LINE
	rm -rf "$box/tree"
	mkdir -p "$box/tree/src/base" "$box/tree/$(dirname "$2")"
	printf '%s\n' "$3" >"$box/tree/$2"
	not "$here/tools/check-tiers" "$box/tree" >"$box/out" && grep -q "$2:1:" "$box/out"
	ok "refused: $1" $?
}
planted "base includes step" src/base/x.c '#include "step/step.h"'
planted "step includes undo" src/step/x.c '#include "undo/log.h"'
planted "model includes machine" src/model/x.h '#include "machine/target.h"'
planted "probe includes fault" src/probe/x.c '#include "fault/fault.h"'
planted "fault includes probe" src/fault/x.c '#  include "probe/probe.h"'
planted "the engine includes the loop" src/run/engine-x.c '#include "io/loop.h"'
planted "the keeper includes the loop" src/cli/keeper.c '#include "io/loop.h"'
planted "cli is included from run" src/run/x.c '#include "cli/cli.h"'
planted "a header without its folder" src/base/x.c '#include "err.h"'
planted "a folder that is no tier" src/base/x.c '#include "misc/x.h"'
planted "a setter called from run" src/run/x.c 'type->set(hold, a, b, c, &d, err);'

rm -rf "$box/tree"
mkdir -p "$box/tree/src/fault" "$box/tree/src/probe"
echo 'FAULT(net_slow)' >"$box/tree/src/fault/faults.def"
for what in src/fault/net-slow.c tests/plan/net-slow tests/system/net-slow.sh examples/net-slow.yaml; do
	not "$here/tools/check-names" "$box/tree" >"$box/out" && grep -q "no $what" "$box/out"
	ok "missing: $what" $?
done
echo '{"pick", PARAM_COUNT, 0},' >"$box/tree/src/probe/x.c"
not "$here/tools/check-names" "$box/tree" >"$box/out" && grep -q reserved "$box/out"
ok "refused: a parameter named pick" $?
echo "1..$n"
