/* problem.c - collects what is wrong with a file. */
#include "model/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum { TEXT_MAX = 400, HINT_MAX = 300 };

void problems_init(struct problems *p, struct arena *arena)
{
	*p = (struct problems){.arena = arena};
}

/* Words of the file are in it, so control characters are made harmless. */
static char *shown(struct arena *a, const char *text, size_t max)
{
	char storage[TEXT_MAX + 8];
	struct buf b;
	buf_init(&b, storage, sizeof(storage));
	buf_add_shown(&b, text, max);
	return arena_strdup(a, b.data);
}

void problem_add(struct problems *p, enum severity severity, struct where at, const char *code,
                 const char *hint, const char *fmt, ...)
{
	char text[TEXT_MAX * 2];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (severity == PROBLEM_ERROR)
		p->errors++;
	if (p->n >= PROBLEMS_MAX) {
		p->dropped++;
		return;
	}
	struct problem *v = arena_grow(p->arena, p->v, p->n, &p->cap, sizeof(*v));
	char *what = v != NULL ? shown(p->arena, text, TEXT_MAX) : NULL;
	if (what == NULL) {
		p->dropped++;
		return;
	}
	p->v = v;
	v[p->n++] = (struct problem){
	        severity, at, code, what,
	        hint != NULL && hint[0] != '\0' ? shown(p->arena, hint, HINT_MAX) : NULL};
}

static int place_compare(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;
	if (x->at.line != y->at.line)
		return x->at.line < y->at.line ? -1 : 1;
	if (x->at.col != y->at.col)
		return x->at.col < y->at.col ? -1 : 1;
	int c = strcmp(x->code, y->code);
	return c != 0 ? c : strcmp(x->text, y->text);
}

void problems_sort(struct problems *p)
{
	if (p->n > 1)
		qsort(p->v, p->n, sizeof(*p->v), place_compare);
}
