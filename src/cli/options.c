/* Splits a command line into the parameters of a command and of the kind that it names. */
#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

struct parse {
	const struct cli_command *command;
	struct arena *arena;
	struct options *out;
	size_t own_cap, with_cap;
	size_t words; /* positional words so far, the sub's name left out */
};

static bool is_many(const struct param *p)
{
	return p->kind == PARAM_LIST || p->kind == PARAM_MAP;
}

static const struct param *param_named(const struct kind *kind, const char *name, size_t n)
{
	for (const struct param *p = kind ? kind->params : NULL; p && p->name; p++)
		if (strlen(p->name) == n && memcmp(p->name, name, n) == 0)
			return p;
	return NULL;
}

/* The i-th positional word belongs to the i-th positional parameter; a list takes all the rest. */
static const struct param *param_at(const struct kind *kind, size_t i)
{
	for (const struct param *p = kind->params; p && p->name; p++) {
		if (!(p->flags & PARAM_POSITIONAL))
			continue;
		if (i == 0 || is_many(p))
			return p;
		i--;
	}
	return NULL;
}

static int add(struct parse *ps, bool own, const struct param *p, const char *value,
               struct err *err)
{
	struct options *o = ps->out;
	struct var_override **list = own ? &o->own : &o->with;
	size_t *n = own ? &o->own_n : &o->with_n;

	for (size_t i = 0; i < *n && !is_many(p); i++)
		if (strcmp((*list)[i].key, p->name) == 0)
			return err_set(err, -EINVAL, "\"--%s\" is given twice", p->name);
	*list = arena_grow(ps->arena, *list, *n, own ? &ps->own_cap : &ps->with_cap,
	                   sizeof(**list));
	if (!*list)
		return err_sys(err, ENOMEM, "could not read the command line");
	(*list)[(*n)++] = (struct var_override){p->name, value};
	return 0;
}

static const char *sub_noun(const struct cli_command *command)
{
	return strcmp(command->sub_word, "FAULT") == 0 ? "fault" : "probe";
}

static size_t names_add(const struct kind *kind, const char **names, size_t n, size_t cap)
{
	for (const struct param *p = kind ? kind->params : NULL; p && p->name && n < cap - 1; p++)
		names[n++] = p->name;
	return n;
}

/* word: with its dashes. */
static int unknown(const struct parse *ps, const char *word, struct err *err)
{
	const struct kind *sub = ps->out->sub;
	const char *command = ps->command->kind.name;
	const char *names[128], *near;
	size_t n = names_add(&ps->command->kind, names, 0, ARRAY_SIZE(names));

	n = names_add(sub, names, n, ARRAY_SIZE(names));
	names[n] = NULL;
	near = text_nearest(word + strspn(word, "-"), names);
	(void)err_set(err, -EINVAL, "unknown option \"%s\"", word);
	if (near)
		return err_hint(err, -EINVAL, "Did you mean \"--%s\"?", near);
	if (ps->command->subs && !sub)
		return err_hint(err, -EINVAL, "Options of a %s come after its name.",
		                sub_noun(ps->command));
	return err_hint(err, -EINVAL, "\"squall %s%s%s --help\" lists the options.", command,
	                sub ? " " : "", sub ? sub->name : "");
}

/* Returns how many words after this one were used. */
static int option(struct parse *ps, const char *word, const char *next, struct err *err)
{
	const char *name = word + 2;
	const char *eq = strchr(name, '=');
	size_t n = eq ? (size_t)(eq - name) : strlen(name);
	const char *value = eq ? eq + 1 : NULL;
	const struct param *p = param_named(&ps->command->kind, name, n);
	bool own = p != NULL;
	int ret, used = 0;

	if (!own)
		p = param_named(ps->out->sub, name, n);
	if (!p) {
		const char *text = arena_strndup(ps->arena, word, n + 2);

		return unknown(ps, text ? text : "", err);
	}
	if (!value && p->kind == PARAM_BOOL) {
		used = next && (strcmp(next, "true") == 0 || strcmp(next, "false") == 0);
		value = used ? next : "true";
	} else if (!value) {
		if (!next || strncmp(next, "--", 2) == 0) {
			(void)err_set(err, -EINVAL, "\"--%s\" needs a value", p->name);
			return err_hint(err, -EINVAL,
			                "Write \"--%s=VALUE\" when it begins with dashes.",
			                p->name);
		}
		value = next;
		used = 1;
	}
	ret = add(ps, own, p, value, err);
	return ret < 0 ? ret : used;
}

