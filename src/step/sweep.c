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

int sweep_get(const struct world *w, const char *object, struct buf *state, struct err *err)
{
	struct nft_object o;
	int code = nft_object_parse(object, &o, err);

	if (code < 0)
		return code;
	buf_reset(state);
	buf_add(state, "idle");
	return 0;
}

bool sweep_matches(const struct sweep *s, const struct sweep_seen *seen)
{
	const struct nft_rules *r = &s->rules;

	return (!r->proto || r->proto == seen->proto) && (!r->has_uid || r->uid == seen->uid) &&
	       nft_rules_meet(r, seen->family, seen->remote, seen->ports);
}
