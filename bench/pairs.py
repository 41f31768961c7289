#!/usr/bin/env python3
"""What a fault costs those that it does not mean, in paired rounds, the order of off and on changed each time.

pairs.py neighbour SQUALL    two like servers in one namespace, one of them delayed: latency and throughput of the other
pairs.py dns SQUALL          answers about other names than those that dns.fail is for

Run by neighbour.sh and dns.sh, between the network namespaces a and b. Prints "name value" lines: the median of the
differences, and the 4th and 12th of 15, between which it is with 96.5 % (binomial). Status 1: a bar was missed.
"""
import ctypes
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time

ROUNDS = 15
TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "system")
A, B = "10.97.0.1", "10.97.0.2"
started = []


def enter(name):
    with open("/run/netns/" + name) as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), 0x40000000) < 0:  # CLONE_NEWNET
            raise OSError(ctypes.get_errno(), "setns")


def spawn(ns, *argv, **more):
    started.append(subprocess.Popen(["nsenter", "--net=/run/netns/" + ns, "--", *argv], **more))
    return started[-1]


def wait_for(what, seconds=5):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            sys.exit("pairs.py: waited in vain")
        time.sleep(0.01)


def serve(ns, script, *args):
    ready = os.path.join(os.environ["SQUALL_DIR"], "ready-%d" % len(started))
    p = spawn(ns, sys.executable, os.path.join(TESTS, script), "serve", *(a or ready for a in args))
    wait_for(lambda: os.path.exists(ready))
    return p.pid


def round_trip_ms(port, n):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((B, port))
        s.settimeout(2)
        times = []
        for _ in range(n):
            start = time.perf_counter()
            s.send(b"x" * 64)
            s.recv(100)
            times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def echoed_mbit(port, seconds):
    data, got = b"x" * 65536, 0
    with socket.create_connection((B, port)) as s:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            s.sendall(data)
            left = len(data)
            while left:
                left -= len(s.recv(left))
            got += len(data)
    return got * 8e-6 / seconds


class Attack:
    def __init__(self, squall, *words):
        self.words = [squall, "attack", *words, "--for", "60s"]

    def __enter__(self):
        self.p = subprocess.Popen(self.words, stdout=subprocess.DEVNULL)
        started.append(self.p)
        return self

    def __exit__(self, *why):
        self.p.send_signal(signal.SIGINT)
        self.p.wait(10)


def paired(measure, attack, is_in):
    """For each figure that measure() gives, the pairs (off, on)."""
    pairs = []
    for i in range(ROUNDS):
        values = {}
        for on in (i % 2, 1 - i % 2):
            if on:
                with attack:
                    wait_for(is_in)
                    values[1] = measure()
            else:
                values[0] = measure()
        pairs.append(list(zip(values[0], values[1])))
    return list(zip(*pairs))


def tell(name, differences, bar):
    d = sorted(differences)
    middle = statistics.median(d)
    print("%s %.2f (of 15: 4th %.2f, 12th %.2f; bar %g)" % (name, middle, d[3], d[11], bar), flush=True)
    return abs(middle) <= bar


def neighbour(squall):
    target = serve("b", "net.py", "7001", None)
    serve("b", "net.py", "7002", None)
    enter("a")
    rtt, mbit = paired(lambda: (round_trip_ms(7002, 400), echoed_mbit(7002, 0.4)),
                       Attack(squall, "net.delay", "20ms", "--target", "process.pid=%d" % target),
                       lambda: round_trip_ms(7001, 1) >= 20)
    print("neighbour_ms %.4f\nneighbour_mbit %.0f" % (statistics.median(v[0] for v in rtt),
                                                      statistics.median(v[0] for v in mbit)))
    return all([tell("latency_change_percent", [100 * (on / off - 1) for off, on in rtt], 5),
                tell("throughput_change_percent", [100 * (on / off - 1) for off, on in mbit], 5)])


def dns(squall):
    serve("b", "dns.py", None, B)
    enter("a")

    def ask(name, n):
        out = subprocess.run([sys.executable, os.path.join(TESTS, "dns.py"), "ask", B, name, "A", str(n)],
                             capture_output=True, check=True).stdout
        return json.loads(out)

    times, = paired(lambda: (ask("api.shop.test", 300)["ms"],),
                    Attack(squall, "dns.fail", "nxdomain", "--names", "*.payments.test", "--share", "50%",
                           "--target", "netns=a"),
                    lambda: "nxdomain" in ask("api.payments.test", 4))
    print("other_names_ms %.3f" % statistics.median(v[0] for v in times))
    return tell("other_names_added_ms", [on - off for off, on in times], 1)


if __name__ == "__main__":
    try:
        sys.exit(0 if {"neighbour": neighbour, "dns": dns}[sys.argv[1]](sys.argv[2]) else 1)
    finally:
        for p in started:
            p.kill()
            p.wait()
