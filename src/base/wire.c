/* wire.c - messages between processes. */
#include "base/wire.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void wire_start(struct wire *m, const char *verb)
{
	size_t n = strlen(verb) + 1;

	memcpy(m->data, verb, n);
	m->len = n;
}

int wire_add(struct wire *m, const char *text)
{
	size_t n = strlen(text) + 1;

	if (n > sizeof(m->data) - m->len)
		return -EMSGSIZE;
	memcpy(m->data + m->len, text, n);
	m->len += n;
	return 0;
}

int wire_addf(struct wire *m, const char *fmt, ...)
{
	size_t room = sizeof(m->data) - m->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(m->data + m->len, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		return -EMSGSIZE;
	m->len += (size_t)n + 1;
	return 0;
}

int wire_split(struct wire *m, const char *argv[WIRE_ARGS])
{
	size_t at = 0;
	int n = 0;

	if (!m->len || m->data[m->len - 1] != '\0')
		return -EPROTO;
	while (at < m->len) {
		if (n == WIRE_ARGS)
			return -EPROTO;
		argv[n++] = m->data + at;
		at += strlen(m->data + at) + 1;
	}
	return n;
}

int wire_send(int fd, const struct wire *m)
{
	ssize_t n;

	do
		n = send(fd, m->data, m->len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int wire_recv(int fd, struct wire *m, bool wait)
{
	ssize_t n;

	/* ECONNRESET is told once, of an end that closed without reading all: what it said before
	 * is still to be heard (unix(7)) */
	do
		n = recv(fd, m->data, sizeof(m->data), MSG_TRUNC | (wait ? 0 : MSG_DONTWAIT));
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return -errno;
	if (n == 0)
		return -EPIPE;
	if ((size_t)n > sizeof(m->data))
		return -EPROTO;
	m->len = (size_t)n;
	return 0;
}

const char *wire_arg(const char *const *argv, int argc, int i)
{
	return i < argc ? argv[i] : "";
}
