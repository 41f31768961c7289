/* sweep.c - the words of what is done to all that match. */
#include "step/sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char mark[] = " : ";

int sweep_format(const struct sweep *s, struct buf *to, struct err *err)
{
	BUF(text, STATE_MAX);
	BUF(rules, STATE_MAX);
	int code = nft_rules_format(&s->rules, &rules, err);

	if (code < 0)
		return code;
	buf_addf(&text, "turn=%" PRIu64, s->turn);
	if (s->proc.pid) {
		buf_add(&text, " pid=");
		proc_id_format(&text, s->proc);
	}
	buf_addf(&text, "%s%s", mark, rules.data);
	buf_reset(to);
	buf_add(to, text.data);
	return text.over || to->over ? err_set(err, -E2BIG, "filters are too long for one step")
	                             : 0;
}

int sweep_parse(const char *state, struct sweep *to, struct err *err)
{
	struct sweep s = {.turn = 0};
	const char *rules = strstr(state, mark);
	char head[96];
	char *pid;
	BUF(again, STATE_MAX);
	int code = 0;

	if (!rules || (size_t)(rules - state) >= sizeof(head) || strncmp(state, "turn=", 5) != 0)
		return err_set(err, -EINVAL, "\"%.160s\" does not begin with turn=N", state);
	memcpy(head, state, (size_t)(rules - state));
	head[rules - state] = 0;
	pid = strstr(head, " pid=");
	s.turn = strtoull(head + 5, NULL, 10);
	if (pid)
		code = proc_id_parse(pid + 5, &s.proc, err);
	if (code == 0)
		code = nft_rules_parse(rules + strlen(mark), &s.rules, err);
	if (code == 0)
		code = sweep_format(&s, &again, err);
	if (code < 0)
		return code;
	if (strcmp(again.data, state) != 0)
		return err_set(err, -EINVAL, "\"%.160s\" is not canonical, expected \"%.160s\"",
		               state, again.data);
	*to = s;
	return 0;
}

static bool addr_has(const struct nft_addr *a, const uint8_t *remote)
{
	size_t whole = a->length / 8;
	unsigned rest = a->length % 8;

	return memcmp(a->bytes, remote, whole) == 0 &&
	       (!rest || ((a->bytes[whole] ^ remote[whole]) & (uint8_t)(0xff << (8 - rest))) == 0);
}

static bool port_is_listed(const struct nft_rules *r, const uint16_t ports[2])
{
	for (size_t i = 0; i < r->ports_n; i++)
		for (int k = 0; k < 2; k++)
			if (ports[k] >= r->ports[i].from && ports[k] <= r->ports[i].to)
				return true;
	return r->ports_n == 0;
}

bool sweep_matches(const struct sweep *s, const struct sweep_seen *seen)
{
	const struct nft_rules *r = &s->rules;
	bool addr = r->addrs_n == 0;

	for (size_t i = 0; i < r->addrs_n && !addr; i++)
		addr = r->addrs[i].family == seen->family && addr_has(&r->addrs[i], seen->remote);
	return addr && (!r->proto || r->proto == seen->proto) &&
	       (!r->has_uid || r->uid == seen->uid) && port_is_listed(r, seen->ports);
}
