/* custom.c - a state that commands bring about, take back and look at. */
#include "step/custom.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/errand.h"
#include "base/commands.h"
#include "base/hash.h"
#include "base/paths.h"
#include "step/custom-run.h"

#define IN_EFFECT "in effect"
#define NOT_IN_EFFECT "not in effect"
/* Only undo takes these for done with: */
#define APPLIED_UNSEEN "applied, not in effect"
#define UNKNOWN "unknown"

enum { CHECK_IN = 0, CHECK_OUT = 1 };

bool custom_name_is(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n && n <= CUSTOM_NAME && !name[n] && !strchr("._-", name[0]);
}

/* The commands */

static int stash_read(const struct hold *h, const char *hex, char **text, struct err *err)
{
	_cleanup_free_ char *data = NULL;
	char got[SHA256_HEX];
	size_t n = 0;
	_cleanup_fd_ int fd = -1;
	int r;

	if (strlen(hex) != SHA256_HEX - 1 || strspn(hex, "0123456789abcdef") != SHA256_HEX - 1)
		return err_set(err, -EINVAL, "\"@%.70s\" names no commands", hex);
	/* these will be executed: nobody else may have written them */
	fd = file_open_owned(h->stash, hex, O_RDONLY, geteuid(), err);
	if (fd < 0)
		return err_set(err, fd, "the commands in the stash are not to be trusted");
	r = file_take(h->stash, hex, COMMANDS_TEXT, &data, &n, err);
	if (r < 0)
		return r;
	sha256_text(data, n, got);
	if (strcmp(got, hex) != 0 || strlen(data) + 1 != n)
		return err_set(err, -EBADMSG, "the commands in the stash are damaged: \"%s\"", hex);
	*text = data;
	data = NULL;
	return 0;
}

/* Of what is wanted the commands are known, whichever process this is. */
static int commands_load(const struct hold *h, const char *claim, struct custom *c, struct err *err)
{
	_cleanup_free_ char *text = NULL, *both = NULL;
	size_t n;
	int r = 0;

	if (claim[0] == '@')
		r = stash_read(h, claim + 1, &text, err);
	else
		text = strdup(claim);
	if (r < 0)
		return r;
	n = text ? strlen(text) + 1 : 0;
	both = text ? malloc(2 * n) : NULL;
	if (!both)
		return err_set(err, -ENOMEM, "no memory for the commands");
	memcpy(both, text, n);
	r = commands_parse(both, both + n, &c->commands, err);
	if (r < 0)
		return r;
	text_copy(c->claim, sizeof(c->claim), claim);
	free(c->text);
	c->text = both;
	both = NULL;
	return 0;
}

static int commands_find(const struct commands *c, struct err *err)
{
	const char *const *all[] = {c->apply, c->undo, c->check};
	const char *path = ERRAND_PATH;
	int r = 0;

	for (const char *const *e = c->env; *e; e++)
		if (strncmp(*e, "PATH=", 5) == 0)
			path = *e + 5;
	for (size_t i = 0; i < ARRAY_SIZE(all) && r == 0; i++)
		/* a relative path depends on the folder it is run in, which exec will tell */
		if (all[i][0] && (all[i][0][0] == '/' || !strchr(all[i][0], '/')))
			r = errand_find(all[i][0], path, err);
	return r;
}

/* The step type */

static int custom_look(struct hold *h, const char *object, struct buf *state, struct err *err)
{
	const struct custom *c = h->own;
	struct errand_end end = {.exit = CHECK_OUT};
	int r;

	if (!c->commands.check[0])
		end.exit = c->applied ? CHECK_IN : CHECK_OUT;
	else if (h->reverting && c->applied) /* undo is run, whatever check would say */
		end.exit = -1;
	else if ((r = custom_ask(h, object, "check", &end, err)) < 0)
		return r;
	if (end.called_off)
		return custom_end_tell("check", object, &end, err);
	buf_reset(state);
	if (!end.failed && end.exit == CHECK_IN)
		buf_add(state, IN_EFFECT);
	else if (!end.failed && end.exit == CHECK_OUT)
		buf_add(state, c->applied ? APPLIED_UNSEEN : NOT_IN_EFFECT);
	else if (!c->applied)
		return custom_end_tell("check", object, &end, err);
	else
		buf_add(state, UNKNOWN);
	if (end.out[0])
		buf_addf(state, ": %s", end.out);
	return 0;
}

static int custom_get(const struct world *w, const char *object, struct buf *state, struct err *err)
{
	return err_set(err, -EOPNOTSUPP, "check is not run before the run is armed");
}

static int custom_open(struct hold *h, const char *object, struct err *err)
{
	struct custom *c = calloc(1, sizeof(*c));
	BUF(state, STATE_MAX);
	int r;

	if (!c)
		return err_set(err, -ENOMEM, "no memory for the commands of \"%s\"", object);
	c->applied = h->applied != APPLIED_NOT;
	h->own = c;
	r = commands_load(h, h->claim ? h->claim : "", c, err);
	/* Whoever cannot start a hand only puts back. */
	if (r == 0 && h->spawn)
		r = commands_find(&c->commands, err);
	if (r == 0 && h->spawn)
		r = custom_hand_start(h, object, c, err);
	/* a check that cannot tell now could not tell later whether all is back */
	if (r == 0 && h->spawn)
		r = custom_look(h, object, &state, err);
	if (r < 0) {
		custom_hand_end(h);
		free(c->text);
		free(c);
		h->own = NULL;
	}
	return r;
}

