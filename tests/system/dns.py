#!/usr/bin/env python3
"""A small name server, and who asks it, for the tests of DNS.

dns.py serve FILE [ADDRESS...]       UDP and TCP on these addresses, or all, IPv4 and IPv6; makes FILE when ready.
                                     Any name has A 198.51.100.1, AAAA 2001:db8::1 and TXT "true"; other types
                                     are empty. What begins with "big." is truncated over UDP, what begins with
                                     "odd." is answered by bytes that are no message.
dns.py ask SERVER NAME TYPE N [udp|tcp|loose] [SECONDS] [/ SERVER NAME...]
                                     N questions, each by a socket of its own (loose: one that is not connected),
                                     with names in random case and EDNS with a cookie; for each group a line of
                                     JSON: how many had which outcome (the addresses or texts, "empty",
                                     "nxdomain"..., "truncated", "timeout", "ECONNRESET", "broken: WHY"), and
                                     "ms", the median
"""
import errno
import json
import random
import select
import socket
import statistics
import struct
import sys
import time

TYPES = {"A": 1, "TXT": 16, "AAAA": 28, "SRV": 33, "HTTPS": 65}
TRUE = {1: socket.inet_aton("198.51.100.1"), 28: socket.inet_pton(socket.AF_INET6, "2001:db8::1"), 16: b"\4true"}
RCODES = {0: "ok", 2: "servfail", 3: "nxdomain", 5: "refused"}


def question_end(message):
    at = 12
    while message[at]:
        at += message[at] + 1
    return at + 5


def answer(query, stream):
    end = question_end(query)
    kind = struct.unpack(">H", query[end - 4:end - 2])[0]
    name = query[13:13 + query[12]].lower()
    if name == b"odd":
        return query[:2] + bytes([0x80]) + b"\xff" * 20
    flags = 0x8480 | (struct.unpack(">H", query[2:4])[0] & 0x0110)
    truncated = name == b"big" and not stream
    record = b""
    if kind in TRUE and not truncated:
        record = struct.pack(">HHHIH", 0xc00c, kind, 1, 300, len(TRUE[kind])) + TRUE[kind]
    extra = query[end:] if struct.unpack(">H", query[10:12])[0] else b""
    return (query[:2] + struct.pack(">HHHHH", flags | (0x0200 if truncated else 0), 1, len(record) > 0, 0, len(extra) > 0) +
            query[12:end] + record + extra)


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def serve(ready, addresses):
    sockets, streams = [], set()
    for address in addresses or ("0.0.0.0", "::"):
        fam = family(address)
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            s = socket.socket(fam, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if fam == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((address, 53))
            if kind == socket.SOCK_STREAM:
                s.listen(64)
                streams.add(s)
            sockets.append(s)
    open(ready, "w").close()
    while True:
        for s in select.select(sockets, [], [])[0]:
            try:
                if s in streams:
                    sockets.append(s.accept()[0])
                elif s.type == socket.SOCK_DGRAM:
                    data, peer = s.recvfrom(65536)
                    s.sendto(answer(data, False), peer)
                else:
                    data = s.recv(65536)
                    if not data:
                        raise ConnectionResetError
                    data = answer(data[2:], True)
                    s.sendall(struct.pack(">H", len(data)) + data)
            except OSError:
                if s not in streams and s.type == socket.SOCK_STREAM:
                    sockets.remove(s)
                    s.close()


def query(name, kind):
    name = "".join(random.choice((c.upper(), c.lower())) for c in name)
    labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0"
    cookie = struct.pack(">HH", 10, 8) + random.randbytes(8)
    opt = b"\0" + struct.pack(">HHIH", 41, 1232, 0, len(cookie)) + cookie
    # RD and CD
    return (struct.pack(">HHHHHH", random.getrandbits(16), 0x0110, 1, 0, 0, 1) + labels +
            struct.pack(">HH", kind, 1), opt)


def outcome(sent, opt, got):
    """What a strict resolver makes of it: id, question, flags and EDNS are what they must be."""
    if len(got) < 12 or got[:2] != sent[:2]:
        return "broken: id"
    flags, questions, answers, authority, extra = struct.unpack(">HHHHH", got[2:12])
    if got[12:len(sent)] != sent[12:] or questions != 1:
        return "broken: question"
    if flags & 0xf990 != 0x8190 & 0xf990 or authority:
        return "broken: flags %04x" % flags
    at, texts = len(sent), []
    for _ in range(answers):
        pointer, kind, cls, ttl, n = struct.unpack(">HHHIH", got[at:at + 12])
        data = got[at + 12:at + 12 + n]
        at += 12 + n
        if pointer != 0xc00c or cls != 1 or kind != struct.unpack(">H", sent[-4:-2])[0]:
            return "broken: record"
        text = data[1:].decode() if kind == 16 else socket.inet_ntop(
            socket.AF_INET if n == 4 else socket.AF_INET6, data)
        texts.append(text if ttl == 300 else "%s for %d" % (text, ttl))
    if flags & 0x0200:
        return "truncated"
    if (extra, got[at:]) != (1, opt):
        return "broken: EDNS"
    code = RCODES.get(flags & 15, str(flags & 15))
    return ",".join(texts) or ("empty" if code == "ok" else code)


def ask(server, name, kind, how, seconds):
    sent, opt = query(name, TYPES[kind])
    s = socket.socket(family(server), socket.SOCK_STREAM if how == "tcp" else socket.SOCK_DGRAM)
    s.settimeout(seconds)
    start = time.monotonic()
    try:
        if how == "loose":
            s.sendto(sent + opt, (server, 53))
            got = s.recv(65536)
        else:
            s.connect((server, 53))
            s.send((struct.pack(">H", len(sent + opt)) if how == "tcp" else b"") + sent + opt)
            got = s.recv(65536)
        word = outcome(sent, opt, got[2:] if how == "tcp" else got)
    except (TimeoutError, socket.timeout):
        word = "timeout"
    except (IndexError, struct.error):
        word = "broken: length"
    except OSError as error:
        word = errno.errorcode.get(error.errno, str(error))
    took = time.monotonic() - start
    s.close()
    return word, took


def asks(server, name, kind, n, how="udp", seconds="2"):
    counts, times = {}, []
    for _ in range(int(n)):
        word, took = ask(server, name, kind, how, float(seconds))
        counts[word] = counts.get(word, 0) + 1
        times.append(took)
    print(json.dumps({**counts, "ms": round(statistics.median(times) * 1000, 3)}, sort_keys=True))


def main(verb, *args):
    if verb == "serve":
        serve(args[0], args[1:])
        return
    args = list(args)
    while args:
        n = args.index("/") if "/" in args else len(args)
        asks(*args[:n])
        del args[:n + 1]


main(*sys.argv[1:])
