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

const struct problem_rule problem_rules[] = {
        {"bad-name", PROBLEM_ERROR, "A name cannot be one.",
         "Names of variables and ids are made of letters, digits, \"-\", \"_\" and, in ids, "
         "\".\"."},
        {"bad-parameters", PROBLEM_ERROR, "Parameters do not go together.",
         "\"squall faults NAME\" and \"squall probes NAME\" say what each one means."},
        {"bad-pattern", PROBLEM_ERROR, "A regular expression cannot be read.",
         "Patterns are those of PCRE2."},
        {"bad-target", PROBLEM_ERROR, "A fault cannot be aimed at this.",
         "\"squall faults\" lists what each fault takes."},
        {"irreversible", PROBLEM_WARNING, "A fault has no way back.",
         "It needs allow: [irreversible] in the file, or --allow irreversible."},
        {"missing-key", PROBLEM_ERROR, "A key is missing.",
         "squall-experiment(5) lists the keys of each section."},
        {"missing-parameter", PROBLEM_ERROR, "A parameter is missing.",
         "\"squall faults NAME\" and \"squall probes NAME\" list the parameters."},
        {"missing-probe", PROBLEM_ERROR, "An entry does not say what to look at.",
         "It needs a probe, such as http: {url: …}."},
        {"missing-target", PROBLEM_ERROR, "An attack has no target.",
         "The host must be named too: target: host."},
        {"no-memory", PROBLEM_ERROR, "The file is too large to hold.", "Divide it."},
        {"no-value", PROBLEM_ERROR, "A variable has no value.",
         "Give it a default, set its environment variable, or say --var NAME=VALUE."},
        {"not-yaml", PROBLEM_ERROR, "The file cannot be read as YAML.",
         "Anchors, aliases, tags, repeated keys and several documents are refused too."},
        {"out-of-range", PROBLEM_ERROR, "A value is out of its range.",
         "The message names the limit."},
        {"repeated", PROBLEM_ERROR, "A parameter is given twice.", "Leave one of them out."},
        {"repeated-id", PROBLEM_ERROR, "An id is used twice.",
         "Steady probes, monitors and steps share one space of ids."},
        {"too-long", PROBLEM_ERROR, "The method takes longer than the run may.",
         "Raise blast-radius: {max-duration: …}, or shorten the method."},
        {"two-probes", PROBLEM_ERROR, "An entry has two probes.", "Write two entries."},
        {"two-ramps", PROBLEM_ERROR, "Two parameters of an attack have levels.",
         "Give one of them a single value."},
        {"two-times", PROBLEM_ERROR, "An attack has levels and a duration.",
         "Each level lasts as long as \"hold\" says: leave \"for\" out."},
        {"unknown-field", PROBLEM_ERROR, "The answer has no such field.",
         "\"squall probes NAME\" lists the fields of the answer."},
        {"unknown-key", PROBLEM_ERROR, "A key is not known.",
         "squall-experiment(5) and squall-policy(5) list them."},
        {"unknown-kind", PROBLEM_ERROR, "There is no such fault, probe or action.",
         "\"squall faults\" and \"squall probes\" list them."},
        {"unknown-parameter", PROBLEM_ERROR, "A parameter is not known.",
         "\"squall faults NAME\" and \"squall probes NAME\" list the parameters."},
        {"unknown-steady", PROBLEM_ERROR, "There is no steady probe of that id.",
         "The probes under hypothesis: steady have the ids."},
        {"unknown-step", PROBLEM_ERROR, "A step does not say what to do.",
         "A step is one of fault, wait, exec, http, together, or a list."},
        {"unknown-variable", PROBLEM_ERROR, "There is no such variable.",
         "Declare it under \"vars\"; \"$${\" is the text itself."},
        {"unknown-version", PROBLEM_ERROR, "The version of the format is not known.",
         "This build reads version 1."},
        {"unknown-word", PROBLEM_ERROR, "A value is not one of the known words.",
         "The hint names the nearest one."},
        {"wrong-type", PROBLEM_ERROR, "A value cannot be of this type.",
         "Quantities are written with their unit: 250ms, 64MiB, 30%."},
        {NULL},
};
