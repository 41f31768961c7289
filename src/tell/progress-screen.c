/* The live region of a terminal. */
#include "tell/progress-screen.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "tell/say.h"

enum { SPARK = 24, PROBES = 24, ATTACKS = 16, ROWS = 48, ROW_BYTES = 1024, DRAW_MS = 100 };

struct seen_probe {
	char id[48], of[12], why[120];
	uint64_t looks, misses;
	struct {
		float seconds; /* negative: not timed */
		bool hit;
	} last[SPARK];
	size_t n;
};

struct seen_attack {
	char id[48], fault[48], dose[100];
	bool in, out;
	uint64_t in_t, out_t;
};

struct screen {
	FILE *to;
	bool colour, utf8;
	char title[120], phase[24];
	uint64_t until_t, t0_boot_ns; /* t0: boot time of "t" 0 */
	uint64_t drawn_ns;
	size_t widths[ROWS], rows; /* as drawn, to know how many lines they take now */
	struct seen_probe probes[PROBES];
	size_t probes_n;
	struct seen_attack attacks[ATTACKS];
	size_t attacks_n;
};

static bool locale_is_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *v = getenv(names[i]);
		if (v && v[0])
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return false;
}

struct screen *screen_new(FILE *to, bool colour, const struct experiment *x)
{
	struct screen *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->to = to;
	s->colour = colour;
	s->utf8 = locale_is_utf8();
	struct buf title;
	buf_init(&title, s->title, sizeof(s->title));
	say_text(&title, x && x->title ? x->title : "");
	return s;
}

void screen_free(struct screen *s)
{
	free(s);
}

/* What is told */

static uint64_t time_of(const json_t *e, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(e, key));
}

static void told_look(struct screen *s, const json_t *e)
{
	const char *id = say_member(e, "probe");
	struct seen_probe *p = NULL;
	for (size_t i = 0; i < s->probes_n && !p; i++)
		if (!strncmp(s->probes[i].id, id, sizeof(p->id) - 1))
			p = &s->probes[i];
	if (!p && s->probes_n == PROBES)
		return;
	if (!p) {
		p = &s->probes[s->probes_n++];
		(void)text_copy(p->id, sizeof(p->id), id);
		(void)text_copy(p->of, sizeof(p->of), say_member(e, "of"));
	}
	bool hit = json_is_true(json_object_get(e, "hit"));
	const json_t *seconds = json_object_get(e, "seconds");
	p->looks++;
	p->misses += !hit;
	if (p->n == SPARK)
		memmove(p->last, p->last + 1, sizeof(p->last) - sizeof(p->last[0]));
	else
		p->n++;
	p->last[p->n - 1].seconds =
	        json_is_number(seconds) ? (float)json_number_value(seconds) : -1;
	p->last[p->n - 1].hit = hit;
	struct buf why;
	buf_init(&why, p->why, sizeof(p->why));
	if (!hit)
		say_text(&why, say_member(e, say_member(e, "why")[0] ? "why" : "error"));
}

static struct seen_attack *attack_of(struct screen *s, const json_t *e)
{
	const char *id = say_member(e, "attack");
	for (size_t i = 0; i < s->attacks_n; i++)
		if (!strncmp(s->attacks[i].id, id, sizeof(s->attacks[i].id) - 1))
			return &s->attacks[i];
	if (s->attacks_n == ATTACKS)
		return NULL;
	struct seen_attack *a = &s->attacks[s->attacks_n++];
	(void)text_copy(a->id, sizeof(a->id), id);
	(void)text_copy(a->fault, sizeof(a->fault), say_member(e, "fault"));
	return a;
}

void screen_told(struct screen *s, const json_t *e)
{
	const char *type = say_member(e, "type");
	if (!s->t0_boot_ns)
		s->t0_boot_ns = clock_boot_ns() - time_of(e, "t");
	if (!strcmp(type, "look")) {
		told_look(s, e);
	} else if (!strcmp(type, "phase")) {
		(void)text_copy(s->phase, sizeof(s->phase), say_member(e, "phase"));
		s->until_t = time_of(e, "until");
	} else if (!strcmp(type, "attack-in") || !strcmp(type, "attack-out") ||
	           !strcmp(type, "dose")) {
		struct seen_attack *a = attack_of(s, e);
		if (!a)
			return;
		if (!strcmp(type, "dose")) {
			struct buf dose;
			buf_init(&dose, a->dose, sizeof(a->dose));
			say_text(&dose, json_is_true(json_object_get(e, "no-effect"))
			                        ? "no effect"
			                        : say_member(e, "achieved"));
		} else if (!strcmp(type, "attack-in")) {
			if (!a->in)
				a->in_t = time_of(e, "t");
			a->in = true;
			a->out = false;
		} else {
			a->out = true;
			a->out_t = time_of(e, "t");
		}
	}
}

/* Drawing */

struct rows {
	char text[ROWS][ROW_BYTES];
	struct buf row[ROWS];
	size_t n;
};

static struct buf *row_new(struct rows *rows, size_t most)
{
	if (rows->n >= most)
		return NULL;
	struct buf *row = &rows->row[rows->n];
	buf_init(row, rows->text[rows->n], ROW_BYTES);
	rows->n++;
	return row;
}

static void colour(const struct screen *s, struct buf *row, const char *code)
{
	if (s->colour)
		buf_add(row, code);
}

