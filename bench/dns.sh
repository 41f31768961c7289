#!/bin/sh
# dns.fail for half of some names: what that costs the answers about others (pairs.py).
#
#   bench/dns.sh      needs python3, as root
#
# Bar: 1 ms more at most.
set -eu
cd "$(dirname "$0")/.."
exec bench/in-pair python3 bench/pairs.py dns "$PWD/${BUILD:-build}/squall"
