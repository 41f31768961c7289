#!/usr/bin/env python3
"""Both ends of a connection, for the tests of the network: says in a word what a caller sees.

net.py serve [PORT [FILE]]           TCP and UDP echo on every address, IPv4 and IPv6; makes FILE when ready
net.py tcp ADDRESS PORT [SECONDS]    ok, timeout or the name of the error; connects, sends, waits for the echo
net.py udp ADDRESS PORT [SECONDS]
net.py hold ADDRESS PORT FILE        keeps one TCP connection; each line on standard input is sent, the
                                     echo awaited for a second; answers are lines in FILE
net.py dial PORT FILE [MARK…]        connects anew to the address that each line on standard input names, sends, and
                                     waits for the echo; words are lines in FILE; holds a datagram socket with
                                     each MARK meanwhile
net.py ask ADDRESS PORT              how many milliseconds the echo of a datagram takes
net.py send ADDRESS PORT N MS        N numbered datagrams of known content, one each MS milliseconds; the word
                                     is "sent", or the error that a sender saw
net.py count PORT N FILE             receives such, over both families, until SIGTERM; makes FILE when ready;
                                     prints JSON: got, distinct, twice, changed, early (came before one that
                                     was sent before it)
"""
import errno
import json
import select
import signal
import socket
import sys
import time


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def word(error):
    if isinstance(error, (TimeoutError, socket.timeout)):
        return "timeout"
    return errno.errorcode.get(error.errno, str(error))


def serve(port, ready):
    sockets = []
    for fam, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            s = socket.socket(fam, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if fam == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((any_address, port))
            if kind == socket.SOCK_STREAM:
                s.listen(64)
            sockets.append(s)
    listeners = set(s for s in sockets if s.type == socket.SOCK_STREAM)
    if ready:
        open(ready, "w").close()
    while True:
        for s in select.select(sockets, [], [])[0]:
            try:
                if s in listeners:
                    sockets.append(s.accept()[0])
                elif s.type == socket.SOCK_DGRAM:
                    data, peer = s.recvfrom(65536)
                    s.sendto(data, peer)
                else:
                    data = s.recv(65536)
                    if data:
                        s.sendall(data)
                    else:
                        sockets.remove(s)
                        s.close()
            except OSError:
                if s not in listeners and s.type == socket.SOCK_STREAM:
                    sockets.remove(s)
                    s.close()


def once(kind, address, port, seconds):
    s = socket.socket(family(address), kind)
    s.settimeout(seconds)
    try:
        s.connect((address, port))
        s.send(b"hello")
        return "ok" if s.recv(16) == b"hello" else "EOF"
    except OSError as error:
        return word(error)


def hold(address, port, file):
    s = socket.create_connection((address, port), 5)
    with open(file, "a", buffering=1) as out:
        out.write("connected\n")
        for line in sys.stdin:
            s.settimeout(1)
            try:
                s.sendall(line.encode())
                got = b""
                # What was lost before and sent again arrives first.
                while not got.endswith(line.encode()):
                    more = s.recv(100)
                    if not more:
                        break
                    got += more
                out.write("ok\n" if got.endswith(line.encode()) else "EOF\n")
            except OSError as error:
                out.write(word(error) + "\n")


def dial(port, file, marks):
    held = []
    for mark in marks:
        held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        held[-1].setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        held[-1].bind(("127.0.0.1", 0))
    with open(file, "a", buffering=1) as out:
        out.write("ready\n")
        for line in sys.stdin:
            out.write(once(socket.SOCK_STREAM, line.strip(), port, 0.6) + "\n")


def ask(address, port):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.settimeout(5)
    s.connect((address, port))
    start = time.monotonic()
    s.send(b"hello")
    s.recv(16)
    return "%.1f" % ((time.monotonic() - start) * 1000)


def content(number):
    return bytes((number * 31 + i * 7) % 256 for i in range(200))


def send(address, port, n, pause):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    due = time.monotonic()
    for number in range(n):
        try:
            s.sendto(number.to_bytes(4, "big") + content(number), (address, port))
        except OSError as error:
            return word(error)
        due += pause
        time.sleep(max(0, due - time.monotonic()))
    return "sent"


def count(port, n, ready):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind(("::", port))
    open(ready, "w").close()
    came, changed = [], 0
    s.settimeout(20)

    def stop(*_):
        raise TimeoutError

    signal.signal(signal.SIGTERM, stop)
    try:
        while True:
            data = s.recv(2000)
            number = int.from_bytes(data[:4], "big")
            if number >= n or data[4:] != content(number):
                changed += 1
            else:
                came.append(number)
    except TimeoutError:
        pass
    least, early = n, 0
    for number in reversed(came):
        early += number > least
        least = min(least, number)
    return json.dumps({"got": len(came) + changed, "distinct": len(set(came)),
                       "twice": len(came) - len(set(came)), "changed": changed, "early": early})


def main(verb, *args):
    if verb == "serve":
        serve(int(args[0]) if args else 7, args[1] if len(args) > 1 else None)
    elif verb == "hold":
        hold(args[0], int(args[1]), args[2])
    elif verb == "dial":
        dial(int(args[0]), args[1], [int(mark, 0) for mark in args[2:]])
    elif verb == "ask":
        print(ask(args[0], int(args[1])))
    elif verb == "send":
        print(send(args[0], int(args[1]), int(args[2]), float(args[3]) / 1000))
    elif verb == "count":
        print(count(int(args[0]), int(args[1]), args[2]))
    else:
        kind = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}[verb]
        print(once(kind, args[0], int(args[1]), float(args[2]) if len(args) > 2 else 1.0))


main(*sys.argv[1:])