static void spark(const struct screen *s, struct buf *row, const struct seen_probe *p)
{
	static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const plain[] = {"_", ".", ".", "-", "-", "=", "=", "#"};
	float most = 0;
	for (size_t i = 0; i < p->n; i++)
		if (p->last[i].seconds > most)
			most = p->last[i].seconds;
	for (size_t i = 0; i < p->n; i++) {
		if (!p->last[i].hit) {
			colour(s, row, "\033[31m");
			buf_add(row, s->utf8 ? "×" : "x");
			colour(s, row, "\033[0m");
			continue;
		}
		size_t height = most > 0 && p->last[i].seconds > 0
		                        ? (size_t)(p->last[i].seconds / most * 7.0f)
		                        : 0;
		buf_add(row, s->utf8 ? blocks[height] : plain[height]);
	}
	for (size_t i = p->n; i < SPARK; i++)
		buf_addc(row, ' ');
}

static void row_phase(const struct screen *s, struct rows *rows, size_t most, uint64_t t)
{
	struct buf *row = row_new(rows, most);
	if (!row)
		return;
	colour(s, row, "\033[1m");
	buf_addf(row, "%-9s", s->phase);
	colour(s, row, "\033[0m");
	if (s->until_t > t) {
		uint64_t left = (s->until_t - t) / NS_PER_S;
		buf_addf(row, " %llu:%02llu left at most", (unsigned long long)(left / 60),
		         (unsigned long long)(left % 60));
	}
	if (s->title[0])
		buf_addf(row, "  %s", s->title);
}

static void row_attack(const struct screen *s, struct rows *rows, size_t most,
                       const struct seen_attack *a, const json_t *targets, uint64_t t)
{
	struct buf *row = a->in ? row_new(rows, most) : NULL;
	if (!row)
		return;
	colour(s, row, a->out ? "\033[2m" : "\033[33m");
	buf_addf(row, "  %-14s %-12s %s ", a->id, a->fault, a->out ? "was in" : "in for");
	uint64_t end = a->out ? a->out_t : t;
	say_seconds(row, end > a->in_t ? (double)(end - a->in_t) / 1e9 : 0);
	buf_add(row, "  ");
	say_targets(row, targets, a->id);
	if (a->dose[0])
		buf_addf(row, "  dose: %s", a->dose);
	colour(s, row, "\033[0m");
}

static void row_probe(const struct screen *s, struct rows *rows, size_t most,
                      const struct seen_probe *p)
{
	struct buf *row = row_new(rows, most);
	if (!row)
		return;
	buf_addf(row, "  %-14s ", p->id);
	spark(s, row, p);
	buf_addc(row, ' ');
	float seconds = p->last[p->n - 1].seconds;
	BUF(value, 24);
	if (seconds >= 0)
		say_seconds(&value, (double)seconds);
	buf_addf(row, "%8s  ", value.data);
	if (p->misses)
		colour(s, row, "\033[31m");
	buf_addf(row, "%llu of %llu missed", (unsigned long long)p->misses,
	         (unsigned long long)p->looks);
	if (p->misses)
		colour(s, row, "\033[0m");
	if (p->why[0])
		buf_addf(row, "  %s", p->why);
}

static struct winsize size_of(FILE *to)
{
	struct winsize w = {0};
	if (ioctl(fileno(to), TIOCGWINSZ, &w) < 0 || !w.ws_col || !w.ws_row)
		w = (struct winsize){.ws_row = 24, .ws_col = 80};
	return w;
}

void screen_erase(struct screen *s)
{
	if (!s->rows)
		return;
	/* A narrower terminal has wrapped what was drawn. */
	size_t width = size_of(s->to).ws_col, lines = 0;
	for (size_t i = 0; i < s->rows; i++)
		lines += s->widths[i] ? (s->widths[i] + width - 1) / width : 1;
	fprintf(s->to, "\r\033[%zuA\033[J", lines);
	s->rows = 0;
	s->drawn_ns = 0;
}

void screen_draw(struct screen *s, const json_t *targets, uint64_t boot_ns, bool now)
{
	if (!now && s->drawn_ns && boot_ns - s->drawn_ns < DRAW_MS * NS_PER_MS)
		return;
	_cleanup_free_ struct rows *rows = malloc(sizeof(*rows));
	if (!rows)
		return;
	rows->n = 0;
	struct winsize size = size_of(s->to);
	size_t most = size.ws_row > 2 ? size.ws_row - 2u : 1;
	if (most > ROWS)
		most = ROWS;
	uint64_t t = boot_ns > s->t0_boot_ns ? boot_ns - s->t0_boot_ns : 0;
	row_phase(s, rows, most, t);
	for (size_t i = 0; i < s->attacks_n; i++)
		row_attack(s, rows, most, &s->attacks[i], targets, t);
	for (size_t i = 0; i < s->probes_n; i++)
		row_probe(s, rows, most, &s->probes[i]);
	screen_erase(s);
	for (size_t i = 0; i < rows->n; i++) {
		/* The last column is left free: a full row makes some terminals wrap. */
		s->widths[i] = say_fit(&rows->row[i], size.ws_col > 1 ? size.ws_col - 1u : 1);
		fprintf(s->to, "%s%s\n", rows->row[i].data, s->colour ? "\033[0m" : "");
	}
	s->rows = rows->n;
	s->drawn_ns = boot_ns;
	fflush(s->to);
}
