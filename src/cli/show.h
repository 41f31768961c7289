/*
 * show.h - what people read: errors, tables, wrapped text, colour.
 *
 * Invariants: nothing that came from outside reaches a terminal as a control character; colour only
 * where the terminal is (NO_COLOR honoured). Errors go to standard error: "squall: what: why", then
 * "hint: …".
 */
#ifndef SQUALL_CLI_SHOW_H
#define SQUALL_CLI_SHOW_H

#include <jansson.h>
#include <stdio.h>

#include "cli/command.h"

enum tone { TONE_PLAIN, TONE_GOOD, TONE_BAD, TONE_WARN, TONE_DIM, TONE_BOLD };

/* Escape sequences, or "" when `on` is false. */
const char *tone_on(bool on, enum tone);
const char *tone_off(bool on, enum tone);
/* Writes text with control characters shown as \xNN (newlines kept when `lines`). */
void show_text(FILE *, const char *text, bool lines);
/* Columns that text takes on a terminal, as show_text writes it. */
size_t show_width(const char *text);

/* Prints the error and returns `code`. */
enum exit_code show_err(const struct err *, enum exit_code code);
/* The exit code for a failure of squall's own, by its errno: -EINVAL is usage, -EPERM and -EBUSY
 * refused, -ENOSYS and -EOPNOTSUPP cannot, the rest broken. */
enum exit_code exit_of(int code);
/* "shop.yaml:3:7: error: unknown key …" and its hint, one per problem. */
void show_problems(FILE *, bool colour, const char *path, const struct problems *);

/* The first problem of parameters from the command line, as an error. Returns EXIT_USAGE. */
enum exit_code show_params_problems(const struct cli *, const char *command,
                                    const struct problems *);

/* JSON to standard output, one value; indented for a person, compact for `line`. Takes the
 * reference. */
void show_json(json_t *, bool line);

/* Rows of cells, the columns as wide as their widest cell; the last one is wrapped at `wrap`
 * columns (0: never). Cells are borrowed until table_print. */
enum { TABLE_COLUMNS = 10 };
struct table {
	struct arena *arena;
	size_t columns, n, cap, indent, wrap;
	struct table_row {
		const char *cell[TABLE_COLUMNS];
		enum tone tone[TABLE_COLUMNS];
	} * rows;
	bool head; /* the first row is a heading */
};
void table_init(struct table *, struct arena *, size_t columns, size_t indent);
/* Starts a row from `columns` texts (NULL: empty). */
void table_add(struct table *, const char *const *cells);
#define TABLE_ADD(t, ...) table_add(t, (const char *const[TABLE_COLUMNS]){__VA_ARGS__})
/* Colours a cell of the row added last. */
void table_tone(struct table *, size_t column, enum tone);
void table_print(const struct table *, FILE *, bool colour);
/* Wraps at `width`, each line indented; paragraphs are kept. */
void show_wrapped(FILE *, const char *text, size_t indent, size_t width);

/* "1 target", "2 targets". */
const char *plural(size_t n, const char *one, const char *many);

#endif
