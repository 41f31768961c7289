/*
 * echo.h - ICMP echo (RFC 792, RFC 4443): a socket that asks one address and hears its answers.
 *
 * Owns: the socket. It is a datagram socket of ICMP where the caller's group may have one
 * (icmp(7), ping_group_range), which gets its own answers only; else a raw one, which gets a copy
 * of everybody's. Invariants: what is heard came from the address that was asked and carries this
 * socket's number; a packet whose checksum is wrong is none. Times are CLOCK_BOOTTIME; that of an
 * answer is when the kernel took it in, however late it is read. Not to be assumed: that the
 * payload is what was sent, or that an answer comes once.
 */
#ifndef SQUALL_IO_ECHO_H
#define SQUALL_IO_ECHO_H

#include <netinet/in.h>

#include "base/base.h"
#include "base/err.h"
#include "io/address.h"

/* A packet is this head, which belongs to echo_send, and the payload behind it. */
enum { ECHO_HEAD_BYTES = 8, ECHO_PAYLOAD_MAX = 65507 };
/* What has room for anything that can be heard: with the head of IPv4 and its options. */
enum { ECHO_ROOM_BYTES = ECHO_PAYLOAD_MAX + ECHO_HEAD_BYTES + 60 };

struct echo {
	int fd; /* -1: closed */
	bool raw;
	struct address peer;
	uint16_t id, first; /* first: the number that goes out as seq 0 */
};

enum echo_kind {
	ECHO_FOREIGN, /* nothing of ours */
	ECHO_ANSWER,
	ECHO_REFUSAL, /* somebody says that it did not arrive */
};

struct echo_news {
	enum echo_kind kind;
	bool numbered; /* seq is known; of an answer always */
	uint16_t seq;
	unsigned ttl; /* hop limit left; 0: not told */
	uint64_t at_ns;
	const uint8_t *payload; /* within the room */
	size_t n;
	int error;                   /* of a refusal: errno */
	char from[INET6_ADDRSTRLEN]; /* of a refusal: who said so; "": this machine */
};

/* fragment false: a packet too large for the way is refused, not cut up. -EPERM: neither socket is
 * allowed, with the remedy as hint; else why this address cannot be asked (-ENETUNREACH, …). */
int echo_open(struct echo *, const struct address *, bool fragment, struct err *) must_use;
void echo_close(struct echo *);
/* packet: the head's room and the payload. A negative errno: it did not leave. */
int echo_send(struct echo *, uint8_t *packet, size_t n, uint16_t seq) must_use;
/* What lies in the socket. False: nothing (more). */
bool echo_hear(struct echo *, uint8_t room[ECHO_ROOM_BYTES], struct echo_news *) must_use;
/* One packet as the socket gives it, or what a refusal quotes (`quoted`) of one that went out. */
bool echo_read(const struct echo *, const uint8_t *packet, size_t n, bool quoted,
               struct echo_news *) must_use;
/* Without the port. */
void echo_address(const struct address *, char to[INET6_ADDRSTRLEN]);

#endif