static void custom_close(struct hold *h)
{
	struct custom *c = h->own;

	custom_hand_end(h);
	if (c)
		free(c->text);
	free(c);
	h->own = NULL;
}

static bool is(const char *state, const char *head)
{
	size_t n = strlen(head);

	return strncmp(state, head, n) == 0 && (!state[n] || state[n] == ':');
}

static int custom_apply(struct hold *h, const char *object, const char *to, struct buf *landed,
                        struct err *err)
{
	struct custom *c = h->own;
	struct errand_end end;
	int r = 0;

	/* another attack of this run, with other commands */
	if (strcmp(c->claim, to) != 0) {
		r = commands_load(h, to, c, err);
		if (r == 0 && h->spawn) {
			custom_hand_end(h);
			r = custom_hand_start(h, object, c, err);
		}
	}
	if (r < 0)
		return r;
	c->applied = true;
	r = custom_ask(h, object, "apply", &end, err);
	if (r < 0)
		return r;
	BOUNDARY("custom: apply has ended");
	if (end.failed || end.exit != 0)
		return custom_end_tell("apply", object, &end, err);
	return custom_look(h, object, landed, err);
}

static int custom_undo(struct hold *h, const char *object, struct buf *landed, struct err *err)
{
	struct custom *c = h->own;
	struct errand_end end;
	int r;

	if (h->holder.sock < 0 && h->applied == APPLIED_MAYBE)
		custom_stragglers_end(h, object);
	BOUNDARY("custom: before undo");
	r = custom_ask(h, object, "undo", &end, err);
	BOUNDARY("custom: undo has ended");
	if (r < 0)
		return r;
	if (end.failed || end.exit != 0)
		return custom_end_tell("undo", object, &end, err);
	c->applied = false;
	r = custom_look(h, object, landed, err);
	if (r == 0 && is(landed->data, NOT_IN_EFFECT))
		return 0;
	c->applied = true;
	return r < 0 ? err_wrap(err, r, "undo ended with status 0, but")
	             : err_set(err, -EIO, "undo ended with status 0, but check says \"%s\"",
	                       landed->data);
}

static int custom_set(struct hold *h, const char *object, const char *now, const char *to,
                      struct buf *landed, struct err *err)
{
	struct custom *c = h->own;
	int r = BOUNDARY_FAIL("set custom");

	if (r < 0)
		return err_sys(err, -r, "could not run the commands of \"%s\"", object);
	if (is(to, NOT_IN_EFFECT))
		return custom_undo(h, object, landed, err);
	if (is(to, IN_EFFECT)) /* it was there before the run: nothing of it is taken away */
		return custom_look(h, object, landed, err);
	c->stops = true;
	r = custom_apply(h, object, to, landed, err);
	c->stops = false;
	return r;
}

static bool custom_same(const char *want, const char *seen)
{
	if (is(want, NOT_IN_EFFECT) || is(seen, NOT_IN_EFFECT))
		return is(want, NOT_IN_EFFECT) && is(seen, NOT_IN_EFFECT);
	return is(seen, IN_EFFECT) || is(seen, APPLIED_UNSEEN) || is(seen, UNKNOWN);
}

static int custom_meter(const struct hold *h, const char *object, struct counters *to,
                        struct err *err)
{
	struct custom *c = h->own;
	/* who meters owns the hold; check may find the hand gone, which is noted there */
	struct hold *own = (struct hold *)(uintptr_t)h;
	BUF(state, STATE_MAX);
	const char *printed;
	char *end;
	int r;

	c->stops = true;
	r = custom_look(own, object, &state, err);
	c->stops = false;
	if (r < 0)
		return r;
	counters_add(to, "in_effect", is(state.data, IN_EFFECT));
	counters_add(to, "unknown", is(state.data, UNKNOWN));
	counters_add(to, "checked", c->commands.check[0] != NULL);
	printed = strchr(state.data, ':');
	if (printed && printed[2] >= '0' && printed[2] <= '9') {
		unsigned long long number = strtoull(printed + 2, &end, 10);

		if (!*end) {
			counters_add(to, "printed", number);
			counters_add(to, "has_printed", 1);
		}
	}
	return 0;
}

static void custom_by_hand(const char *object, const char *base, const char *claim, struct buf *to)
{
	_cleanup_free_ char *room = strdup(claim);
	struct commands c;

	if (!is(base, NOT_IN_EFFECT))
		return;
	if (!room || claim[0] == '@' || commands_parse(claim, room, &c, NULL) < 0) {
		buf_add(to, "squall undo");
		return;
	}
	if (c.dir) {
		buf_add(to, "cd");
		word_add(to, c.dir);
		buf_add(to, " &&");
	}
	if (c.env[0])
		word_add(to, "env");
	for (const char **e = c.env; *e; e++)
		word_add(to, *e);
	for (const char **w = c.undo; *w; w++)
		word_add(to, *w);
}

const struct step_type step_type_custom = {
        .name = "custom",
        .summary = "a state that commands of yours apply, undo and check",
        .flags = STEP_TIDY,
        .open = custom_open,
        .close = custom_close,
        .get = custom_get,
        .look = custom_look,
        .set = custom_set,
        .meter = custom_meter,
        .same = custom_same,
        .by_hand = custom_by_hand,
};
