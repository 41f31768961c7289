/* A recorded machine from a text in the test itself. */
#ifndef TESTS_UNIT_PROBE_MACHINE_H
#define TESTS_UNIT_PROBE_MACHINE_H

#include <stdio.h>
#include <unistd.h>

#include "look.h"
#include "machine/recorded.h"

static inline void machine_make(struct recorded *r, const char *text)
{
	char path[] = "/tmp/squall-machine-XXXXXX";
	struct err err = ERR_INIT;
	FILE *f = fdopen(mkstemp(path), "w");
	assert_non_null(f);
	(void)fprintf(f, "squall machine 1\n%s", text);
	assert_int_equal(fclose(f), 0);
	*r = (struct recorded){0};
	if (recorded_open(r, path, &err) < 0)
		fail_msg("%s", err.what);
	(void)unlink(path);
}

/* Gives a file of the machine another content. */
static inline void machine_put(const struct recorded *r, const char *path, const char *text)
{
	char full[400];
	(void)snprintf(full, sizeof(full), "%s%s", r->folder, path);
	FILE *f = fopen(full, "w");
	assert_non_null(f);
	(void)fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* Several looks of one probe with one set of parameters, as a run makes them. */
struct looker {
	const struct probe *p;
	const struct world *w;
	struct loop *loop;
	char *args;
};

static inline struct looker looker_open(const char *probe, const struct world *w,
                                        const char *const *texts)
{
	struct looker k = {.p = probe_find(probe), .w = w, .loop = loop_new(NULL)};
	struct err err = ERR_INIT;
	assert_non_null(k.p);
	k.args = look_args(&k.p->kind, texts);
	if (k.p->kind.check && k.p->kind.check(k.args, &err) < 0)
		fail_msg("%s", err.what);
	return k;
}

static inline struct seen looker_look(struct looker *k)
{
	struct seen s = {.loop = k->loop};
	struct look *look = NULL;
	uint64_t now = clock_boot_ns();
	int rc = k->p->start(k->loop, k->w, k->args, (struct span){now, now}, look_seen, &s, &look,
	                     &s.err);
	assert_int_equal(s.calls, 0);
	if (rc == 0) {
		loop_run(k->loop);
		assert_int_equal(s.calls, 1);
	}
	if (s.doc)
		look_documented(&k->p->kind, s.doc);
	return s;
}

static inline void looker_close(struct looker *k)
{
	loop_free(k->loop);
	look_release(&k->p->kind, k->args);
}

#define LOOKER(probe, world, ...) \
	looker_open(probe, world, (const char *const[]){__VA_ARGS__, NULL})

#endif
