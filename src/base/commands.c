/* commands.c - shell words, and three commands as one text. */
#include "base/commands.h"

#include <errno.h>
#include <string.h>

#include "base/quantity.h"

/* What means something to a shell and nothing here. */
static bool is_for_a_shell(char c, bool first)
{
	return strchr("|&;<>()$`*?[", c) || (first && (c == '~' || c == '#'));
}

static int refuse(char c, struct err *err)
{
	return err_hint(err, err_set(err, -EINVAL, "\"%c\" means nothing without a shell", c),
	                "Quote it, or name the shell: [sh, -c, \"...\"].");
}

/* The quoted part that begins at s, to its closing quote. */
static int quoted_take(const char **at, char **to, struct err *err)
{
	const char *s = *at;
	char *t = *to, quote = *s++;

	for (; *s && *s != quote; s++) {
		if (quote == '"' && (*s == '$' || *s == '`'))
			return refuse(*s, err);
		if (quote == '"' && *s == '\\' && s[1] && strchr("\"\\$`", s[1]))
			s++;
		*t++ = *s;
	}
	if (!*s)
		return err_set(err, -EINVAL, "a quote (%c) is not closed", quote);
	*at = s + 1;
	*to = t;
	return 0;
}

int word_next(const char **at, char **room, const char **word, bool *quoted, struct err *err)
{
	const char *s = *at + strspn(*at, " \t\n"), *first = s;
	char *t = *room;
	bool any = false;

	if (!*s)
		return 0;
	while (*s && !strchr(" \t\n", *s)) {
		if (*s == '\'' || *s == '"') {
			int r = quoted_take(&s, &t, err);

			if (r < 0)
				return r;
			any = true;
		} else if (*s == '\\') {
			if (!s[1])
				return err_set(err, -EINVAL, "nothing follows the last \"\\\"");
			*t++ = s[1];
			s += 2;
			any = true;
		} else if (is_for_a_shell(*s, s == first)) {
			return refuse(*s, err);
		} else {
			*t++ = *s++;
		}
	}
	*t++ = '\0';
	*word = *room;
	*room = t;
	*at = s;
	if (quoted)
		*quoted = any;
	return 1;
}

void word_add(struct buf *to, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	                            "_./=@%+,-";

	if (to->len)
		buf_addc(to, ' ');
	if (*word && word[strspn(word, plain)] == '\0') {
		buf_add(to, word);
		return;
	}
	buf_addc(to, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			buf_add(to, "'\\''");
		else
			buf_addc(to, *word);
	}
	buf_addc(to, '\'');
}

static void list_format(const char *lead, const char *const *words, struct buf *to)
{
	if (!words[0])
		return;
	if (to->len)
		buf_addc(to, ' ');
	buf_add(to, lead);
	for (; *words; words++)
		word_add(to, *words);
}

void commands_format(const struct commands *c, struct buf *to)
{
	buf_reset(to);
	list_format("apply:", c->apply, to);
	list_format("undo:", c->undo, to);
	list_format("check:", c->check, to);
	list_format("env:", c->env, to);
	list_format("dir:", (const char *const[]){c->dir, NULL}, to);
	buf_add(to, " limit: ");
	duration_format(to, c->limit_ns);
}

int commands_parse(const char *text, char *room, struct commands *c, struct err *err)
{
	static const char *const leads[] = {"apply:", "undo:", "check:", "env:", "dir:", "limit:"};
	struct commands k = {0};
	const char *dir[2] = {NULL}, *limit[2] = {NULL};
	const char **lists[] = {k.apply, k.undo, k.check, k.env, dir, limit};
	size_t used[ARRAY_SIZE(leads)] = {0}, at = ARRAY_SIZE(leads);
	const char *word;
	bool quoted;
	int r;

	while ((r = word_next(&text, &room, &word, &quoted, err)) > 0) {
		size_t lead = 0;

		while (lead < ARRAY_SIZE(leads) && (quoted || strcmp(word, leads[lead]) != 0))
			lead++;
		if (lead < ARRAY_SIZE(leads)) {
			at = lead;
			continue;
		}
		if (at == ARRAY_SIZE(leads))
			return err_set(err, -EINVAL, "\"%.60s\" belongs to no command", word);
		if (used[at] == (at < 4 ? COMMAND_WORDS : 1))
			return err_set(err, -EINVAL, "\"%s\" has too many words", leads[at]);
		lists[at][used[at]++] = word;
	}
	if (r < 0)
		return r;
	if (!k.apply[0] || !k.undo[0] || !limit[0])
		return err_set(err, -EINVAL, "the commands are not whole");
	r = duration_parse(limit[0], &k.limit_ns, err);
	if (r < 0)
		return r;
	k.dir = dir[0];
	*c = k;
	return 0;
}
