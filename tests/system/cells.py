#!/usr/bin/env python3
"""The cells of the table of network faults: IPv4 and IPv6; TCP (a connection that stands, and one that is
made), UDP, UDP as QUIC has it (large datagrams of one socket to port 443), ICMP. All at once.

cells.py serve SOCKET            echoes on ports 7000 and 443; over the Unix socket it tells what has arrived
cells.py ask SOCKET V4 V6        each line on standard input is an order: "open" makes the connections that
                                 stand and says "opened"; "go" sends in all cells, and says for each:
                                 CELL arrived|- MILLISECONDS|-, then "end"
cells.py flows ADDRESS N FIRST   N flows of UDP from ports FIRST and up to port 7000, three datagrams in each, sent
                                 again when they are not answered: a letter for each flow: a all answered,
                                 n none, s some
"""
import os
import select
import socket
import subprocess
import sys
import threading
import time

PORT, QUIC = 7000, 443
WAIT = 0.9


def bound(fam, kind, port):
    s = socket.socket(fam, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if fam == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind(("::" if fam == socket.AF_INET6 else "0.0.0.0", port))
    return s


def echoes_received():
    with open("/proc/self/net/snmp") as f:
        rows = [line.split() for line in f if line.startswith("Icmp:")]
    with open("/proc/self/net/snmp6") as f:
        six = dict(line.split() for line in f)
    return {"icmp4": int(dict(zip(*rows))["InEchos"]), "icmp6": int(six["Icmp6InEchos"])}


def serve(path):
    streams, seen = [], set()
    datagrams = [bound(f, socket.SOCK_DGRAM, p) for f in (socket.AF_INET, socket.AF_INET6) for p in (PORT, QUIC)]
    listeners = [bound(f, socket.SOCK_STREAM, PORT) for f in (socket.AF_INET, socket.AF_INET6)]
    for s in listeners:
        s.listen(64)
    talk = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    talk.bind(path)
    while True:
        for s in select.select(streams + datagrams + listeners + [talk], [], [])[0]:
            try:
                if s is talk:
                    word, peer = talk.recvfrom(100)
                    counts = " ".join("%s=%d" % kv for kv in echoes_received().items())
                    if word == b"forget":
                        seen.clear()
                    talk.sendto((counts + " " + " ".join(seen)).encode(), peer)
                elif s in listeners:
                    streams.append(s.accept()[0])
                elif s in datagrams:
                    data, peer = s.recvfrom(2000)
                    seen.add(data[1:40].split(b"\0")[0].decode())
                    s.sendto(data, peer)
                else:
                    data = s.recv(2000)
                    if data:
                        seen.add(data.split(b"\n")[0].decode())
                        s.sendall(data)
                    else:
                        streams.remove(s)
                        s.close()
            except OSError:
                if s in streams:
                    streams.remove(s)
                    s.close()


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Asker:
    def __init__(self, path, addresses):
        self.addresses = addresses
        self.standing = {}
        self.answers = {}
        self.talk = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.talk.bind(path + ".%d" % os.getpid())
        self.talk.connect(path)

    def tell(self, word):
        self.talk.send(word.encode())
        return self.talk.recv(4000).decode().split()

    def open(self):
        for n, address in self.addresses.items():
            if n in self.standing:
                self.standing[n].close()
            s = socket.create_connection((address, PORT), 5)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.standing[n] = s

    def timed(self, cell, deed):
        start = time.monotonic()
        try:
            deed(cell)
            self.answers[cell] = "%.0f" % ((time.monotonic() - start) * 1000)
        except OSError:
            self.answers[cell] = "-"

    def stand(self, cell):
        s = self.standing[cell[-1]]
        s.settimeout(WAIT)
        s.sendall(cell.encode() + b"\n")
        if not s.recv(2000):
            raise OSError

    def connect(self, cell):
        """The time is that of the handshake."""
        s = socket.socket(family(self.addresses[cell[-1]]))
        s.settimeout(WAIT)
        s.connect((self.addresses[cell[-1]], PORT))
        s.send(cell.encode() + b"\n")

    def datagram(self, cell):
        s = socket.socket(family(self.addresses[cell[-1]]), socket.SOCK_DGRAM)
        s.settimeout(WAIT)
        s.connect((self.addresses[cell[-1]], PORT))
        s.send(b"u" + cell.encode() + b"\0")
        s.recv(2000)

    def quic(self, cell):
        """A long header, filled to 1200 bytes; then short ones."""
        s = socket.socket(family(self.addresses[cell[-1]]), socket.SOCK_DGRAM)
        s.settimeout(WAIT)
        s.connect((self.addresses[cell[-1]], QUIC))
        for first in (b"\xc3", b"\x43", b"\x43"):
            s.send((first + cell.encode() + b"\0").ljust(1200 if first == b"\xc3" else 200, b"\0"))
        for _ in range(3):
            s.recv(2000)

    def ping(self, cell):
        out = subprocess.run(["ping", "-U", "-n", "-c1", "-W1", self.addresses[cell[-1]]], capture_output=True, text=True)
        if "time=" not in out.stdout:
            raise OSError
        self.pinged[cell] = "%.0f" % float(out.stdout.split("time=")[1].split()[0])

    def go(self):
        before = dict(w.split("=") for w in self.tell("forget") if "=" in w)
        self.answers, self.pinged, threads = {}, {}, []
        for name, deed in (("stand", self.stand), ("connect", self.connect), ("udp", self.datagram),
                           ("quic", self.quic), ("icmp", self.ping)):
            for n in self.addresses:
                threads.append(threading.Thread(target=self.timed, args=(name + n, deed)))
                threads[-1].start()
        for t in threads:
            t.join()
        time.sleep(0.1)
        said = self.tell("tell")
        counts = dict(w.split("=") for w in said if "=" in w)
        for cell in sorted(self.answers):
            came = cell in said or (cell in counts and counts[cell] != before[cell])
            print(cell, "arrived" if came else "-", self.pinged.get(cell, self.answers[cell]))
        print("end", flush=True)


def ask(path, v4, v6):
    asker = Asker(path, {"4": v4, "6": v6})
    for line in sys.stdin:
        if line.strip() == "open":
            asker.open()
            print("opened", flush=True)
        else:
            asker.go()


def flows(address, n, first):
    sockets = []
    for i in range(n):
        s = socket.socket(family(address), socket.SOCK_DGRAM)
        s.bind(("", first + i))
        s.connect((address, PORT))
        s.setblocking(False)
        sockets.append(s)
    got = [set() for _ in sockets]
    for turn in range(5):
        # What a full socket has dropped is sent again, also where nothing came: that may have been all of it.
        for s, have in zip(sockets, got):
            for k in range(3):
                if k not in have:
                    s.send(b"f%d\0" % k)
                    time.sleep(0.0003)  # the echo has to keep up
        time.sleep(0.3)
        for s, have in zip(sockets, got):
            try:
                while True:
                    have.add(int(s.recv(100)[1:2]))
            except OSError:
                pass
        if turn and all(len(have) in (0, 3) for have in got):
            break
    print("".join("a" if len(have) == 3 else "s" if have else "n" for have in got))


def main(verb, *args):
    if verb == "serve":
        serve(args[0])
    elif verb == "ask":
        ask(*args)
    else:
        flows(args[0], int(args[1]), int(args[2]))


main(*sys.argv[1:])
