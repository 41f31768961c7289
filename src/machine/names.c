/* Host names, and all addresses that each has. */
#include "machine/names.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

bool name_is_host(const char *text)
{
	const char *last = strrchr(text, '.');
	size_t n = strlen(text);

	if (!n || n >= NAME_TEXT_MAX || text[0] == '.' || text[0] == '-')
		return false;
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
			return false;
	last = last ? last + 1 : text;
	return !isdigit((unsigned char)*last);
}

int names_add(struct names *names, const char *text, struct err *err)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->v[i].text, text) == 0)
			return 0;
	if (names->n == NAMES_MAX)
		return err_set(err, -E2BIG, "more than %d host names in one attack", NAMES_MAX);
	names->v[names->n] = (struct host_name){.n = 0};
	return text_copy(names->v[names->n++].text, NAME_TEXT_MAX, text);
}

const struct host_name *names_find(const struct names *names, const char *text)
{
	for (size_t i = 0; names && i < names->n; i++)
		if (strcmp(names->v[i].text, text) == 0)
			return names->v[i].n ? &names->v[i] : NULL;
	return NULL;
}

static int by_address(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct name_address));
}

static int address_add(struct host_name *to, const struct name_address *a, struct err *err)
{
	for (size_t i = 0; i < to->n; i++)
		if (by_address(&to->v[i], a) == 0)
			return 0;
	if (to->n == NAME_ADDRESSES_MAX)
		return err_set(err, -E2BIG, "\"%s\" has more than %d addresses", to->text,
		               NAME_ADDRESSES_MAX);
	to->v[to->n++] = *a;
	return 0;
}

static int unresolved(const struct host_name *name, const char *why, struct err *err)
{
	err_set(err, -EHOSTUNREACH, "could not resolve \"%s\": %s", name->text, why);
	return err_hint(err, -EHOSTUNREACH,
	                "A name is looked up as this machine does; where only the target knows it, "
	                "write its addresses.");
}

static int ask_recorded(const struct world *w, struct host_name *to, struct err *err)
{
	char text[512], *rest = text, *one;
	const char *said;
	int ret = 0;
	BUF(key, NAME_TEXT_MAX + 8);

	buf_addf(&key, "name %s", to->text);
	said = world_answer(w, key.data);
	if (!said || text_copy(text, sizeof(text), said) < 0)
		return unresolved(to, "not recorded", err);
	while (ret == 0 && (one = strsep(&rest, " "))) {
		struct name_address a = {.family = strchr(one, ':') ? AF_INET6 : AF_INET};

		ret = inet_pton(a.family, one, a.bytes) == 1
		              ? address_add(to, &a, err)
		              : unresolved(to, "recorded badly", err);
	}
	return ret;
}

static int ask(struct host_name *to, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *list = NULL;
	int code = getaddrinfo(to->text, NULL, &hints, &list), ret = 0;

	if (code)
		return unresolved(to, gai_strerror(code), err);
	for (const struct addrinfo *i = list; i && ret == 0; i = i->ai_next) {
		struct name_address a = {.family = (uint8_t)i->ai_family};

		if (i->ai_family == AF_INET)
			memcpy(a.bytes, &((const struct sockaddr_in *)i->ai_addr)->sin_addr, 4);
		else if (i->ai_family == AF_INET6)
			memcpy(a.bytes, &((const struct sockaddr_in6 *)i->ai_addr)->sin6_addr, 16);
		else
			continue;
		ret = address_add(to, &a, err);
	}
	freeaddrinfo(list);
	return ret == 0 && !to->n ? unresolved(to, "it has no address", err) : ret;
}

int names_look_up(const struct world *w, struct names *names, struct err *err)
{
	struct names now = *names;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < now.n; i++) {
		now.v[i].n = 0;
		memset(now.v[i].v, 0, sizeof(now.v[i].v));
		ret = world_is_real(w) ? ask(&now.v[i], err) : ask_recorded(w, &now.v[i], err);
		qsort(now.v[i].v, now.v[i].n, sizeof(now.v[i].v[0]), by_address);
	}
	if (ret == 0)
		*names = now;
	return ret;
}
