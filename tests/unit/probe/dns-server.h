/* A small name server on loopback, UDP and TCP, in a process of its own. What it answers is told by
 * the first label of the name. */
#ifndef TESTS_UNIT_PROBE_DNS_SERVER_H
#define TESTS_UNIT_PROBE_DNS_SERVER_H

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct message {
	uint8_t data[65535];
	size_t n;
};

static inline void add(struct message *m, const void *data, size_t n)
{
	memcpy(m->data + m->n, data, n);
	m->n += n;
}

static inline void put_number(struct message *m, unsigned long x, int bytes)
{
	while (bytes--)
		m->data[m->n++] = (uint8_t)(x >> (8 * bytes));
}

/* "mail.test" as labels. */
static inline void put_name(struct message *m, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");
		put_number(m, n, 1);
		add(m, name, n);
		name += n + (name[n] == '.');
	}
	put_number(m, 0, 1);
}

/* A record of the name that was asked for; rdata: up to m->n afterwards, closed by record_end. */
static inline size_t record_begin(struct message *m, unsigned type, unsigned ttl)
{
	put_number(m, 0xc00c, 2); /* points to the question */
	put_number(m, type, 2);
	put_number(m, 1, 2);
	put_number(m, ttl, 4);
	put_number(m, 0, 2);
	m->data[7]++; /* answers */
	return m->n;
}

static inline void record_end(struct message *m, size_t at)
{
	m->data[at - 2] = (uint8_t)((m->n - at) >> 8);
	m->data[at - 1] = (uint8_t)(m->n - at);
}

static inline void records_add(struct message *m, unsigned type)
{
	size_t at = record_begin(m, type, 300);
	switch (type) {
	case 1:
		add(m, "\xc0\x00\x02\x01", 4);
		record_end(m, at);
		at = record_begin(m, type, 60);
		add(m, "\xc0\x00\x02\x02", 4);
		break;
	case 28:
		add(m, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
		break;
	case 15:
		put_number(m, 10, 2);
		put_name(m, "mail.test");
		break;
	case 16:
		add(m, "\x05v=spf\x03 -\xe4", 10);
		break;
	case 33:
		for (int i = 1; i < 4; i++)
			put_number(m, (unsigned)i, 2);
		put_name(m, "host.test");
		break;
	case 6:
		put_name(m, "ns.test");
		put_name(m, "root.test");
		for (int i = 1; i < 6; i++)
			put_number(m, (unsigned)i, 4);
		break;
	case 257:
		add(m, "\0\x05issueca.test", 14);
		break;
	default:
		put_name(m, "other.test");
		break;
	}
	record_end(m, at);
}

/* False: no answer at all. */
static inline bool answer_make(const uint8_t *q, size_t n, bool tcp, struct message *m)
{
	char label[64] = "";
	size_t end = 12;
	if (n < 17 || q[12] > 63 || 13u + q[12] > n)
		return false;
	memcpy(label, q + 13, q[12]);
	while (end < n && q[end])
		end += q[end] + 1u;
	end += 5;
	if (end > n)
		return false;
	unsigned type = (unsigned)q[end - 4] << 8 | q[end - 3];
	m->n = 0;
	add(m, q, end);
	m->data[2] = 0x81;
	m->data[3] = 0x80;
	memset(m->data + 6, 0, 6);
	if (!strcmp(label, "silent"))
		return false;
	if (!strcmp(label, "nx"))
		m->data[3] |= 3;
	else if (!strcmp(label, "servfail"))
		m->data[3] |= 2;
	else if (!strcmp(label, "odd"))
		m->data[3] |= 14;
	else if (!strcmp(label, "cut") && !tcp)
		m->data[2] |= 2;
	else if (!strcmp(label, "lies"))
		m->data[0] ^= 0xff;
	else if (!strcmp(label, "short"))
		m->data[7] = 9;            /* more records than there are */
	else if (!strcmp(label, "loop")) { /* a name that points to itself */
		size_t at = record_begin(m, type, 1);
		put_number(m, 0xc000 | at, 2);
		record_end(m, at);
	} else if (!strcmp(label, "long")) { /* a text longer than its record */
		size_t at = record_begin(m, type, 1);
		add(m, "\xffxy", 3);
		record_end(m, at);
	} else if (!strcmp(label, "thin")) { /* an address of three bytes */
		size_t at = record_begin(m, type, 1);
		add(m, "abc", 3);
		record_end(m, at);
	} else if (!strcmp(label, "alias")) {
		size_t at = record_begin(m, 5, 30);
		put_name(m, "real.test");
		record_end(m, at);
		records_add(m, type);
	} else {
		m->data[2] |= 4; /* authoritative */
		if (strcmp(label, "none") != 0)
			records_add(m, type);
	}
	return true;
}

static inline void serve(int udp, int tcp)
{
	static struct message m;
	uint8_t q[2048];
	for (;;) {
		struct pollfd p[2] = {{.fd = udp, .events = POLLIN}, {.fd = tcp, .events = POLLIN}};
		(void)poll(p, 2, -1);
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		if (p[0].revents) {
			ssize_t n = recvfrom(udp, q, sizeof(q), 0, (struct sockaddr *)&from, &len);
			if (n > 0 && answer_make(q, (size_t)n, false, &m))
				(void)!sendto(udp, m.data, m.n, 0, (struct sockaddr *)&from, len);
		}
		if (!p[1].revents)
			continue;
		int c = accept(tcp, NULL, NULL);
		ssize_t n = recv(c, q, sizeof(q), 0);
		if (n > 2 && answer_make(q + 2, (size_t)n - 2, true, &m)) {
			uint8_t size[2] = {(uint8_t)(m.n >> 8), (uint8_t)m.n};
			(void)!send(c, size, 2, MSG_NOSIGNAL | MSG_MORE);
			(void)!send(c, m.data, m.n, MSG_NOSIGNAL);
		}
		(void)close(c);
	}
}

/* Returns its pid and writes its address. */
static inline pid_t dns_server(char address[32])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(tcp, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(tcp, 8) < 0 ||
	    getsockname(tcp, (struct sockaddr *)&a, &len) < 0 ||
	    bind(udp, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	(void)snprintf(address, 32, "127.0.0.1:%u", ntohs(a.sin_port));
	pid_t pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(udp, tcp);
	}
	(void)close(udp);
	(void)close(tcp);
	return pid;
}

#endif
