#!/usr/bin/python3
"""Looks at a process that burns or holds, from outside; used by cpu-load.sh, mem-fill.sh, starved.sh.

  held.py windows PID SECONDS PERCENT   its share of a CPU: error over all, deviation of 100 ms windows
  held.py cpu PID SECONDS               percent of a CPU that it uses
  held.py resident PID KIB SECONDS      seconds from its start until so much is resident; then that, in KiB
  held.py aborts COMMAND...             runs squall with --json; Ctrl-C on a line of standard input; how soon
                                        the order to revert is told, and that all is out, in ms
"""
import os
import signal
import subprocess
import sys
import time


def on_time():
    """A sampler that has to wait measures its own wait."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(3))
    except PermissionError:
        print("the sampler may not raise its priority: windows are as exact as it is on time", file=sys.stderr)


def cpu_ns(pid):
    return time.clock_gettime_ns(((~pid) << 3) | 2)  # CPUCLOCK_SCHED, clock_getcpuclockid(3)


def waited_ns(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[1])
        except FileNotFoundError:
            pass
    return total


def windows(pid, seconds, percent):
    on_time()
    shares, counted, waits = [], [], []
    first = last = time.monotonic_ns()
    first_cpu = last_cpu = cpu_ns(pid)
    last_wait = waited_ns(pid)
    for i in range(1, int(seconds * 10) + 1):
        time.sleep(max(0, (first + i * 100_000_000 - time.monotonic_ns()) / 1e9))
        now, cpu = time.monotonic_ns(), cpu_ns(pid)
        wait = waited_ns(pid)
        share = (cpu - last_cpu) / (now - last) * 100
        waits.append((wait - last_wait) / (now - last) * 100)
        shares.append(share)
        if waits[-1] < 1:
            counted.append(share)
        last, last_cpu, last_wait = now, cpu, wait
    mean = (last_cpu - first_cpu) / (last - first) * 100

    def deviation(v):
        return (sum((x - percent) ** 2 for x in v) / len(v)) ** 0.5 if v else float("nan")

    print(f"{mean:.3f} {mean - percent:.3f} {deviation(counted):.2f} {len(counted)} {deviation(shares):.2f} "
          f"{len(shares)} {sum(waits) / len(waits):.2f}")


def cpu(pid, seconds):
    t, c = time.monotonic_ns(), cpu_ns(pid)
    time.sleep(seconds)
    print(f"{(cpu_ns(pid) - c) / (time.monotonic_ns() - t) * 100:.3f}")


def resident_kib(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


def started(pid):
    with open(f"/proc/{pid}/stat") as f:
        return int(f.read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")


def resident(pid, kib, seconds):
    on_time()
    end = time.monotonic() + seconds
    while resident_kib(pid) < kib:
        if time.monotonic() > end:
            print("never 0")
            return
        time.sleep(0.001)
    print(f"{time.clock_gettime(time.CLOCK_BOOTTIME) - started(pid):.3f} {resident_kib(pid)}")


def aborts(command):
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    sys.stdin.readline()
    at = time.monotonic()
    run.send_signal(signal.SIGINT)
    ordered = out = None
    for line in run.stdout:
        now = time.monotonic()
        if b'"ordered-out"' in line and ordered is None and b'"abort"' not in line:
            ordered = now if now >= at else None
        if b'"attack-out"' in line and now >= at:
            out = now
    print(f"{(ordered - at) * 1000:.1f} {(out - at) * 1000:.1f} {run.wait()}" if ordered and out else "lost")


def main(argv):
    if argv[1] == "windows":
        windows(int(argv[2]), float(argv[3]), float(argv[4]))
    elif argv[1] == "cpu":
        cpu(int(argv[2]), float(argv[3]))
    elif argv[1] == "resident":
        resident(int(argv[2]), int(argv[3]), float(argv[4]))
    elif argv[1] == "aborts":
        aborts(argv[2:])
    else:
        sys.exit(__doc__)


main(sys.argv)
