/*
 * expect-node.h - a compiled expectation. Inside model/ only: expect-compile.c makes it, expect.c
 * holds a document against it.
 *
 * Owns: the patterns; all else is in the arena. Invariants: a path is dotted; values are in the
 * document's unit (seconds, bytes, a share as part of 1, bits a second).
 */
#ifndef SQUALL_MODEL_EXPECT_NODE_H
#define SQUALL_MODEL_EXPECT_NODE_H

#include "io/regex.h"
#include "model/expect.h"

enum expect_type {
	EXPECT_ALL,
	EXPECT_ANY,
	EXPECT_NOT,     /* one child */
	EXPECT_HAS,     /* one child, held against each element of the list at path */
	EXPECT_COMPARE, /* path op value */
	EXPECT_MATCHES, /* path, regex */
};
enum expect_op { OP_NONE, OP_LT, OP_LE, OP_GT, OP_GE, OP_EQ, OP_NE };
enum value_form {
	VALUE_TEXT,
	VALUE_BOOL,
	VALUE_NUMBER,
	VALUE_SECONDS,
	VALUE_BYTES,
	VALUE_SHARE,
	VALUE_RATE
};

struct expect_value {
	enum value_form form;
	double number;
	bool yes;
	const char *text; /* as written */
};

struct expect_node {
	enum expect_type type;
	const char *path; /* "": the value itself (below `has`) */
	enum field_kind kind;
	enum expect_op op;
	struct expect_value value;
	const struct regex *regex;
	struct expect_node **v;
	size_t n, cap;
};

struct expect {
	struct expect_node *root; /* EXPECT_ALL */
	const char *jq;
	struct regex **regexes;
	size_t regexes_n, regexes_cap;
};

/* As model/reading.h has them. */
const char *word_nearest(const struct problems *, const char *word, const char *const *known);
const char *hint_nearest(struct problems *, const char *word, const char *const *known);

#endif
