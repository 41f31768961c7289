#!/bin/sh
# One of two like processes in one namespace is delayed: what that costs the other (pairs.py).
#
#   bench/neighbour.sh      needs python3, as root
#
# Bar: latency and throughput change by 5 % at most.
set -eu
cd "$(dirname "$0")/.."
exec bench/in-pair python3 bench/pairs.py neighbour "$PWD/${BUILD:-build}/squall"
