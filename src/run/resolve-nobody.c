/* What to say when a selector means nobody. */
#include "run/resolve-nobody.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/proc.h"

static int ports_note(void *ctx, const struct listening *l)
{
	struct buf *ports = ctx;
	char port[24];

	snprintf(port, sizeof(port), " %u%s,", l->port, l->udp ? "/udp" : "");
	if (!strstr(ports->data, port) && ports->len + strlen(port) < 120)
		buf_add(ports, port);
	return 0;
}

struct near {
	const char *word;
	unsigned best;
	char name[64];
};

static int near_each(void *ctx, const struct proc *p)
{
	struct near *n = ctx;
	unsigned d = text_distance(n->word, p->comm, n->best);

	if (d < n->best) {
		n->best = d;
		memcpy(n->name, p->comm, sizeof(n->name));
	}
	return 0;
}

static int pid_hint(const struct world *w, const char *text, struct err *err)
{
	struct proc_stat st;

	if (proc_stat_read(w, (pid_t)strtol(text, NULL, 10), &st, NULL) < 0)
		return err_hint(err, -ENOENT, "There is no process %s.", text);
	if (st.state == 'Z')
		return err_hint(err, -ENOENT,
		                "Process %s has ended: it is a zombie until its parent asks.",
		                text);
	return -ENOENT;
}

int resolve_nobody(const struct world *w, const struct selector *s, const struct spared *spared,
                   size_t hidden, struct err *err)
{
	err_set(err, -ENOENT, "no process matches \"%s\"", s->says ? s->says : "");
	if (spared->n)
		return err_hint(err, -ENOENT,
		                "%zu matched and %s never chosen unless named by pid: %s.%s",
		                spared->n, spared->n == 1 ? "is" : "are", spared->first,
		                strstr(spared->first, "session")
		                        ? " What is started with setsid, or as a service, can be."
		                        : "");
	if (hidden)
		return err_hint(err, -ENOENT,
		                "The sockets of %zu processes cannot be seen without root.",
		                hidden);
	for (size_t i = 0; i < s->n; i++) {
		const struct selector_term *t = &s->v[i];
		struct near near = {.word = t->value, .best = 3};
		BUF(ports, 160);

		if (strcmp(t->key, "process.listens") == 0) {
			(void)!sockets_listening(w, 0, ports_note, &ports, NULL);
			if (!ports.len)
				return err_hint(err, -ENOENT, "Nothing listens on this machine.");
			ports.data[ports.len - 1] = '\0';
			return err_hint(err, -ENOENT, "Here is listened on%s.", ports.data);
		}
		if (strcmp(t->key, "process.pid") == 0)
			return pid_hint(w, t->value, err);
		if (strcmp(t->key, "process.name") == 0 &&
		    proc_each(w, 0, near_each, &near, NULL) == 0 && near.name[0])
			return err_hint(err, -ENOENT, "Did you mean \"%s\"?", near.name);
	}
	return -ENOENT;
}
