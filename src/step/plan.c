/* plan.c - the ordered steps that a fault asks for. */
#include "step/plan.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"

void plan_init(struct plan *p, struct arena *a)
{
	memset(p, 0, sizeof(*p));
	p->arena = a;
}

const struct step *plan_find(const struct plan *p, const char *type, const char *object)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].type, type) == 0 && strcmp(p->v[i].object, object) == 0)
			return &p->v[i];
	return NULL;
}

int plan_add(struct plan *p, const char *type, const char *object, const char *to, const char *says,
             struct err *err)
{
	struct step s = {0};
	if (!step_type_find(type))
		return err_set(err, -ENOENT, "no step type \"%s\"", type);
	if (text_copy(s.type, sizeof(s.type), type) < 0 ||
	    text_copy(s.object, sizeof(s.object), object) < 0)
		return err_set(err, -ENAMETOOLONG,
		               "name of object \"%.64s…\" is longer than %d bytes", object,
		               OBJECT_MAX - 1);
	if (text_copy(s.to, sizeof(s.to), to) < 0)
		return err_set(err, -ENAMETOOLONG, "state wanted of \"%s\" is longer than %d bytes",
		               object, STATE_MAX - 1);
	/* Shown to people only: cut rather than refused. */
	(void)text_copy(s.says, sizeof(s.says), says ? says : "");
	if (strpbrk(s.object, "\n\r") || strpbrk(s.to, "\n\r"))
		return err_set(err, -EINVAL, "object and state of \"%s\" must be one line", type);

	const struct step *old = plan_find(p, type, object);
	if (old && strcmp(old->to, to) == 0)
		return 0;
	if (old)
		return err_set(err, -EEXIST, "plan wants \"%s\" to be both \"%.96s\" and \"%.96s\"",
		               object, old->to, to);

	struct step *v = arena_grow(p->arena, p->v, p->n, &p->cap, sizeof(*v));
	if (!v)
		return err_set(err, -ENOMEM, "no memory for step %zu of the plan", p->n + 1);
	p->v = v;
	p->v[p->n++] = s;
	return 0;
}

int plan_blob(struct plan *p, const void *data, size_t n, char state[STATE_MAX], struct err *err)
{
	struct blob b = {.n = n};
	sha256_text(data, n, b.hex);
	state[0] = '@';
	memcpy(state + 1, b.hex, sizeof(b.hex));
	for (size_t i = 0; i < p->blobs_n; i++)
		if (strcmp(p->blobs[i].hex, b.hex) == 0)
			return 0;

	void *copy = arena_alloc(p->arena, n ? n : 1);
	struct blob *v = arena_grow(p->arena, p->blobs, p->blobs_n, &p->blobs_cap, sizeof(*v));
	if (!copy || !v)
		return err_set(err, -ENOMEM, "no memory to keep %zu bytes of content", n);
	memcpy(copy, data, n);
	b.data = copy;
	p->blobs = v;
	p->blobs[p->blobs_n++] = b;
	return 0;
}

struct blob *plan_blob_find(const struct plan *p, const char *state)
{
	for (size_t i = 0; i < p->blobs_n && state[0] == '@'; i++)
		if (strcmp(p->blobs[i].hex, state + 1) == 0)
			return &p->blobs[i];
	return NULL;
}
