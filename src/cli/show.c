/* Prints errors, tables and wrapped text for people. */
#include "cli/show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRAP_LEAST = 16 };

const char *tone_on(bool on, enum tone tone)
{
	static const char *const codes[] = {"",         "\033[32m", "\033[31m",
	                                    "\033[33m", "\033[2m",  "\033[1m"};

	return on ? codes[tone] : "";
}

const char *tone_off(bool on, enum tone tone)
{
	return on && tone != TONE_PLAIN ? "\033[0m" : "";
}

/* Length of the character at s; *shown: it may go to a terminal as it is. C1 controls (U+0080 to
 * U+009F) are commands to some terminals; so is any byte that is not UTF-8. */
static size_t character(const unsigned char *s, bool *shown)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;

	*shown = n == 1 ? s[0] >= 0x20 && s[0] != 0x7f : n > 1;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			*shown = false;
	if (n == 2 && s[0] == 0xc2 && s[1] < 0xa0)
		*shown = false;
	return *shown ? n : 1;
}

void show_text(FILE *to, const char *text, bool lines)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		bool shown;
		size_t n = character(s, &shown);

		if (shown || (lines && *s == '\n'))
			fwrite(s, 1, n, to);
		else
			fprintf(to, "\\x%02x", *s);
		s += n;
	}
}

size_t show_width(const char *text)
{
	size_t width = 0;

	for (const unsigned char *s = (const unsigned char *)text; *s;) {
		bool shown;

		s += character(s, &shown);
		width += shown ? 1 : 4;
	}
	return width;
}

enum exit_code show_err(const struct err *err, enum exit_code code)
{
	bool on = isatty(STDERR_FILENO) && !getenv("NO_COLOR");

	fflush(stdout);
	fprintf(stderr, "%ssquall:%s ", tone_on(on, TONE_BAD), tone_off(on, TONE_BAD));
	show_text(stderr, err->what[0] ? err->what : err_text(-err->code), false);
	fputc('\n', stderr);
	if (err->hint[0]) {
		fprintf(stderr, "%shint:%s ", tone_on(on, TONE_DIM), tone_off(on, TONE_DIM));
		show_text(stderr, err->hint, false);
		fputc('\n', stderr);
	}
	return code;
}

enum exit_code exit_of(int code)
{
	switch (code) {
	case -EINVAL:
		return EXIT_USAGE;
	case -EPERM:
	case -EBUSY:
		return EXIT_REFUSED;
	case -ENOSYS:
	case -EOPNOTSUPP:
		return EXIT_CANNOT;
	default:
		return EXIT_BROKEN;
	}
}

void show_problems(FILE *to, bool colour, const char *path, const struct problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *p = &problems->v[i];
		bool bad = p->severity == PROBLEM_ERROR;
		enum tone tone = bad ? TONE_BAD : TONE_WARN;

		show_text(to, path, false);
		if (p->at.line)
			fprintf(to, ":%u:%u", p->at.line, p->at.col);
		fprintf(to, ": %s%s:%s ", tone_on(colour, tone), bad ? "error" : "warning",
		        tone_off(colour, tone));
		show_text(to, p->text, false);
		fputc('\n', to);
		if (p->hint) {
			fputs("  hint: ", to);
			show_text(to, p->hint, false);
			fputc('\n', to);
		}
	}
	if (problems->dropped)
		fprintf(to, "and %zu more\n", problems->dropped);
}

enum exit_code show_params_problems(const struct cli *cli, const char *command,
                                    const struct problems *problems)
{
	struct err err = ERR_INIT;
	const struct problem *p = problems->n ? &problems->v[0] : NULL;

	for (size_t i = 0; i < problems->n; i++)
		if (problems->v[i].severity == PROBLEM_ERROR) {
			p = &problems->v[i];
			break;
		}
	(void)err_set(&err, -EINVAL, "%s", p ? p->text : "could not read the parameters");
	if (p && p->hint)
		(void)err_hint(&err, -EINVAL, "%s", p->hint);
	else
		(void)err_hint(&err, -EINVAL, "\"squall %s%s%s --help\" shows the usage.", command,
		               cli->sub ? " " : "", cli->sub ? cli->sub->name : "");
	return show_err(&err, EXIT_USAGE);
}