static int sub_find(struct parse *ps, const char *word, struct err *err)
{
	const struct kind *const *subs = ps->command->subs;
	const char *names[256], *near;
	size_t n = 0;

	for (; n < ARRAY_SIZE(names) - 1 && subs[n]; n++) {
		if (strcmp(subs[n]->name, word) == 0) {
			ps->out->sub = subs[n];
			return 0;
		}
		names[n] = subs[n]->name;
	}
	names[n] = NULL;
	near = text_nearest(word, names);
	(void)err_set(err, -EINVAL, "unknown %s \"%s\"", sub_noun(ps->command), word);
	if (near)
		return err_hint(err, -EINVAL, "Did you mean \"%s\"?", near);
	return err_hint(err, -EINVAL, "\"squall %ss\" lists what there is.", sub_noun(ps->command));
}

static int positional(struct parse *ps, const char *word, struct err *err)
{
	const struct kind *kind = &ps->command->kind;
	const struct param *p = NULL;
	bool own = !ps->command->subs;

	if (ps->command->subs && !ps->out->sub)
		return sub_find(ps, word, err);
	p = param_at(own ? kind : ps->out->sub, ps->words++);
	if (p)
		return add(ps, own, p, word, err);
	(void)err_set(err, -EINVAL, "unexpected word \"%s\"", word);
	return err_hint(err, -EINVAL, "\"squall %s --help\" shows the usage.", kind->name);
}

/* "FILE" for a positional parameter, "--target" for another. */
static int required(const struct cli_command *command, const struct kind *kind,
                    const struct var_override *given, size_t n, struct err *err)
{
	for (const struct param *p = kind ? kind->params : NULL; p && p->name; p++) {
		bool found = !(p->flags & PARAM_REQUIRED);
		char word[64] = "";

		for (size_t i = 0; i < n && !found; i++)
			found = strcmp(given[i].key, p->name) == 0;
		if (found)
			continue;
		for (size_t i = 0; i < sizeof(word) - 1 && p->name[i]; i++)
			word[i] = (char)(p->flags & PARAM_POSITIONAL ? toupper(p->name[i])
			                                             : p->name[i]);
		(void)err_set(err, -EINVAL, "\"%s%s\" is missing",
		              p->flags & PARAM_POSITIONAL ? "" : "--", word);
		return err_hint(err, -EINVAL, "\"squall %s%s%s --help\" shows the usage.",
		                command->kind.name, kind != &command->kind ? " " : "",
		                kind != &command->kind ? kind->name : "");
	}
	return 0;
}

int options_parse(const struct cli_command *command, size_t argc, const char *const *argv,
                  struct arena *arena, struct options *out, struct err *err)
{
	struct options o = {0};
	struct parse ps = {.command = command, .arena = arena, .out = &o};
	bool ended = false;

	/* Asked for help, nothing else is complained about. */
	for (size_t i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			o.help = true;
	for (size_t i = 0; i < argc; i++) {
		const char *word = argv[i];
		int ret;

		if (!ended && strcmp(word, "--") == 0) {
			ended = true;
			continue;
		}
		if (!ended && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0))
			continue;
		if (!ended && strncmp(word, "--", 2) == 0)
			ret = option(&ps, word, i + 1 < argc ? argv[i + 1] : NULL, err);
		else if (!ended && word[0] == '-' && word[1] != '\0')
			ret = unknown(&ps, word, err);
		else
			ret = positional(&ps, word, err);
		if (ret < 0 && !o.help)
			return ret;
		if (ret > 0)
			i += (size_t)ret;
	}
	*out = o;
	if (o.help)
		return 0;
	if (command->subs && !o.sub) {
		(void)err_set(err, -EINVAL, "\"%s\" is missing", command->sub_word);
		return err_hint(err, -EINVAL, "\"squall %s --help\" shows the usage.",
		                command->kind.name);
	}
	if (required(command, o.sub, o.with, o.with_n, err) < 0)
		return -EINVAL;
	return required(command, &command->kind, o.own, o.own_n, err);
}

int options_bind(const struct cli_command *command, const struct options *o, struct arena *arena,
                 void **args, struct err *err)
{
	struct problems problems;
	void *bound;

	problems_init(&problems, arena);
	bound = params_bind_texts(&command->kind, o->own, o->own_n, arena, &problems);
	if (problems.errors || !bound) {
		const struct problem *p = problems.n ? &problems.v[0] : NULL;

		(void)err_set(err, -EINVAL, "%s", p ? p->text : "could not read the options");
		if (p && p->hint)
			return err_hint(err, -EINVAL, "%s", p->hint);
		return err_hint(err, -EINVAL, "\"squall %s --help\" shows the usage.",
		                command->kind.name);
	}
	*args = bound;
	return 0;
}
