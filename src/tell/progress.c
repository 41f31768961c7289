/* A run as it happens: plain lines, or JSON lines, or lines above a live region. */
#include "tell/progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "tell/progress-screen.h"
#include "tell/say.h"

struct progress {
	FILE *to;
	enum progress_style style;
	bool colour;
	json_t *targets;       /* the "targets" entries seen */
	struct screen *screen; /* live only */
	uint64_t wall_ns;      /* of "t" 0; 0: not known yet */
	struct {
		char id[64];
		bool missing;
		uint64_t told_ns; /* "t" of its last line */
	} probes[64];             /* plain: to tell the change, not each look */
	size_t probes_n;
};

enum progress_style progress_style_of(int fd)
{
	const char *term = getenv("TERM");
	return isatty(fd) && term && term[0] && strcmp(term, "dumb") ? PROGRESS_LIVE
	                                                             : PROGRESS_PLAIN;
}

bool progress_colour_of(int fd)
{
	const char *no = getenv("NO_COLOR");
	return progress_style_of(fd) == PROGRESS_LIVE && !(no && no[0]);
}

struct progress *progress_new(FILE *to, enum progress_style style, bool colour,
                              const struct experiment *x)
{
	struct progress *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->to = to;
	p->style = style;
	p->colour = colour;
	p->targets = json_array();
	if (style == PROGRESS_LIVE)
		p->screen = screen_new(to, colour, x);
	if (!p->targets || (style == PROGRESS_LIVE && !p->screen)) {
		progress_free(p);
		return NULL;
	}
	return p;
}

/* A probe that flickers is told once in this time. */
enum { LOOK_LINE_NS = NS_PER_S };

/* A probe's look is worth a line when it begins or ceases to miss. */
static const char *say_look(struct progress *p, const json_t *e, struct buf *to,
                            enum say_tone *tone)
{
	const char *id = say_member(e, "probe");
	bool hit = json_is_true(json_object_get(e, "hit"));
	size_t i = 0;
	while (i < p->probes_n && strcmp(p->probes[i].id, id))
		i++;
	if (i == ARRAY_SIZE(p->probes))
		return NULL;
	if (i == p->probes_n) {
		(void)text_copy(p->probes[i].id, sizeof(p->probes[i].id), id);
		p->probes[i].missing = false;
		p->probes_n++;
	}
	uint64_t t = (uint64_t)json_integer_value(json_object_get(e, "t"));
	if (p->probes[i].missing == !hit ||
	    (p->probes[i].told_ns && t < p->probes[i].told_ns + LOOK_LINE_NS))
		return NULL;
	p->probes[i].missing = !hit;
	p->probes[i].told_ns = t;
	say_text(to, id);
	*tone = hit ? SAY_GOOD : SAY_BAD;
	const char *why = say_member(e, "error")[0] ? say_member(e, "error") : say_member(e, "why");
	buf_add(to, hit ? " is as expected again" : " misses");
	if (!hit && why[0]) {
		buf_add(to, ": ");
		say_text(to, why);
	}
	return "probe";
}

static void line_put(struct progress *p, const json_t *e)
{
	static const char *const colours[] = {[SAY_PLAIN] = "",
	                                      [SAY_GOOD] = "\033[32m",
	                                      [SAY_BAD] = "\033[31m",
	                                      [SAY_WARN] = "\033[33m",
	                                      [SAY_QUIET] = "\033[2m"};
	BUF(text, 2048);
	enum say_tone tone = SAY_PLAIN;
	/* The command tells it on standard error. */
	if (!strcmp(say_member(e, "type"), "refused"))
		return;
	const char *word = !strcmp(say_member(e, "type"), "look")
	                           ? say_look(p, e, &text, &tone)
	                           : say_entry(e, p->targets, &text, &tone);
	/* A terminal shows what is in effect by itself. */
	if (!word || (p->style == PROGRESS_LIVE && tone == SAY_QUIET))
		return;
	uint64_t t = (uint64_t)json_integer_value(json_object_get(e, "t"));
	if (!p->wall_ns)
		p->wall_ns = clock_wall_ns() - t;
	BUF(at, 40);
	clock_format_wall(&at, p->wall_ns + t);
	if (p->screen)
		screen_erase(p->screen);
	/* 2026-11-22T21:00:00.123Z: the time of day is enough here. */
	fprintf(p->to, "%.12s %s%-8s %s%s\n", at.len > 11 ? at.data + 11 : at.data,
	        p->colour ? colours[tone] : "", word, text.data, p->colour ? "\033[0m" : "");
	if (say_member(e, "hint")[0]) {
		buf_reset(&text);
		say_text(&text, say_member(e, "hint"));
		fprintf(p->to, "%21s %s\n", "", text.data);
	}
	fflush(p->to);
}

void progress_told(void *ctx, const json_t *e)
{
	struct progress *p = ctx;
	if (p->style == PROGRESS_JSON) {
		json_dumpf(e, p->to, JSON_COMPACT | JSON_ENSURE_ASCII);
		fputc('\n', p->to);
		fflush(p->to);
		return;
	}
	if (!strcmp(say_member(e, "type"), "targets"))
		json_array_append(p->targets, (json_t *)e);
	if (p->screen)
		screen_told(p->screen, e);
	line_put(p, e);
	if (p->screen)
		screen_draw(p->screen, p->targets, clock_boot_ns(), false);
}

void progress_tick(void *ctx, uint64_t now_boot_ns)
{
	struct progress *p = ctx;
	if (p->screen)
		screen_draw(p->screen, p->targets, now_boot_ns, false);
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	if (p->screen) {
		screen_draw(p->screen, p->targets, clock_boot_ns(), true);
		screen_free(p->screen);
	}
	json_decref(p->targets);
	free(p);
}