void show_json(json_t *doc, bool line)
{
	if (doc) {
		json_dumpf(doc, stdout,
		           JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) |
		                   (line ? JSON_COMPACT : (size_t)JSON_INDENT(2)));
		fputc('\n', stdout);
	}
	fflush(stdout);
	json_decref(doc);
}

void table_init(struct table *t, struct arena *arena, size_t columns, size_t indent)
{
	*t = (struct table){.arena = arena, .columns = columns, .indent = indent};
}

void table_add(struct table *t, const char *const *cells)
{
	struct table_row *rows = arena_grow(t->arena, t->rows, t->n, &t->cap, sizeof(*rows));

	if (!rows)
		return;
	t->rows = rows;
	rows[t->n] = (struct table_row){0};
	for (size_t i = 0; i < t->columns; i++)
		rows[t->n].cell[i] = cells[i] ? cells[i] : "";
	t->n++;
}

void table_tone(struct table *t, size_t column, enum tone tone)
{
	if (t->n)
		t->rows[t->n - 1].tone[column] = tone;
}

static void spaces(FILE *to, size_t n)
{
	while (n--)
		fputc(' ', to);
}

/* Writes the text from column `at` on, going on in that column when a line is full. */
static void wrapped(FILE *to, const char *text, size_t at, size_t width)
{
	size_t col = at;

	while (*text) {
		size_t n = strcspn(text, " \n");
		char *word = strndup(text, n);
		size_t w = word ? show_width(word) : 0;

		if (col > at && width && col + 1 + w > width) {
			fputc('\n', to);
			spaces(to, at);
			col = at;
		} else if (col > at) {
			fputc(' ', to);
			col++;
		}
		if (word)
			show_text(to, word, false);
		free(word);
		col += w;
		text += n;
		while (*text == ' ' || *text == '\n') {
			if (text[0] == '\n' && text[1] == '\n') {
				fputs("\n\n", to);
				spaces(to, at);
				col = at;
				text++;
			}
			text++;
		}
	}
}

void table_print(const struct table *t, FILE *to, bool colour)
{
	size_t width[TABLE_COLUMNS] = {0};

	for (size_t r = 0; r < t->n; r++)
		for (size_t c = 0; c < t->columns; c++) {
			size_t w = show_width(t->rows[r].cell[c]);

			if (w > width[c])
				width[c] = w;
		}
	for (size_t r = 0; r < t->n; r++) {
		const struct table_row *row = &t->rows[r];
		size_t last = t->columns, at = t->indent, used = at;

		while (last > 0 && !row->cell[last - 1][0])
			last--;
		spaces(to, last ? t->indent : 0);
		for (size_t c = 0; c < last; c++) {
			enum tone tone = t->head && r == 0 ? TONE_DIM : row->tone[c];

			spaces(to, at - used);
			fputs(tone_on(colour, tone), to);
			/* A column too narrow to wrap in is better left to the terminal. */
			if (c + 1 == t->columns && t->wrap >= at + WRAP_LEAST)
				wrapped(to, row->cell[c], at, t->wrap);
			else
				show_text(to, row->cell[c], false);
			fputs(tone_off(colour, tone), to);
			used = at + show_width(row->cell[c]);
			at += width[c] + 2;
		}
		fputc('\n', to);
	}
}

void show_wrapped(FILE *to, const char *text, size_t indent, size_t width)
{
	spaces(to, indent);
	wrapped(to, text, indent, width);
	fputc('\n', to);
}

const char *plural(size_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}
