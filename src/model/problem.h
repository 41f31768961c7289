/*
 * problem.h - everything that is wrong with a file, with line, column and a remedy.
 */
#ifndef SQUALL_MODEL_PROBLEM_H
#define SQUALL_MODEL_PROBLEM_H

#include "base/arena.h"
#include "io/yaml.h"

enum severity { PROBLEM_ERROR, PROBLEM_WARNING };

struct problem {
	enum severity severity;
	struct where at;
	const char *code; /* stable word: "unknown-key", "wrong-type", "out-of-range", … */
	const char *text; /* primary message by the project's message rules */
	const char *hint; /* a sentence, or NULL */
};

/* Every code that there is, for formats that list them; ends with a NULL code. */
extern const struct problem_rule {
	const char *code;
	enum severity severity;
	const char *says, *help; /* sentences */
} problem_rules[];

/* At most PROBLEMS_MAX are kept; `dropped` counts the rest. */
enum { PROBLEMS_MAX = 200 };
struct problems {
	struct arena *arena;
	struct problem *v;
	size_t n, cap, dropped, errors;
	bool values_may_lack; /* a variable without a value is a warning (lint), not an error */
};

void problems_init(struct problems *, struct arena *);
void problem_add(struct problems *, enum severity, struct where, const char *code, const char *hint,
                 const char *fmt, ...) printf_like(6, 7);
void problems_sort(struct problems *); /* by line, column */

#endif
