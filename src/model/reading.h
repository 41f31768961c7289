/*
 * reading.h - small readers for the parts of an experiment file. Inside model/ only.
 *
 * Owns nothing: results live in the experiment's arena. Invariants: what is wrong is added to the
 * problems, once, and reading goes on with the default, so that one look finds every problem. Not
 * to be assumed: that what was read is usable while there are errors.
 */
#ifndef SQUALL_MODEL_READING_H
#define SQUALL_MODEL_READING_H

#include "base/quantity.h"
#include "model/experiment.h"
#include "model/key.h"

struct reading {
	struct experiment *x;
	struct arena *arena;
	struct problems *problems;
	const struct catalogue *catalogue;
	struct stem { /* how many ids were made of a word */
		const char *stem;
		size_t n;
	} * stems;
	size_t stems_n, stems_cap, unbuilt_cap, secrets_cap;
	bool no_memory;
};

/* From the arena; NULL sets no_memory, which ends the reading with one problem. */
void *reading_alloc(struct reading *, size_t n) must_use;

#define PROBLEM(r, at, code, hint, ...) \
	problem_add((r)->problems, PROBLEM_ERROR, at, code, hint, __VA_ARGS__)

/* The nearest of the known words, or NULL; not looked for once the problems are too many to keep,
 * so that a file of nothing but mistakes is read as fast as another. */
const char *word_nearest(const struct problems *, const char *word, const char *const *known);
/* "Did you mean …?", or the known words when none is near. May be NULL. */
const char *hint_nearest(struct problems *, const char *word, const char *const *known);
/* The words of "a|b|c" as a NULL-terminated list. */
const char *const *words_split(struct arena *, const char *choices);
/* "a map", "a list", "a text", "nothing". */
const char *node_says(const struct node *);

bool map_wanted(struct reading *, const struct node *, const char *what);
bool list_wanted(struct reading *, const struct node *, const char *what);
/* Every key of the map must be one of `known`. */
void keys_check(struct reading *, const struct node *map, const struct key *known);
/* Their names, NULL-terminated, for hints. */
const char *const *keys_names(struct arena *, const struct key *);
/* The place of a key's value, for problems. */
struct where key_at(const struct node *map, const char *key);

/* Each returns false when the key is absent or wrong (then a problem was added), and leaves *out.
 * A scalar only. */
bool get_text(struct reading *, const struct node *map, const char *key, const char **out);
bool get_quantity(struct reading *, const struct node *map, const char *key, enum quantity_kind,
                  uint64_t *out);
/* A duration that is not 0. */
bool get_time(struct reading *, const struct node *map, const char *key, uint64_t *ns);
/* A share of at most 100%. */
bool get_part(struct reading *, const struct node *map, const char *key, uint64_t *ppm);
/* Index of the word in `words`. */
bool get_word(struct reading *, const struct node *map, const char *key, const char *const *words,
              size_t *index);
bool scalar_quantity(struct reading *, const struct node *, const char *what, enum quantity_kind,
                     uint64_t *out);
bool scalar_wanted(struct reading *, const struct node *, const char *what);

/* The entry's id, or one made of the stem and a number. */
const char *id_read(struct reading *, const struct node *map, const char *stem);

void unbuilt_add(struct reading *, struct where, const char *fmt, ...) printf_like(3, 4);

/* vars.c: the declared variables with their values, then the whole file with ${…} replaced. */
void vars_read(struct reading *, const struct node *root, const struct var_override *, size_t n);
const struct node *values_put(struct reading *, const struct node *root);
void vars_free(struct vars *);
/* An array that owns the documents (PARAM_DOC) that calls borrow. */
json_t *vars_documents(struct vars *);
struct vars *vars_new(struct arena *);

/* call.c: one use of a kind. `value`: what stands under the probe's name (a map of parameters, or
 * one value for the first positional parameter). */
enum call_of { CALL_FAULT, CALL_PROBE, CALL_ACTION };
/* Known to the format, though perhaps not built. */
bool call_known(const struct reading *, enum call_of, const char *name);
/* The names that the format knows and a table may not have yet; NULL-terminated. */
const char *const *call_later(enum call_of);
/* All known names, for hints; NULL-terminated. */
const char *const *call_names(struct reading *, enum call_of);
void call_read(struct reading *, enum call_of, const char *name, struct where at,
               const struct node *value, const char *whose, struct call *);

/* bind.c */
const struct param *param_find(const struct kind *, const char *name);
void param_unknown(const struct kind *, const struct node_item *, struct problems *);
const struct node *call_map(struct arena *, const struct kind *, const struct node *value);
/* Finds the ramp, checks it. Returns the number of levels. */
size_t ramp_read(struct reading *, const struct kind *, const struct node *map, const char **param,
                 uint64_t *hold_ns);
void *params_bind(const struct kind *, const struct node *map, size_t level, struct where at,
                  struct arena *, json_t *documents, struct problems *);

/* The texts of the command line as the map that a file would have held; NULL: no memory. */
const struct node *texts_map(const struct kind *, const struct var_override *texts, size_t n,
                             struct arena *, struct problems *);

/* selector.c */
void selector_read(struct reading *, const struct node *, const struct kind *, struct selector *);
bool pick_parse(const char *text, struct pick *);
int selector_finish(struct selector *, struct arena *);
bool selector_fits(const struct selector *, const struct kind *, struct problems *);

/* hypothesis.c, abort.c, method.c, head.c: a section each. */
void head_read(struct reading *, const struct node *root);
void ending_read(struct reading *, const struct node *root);
void hypothesis_read(struct reading *, const struct node *root);
void aborts_read(struct reading *, const struct node *root);
void method_read(struct reading *, const struct node *root);
/* Sets max_duration_ns to what the method takes, 60 s for each action, and 30 s more. */
void deadline_default(struct experiment *);
void secret_add(struct reading *, const char *value);
/* document.c: the file as it was written, secrets masked. */
json_t *file_document(const struct experiment *, const struct node *root);

#endif
