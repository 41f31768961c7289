/* What may stand where the cursor is. */
#include "cli/complete.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "history/folder.h"
#include "machine/proc.h"
#include "model/key.h"

enum { RUNS_MAX = 50, NAMES_MAX = 200 };

/* The command line so far. */
struct so_far {
	struct cli *cli;
	const struct cli_command *command;
	const struct kind *sub;
	const struct param *waits; /* an option that is still without its value */
	size_t positional;         /* words that were neither option nor value nor the sub's name */
	const char *const *words;
	size_t n;
	const char *last;
};

static bool begins(const char *word, const char *with)
{
	return strncmp(word, with, strlen(with)) == 0;
}

static void offer(const char *before, const char *word, const char *after, const char *says)
{
	printf("%s%s%s%s%s\n", before, word, after, says && says[0] ? "\t" : "", says ? says : "");
}

/* last: what is begun. Offered when it goes on from there. */
static void offer_if(const char *before, const char *last, const char *word, const char *after,
                     const char *says)
{
	if (begins(word, last))
		offer(before, word, after, says);
}

static const struct param *option_find(const struct so_far *s, const char *name, size_t n)
{
	const struct kind *kinds[] = {&s->command->kind, s->sub};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (const struct param *p = kinds[i] ? kinds[i]->params : NULL; p && p->name; p++)
			if (strlen(p->name) == n && memcmp(p->name, name, n) == 0)
				return p;
	return NULL;
}

static const struct kind *kind_find(const struct kind *const *kinds, const char *name)
{
	for (; *kinds; kinds++)
		if (strcmp((*kinds)->name, name) == 0)
			return *kinds;
	return NULL;
}

static const struct param *positional_find(const struct so_far *s)
{
	const struct kind *kind = s->command->subs ? s->sub : &s->command->kind;
	size_t i = s->positional;

	for (const struct param *p = kind ? kind->params : NULL; p && p->name; p++) {
		if (!(p->flags & PARAM_POSITIONAL))
			continue;
		if (i == 0 || p->kind == PARAM_LIST || p->kind == PARAM_MAP)
			return p;
		i--;
	}
	return NULL;
}

static void word_read(struct so_far *s, const char *word)
{
	size_t n = strcspn(word, "=");

	if (s->waits) {
		s->waits = NULL;
	} else if (begins(word, "--")) {
		const struct param *p = option_find(s, word + 2, n - 2);

		if (p && p->kind != PARAM_BOOL && word[n] != '=')
			s->waits = p;
	} else if (s->command->subs && !s->sub) {
		s->sub = kind_find(s->command->subs, word);
	} else {
		s->positional++;
	}
}

static bool given(const struct so_far *s, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 1; i + 1 < s->n; i++)
		if (begins(s->words[i], "--") && strncmp(s->words[i] + 2, name, n) == 0 &&
		    (s->words[i][2 + n] == '\0' || s->words[i][2 + n] == '='))
			return true;
	return false;
}

static void offer_options(const struct so_far *s)
{
	const struct kind *kinds[] = {s->sub, &s->command->kind};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (const struct param *p = kinds[i] ? kinds[i]->params : NULL; p && p->name;
		     p++) {
			bool many = p->kind == PARAM_LIST || p->kind == PARAM_MAP;
			bool own_place = p->flags & PARAM_POSITIONAL && kinds[i] != s->sub;

			if (!own_place && (many || !given(s, p->name)))
				offer_if("--", begins(s->last, "--") ? s->last + 2 : "", p->name,
				         "", p->help);
		}
	}
	offer_if("--", begins(s->last, "--") ? s->last + 2 : "", "help", "",
	         "what it does and takes");
}

static void offer_words(const struct so_far *s, const char *before, const char *last,
                        const char *choices)
{
	struct arena *a = &s->cli->arena;

	for (size_t n = 0; *choices; choices += n + (choices[n] == '|')) {
		const char *word;

		n = strcspn(choices, "|");
		word = arena_strndup(a, choices, n);
		if (word)
			offer_if(before, last, word, "", NULL);
	}
}

/* The part of a list with commas before its last member. */
static const char *list_head(const struct so_far *s, const char *before, const char **last)
{
	const char *comma = strrchr(*last, ',');
	const char *head;

	if (!comma)
		return before;
	head = arena_printf(&s->cli->arena, "%s%.*s", before, (int)(comma + 1 - *last), *last);
	*last = comma + 1;
	return head ? head : before;
}

/* Names of what runs here, each once. */
struct names {
	const char *before, *last;
	const char *seen[NAMES_MAX];
	struct arena *arena;
	size_t n;
	enum names_of { NAMES_COMM, NAMES_EXE, NAMES_PID } of;
};

static int name_offer(void *ctx, const struct proc *p)
{
	struct names *names = ctx;
	char pid[16];
	const char *word = p->comm;

	if (p->kernel)
		return 0;
	if (names->of == NAMES_PID) {
		snprintf(pid, sizeof(pid), "%d", p->id.pid);
		offer_if(names->before, names->last, pid, "", p->comm);
		return 0;
	}
	if (names->of == NAMES_EXE)
		word = p->exe;
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->seen[i], word) == 0)
			return 0;
	/* What would have to be quoted is left to the person. */
	if (names->n == NAMES_MAX || !word[0] || strpbrk(word, " \t\n,\"'\\$`;&|<>()[]{}*?!#~"))
		return 0;
	names->seen[names->n] = arena_strdup(names->arena, word);
	if (!names->seen[names->n])
		return -ENOMEM;
	offer_if(names->before, names->last, names->seen[names->n++], "", NULL);
	return 0;
}

static void offer_processes(const struct so_far *s, const char *before, const char *last,
                            enum names_of of)
{
	struct names *names = arena_alloc(&s->cli->arena, sizeof(*names));

	if (!names)
		return;
	*names = (struct names){.before = before, .last = last, .arena = &s->cli->arena, .of = of};
	(void)!proc_each(&s->cli->world, PROC_EXE, name_offer, names, NULL);
}

/* "process.name=nginx,process.user=" */
static void offer_selector(const struct so_far *s, const char *before, const char *last)
{
	struct arena *a = &s->cli->arena;
	const char *head = list_head(s, before, &last), *eq = strchr(last, '=');

	if (eq) {
		head = arena_printf(a, "%s%.*s", head, (int)(eq + 1 - last), last);
		if (head && begins(last, "process.name="))
			offer_processes(s, head, eq + 1, NAMES_COMM);
		else if (head && begins(last, "process.exe="))
			offer_processes(s, head, eq + 1, NAMES_EXE);
		else if (head && begins(last, "process.pid="))
			offer_processes(s, head, eq + 1, NAMES_PID);
		return;
	}
	for (const struct key *k = keys_term; k->name; k++) {
		for (const struct key *f = k->keys; f && f->name; f++) {
			const char *word = arena_printf(a, "%s.%s", k->name, f->name);

			if (word)
				offer_if(head, last, word, "=", f->help);
		}
		if (!k->keys && k->kind != KEY_LABELS)
			offer_if(head, last, k->name, k->kind == KEY_HOST ? "" : "=", k->help);
	}
}

struct runs {
	char id[RUNS_MAX][RUN_ID_MAX];
	size_t n;
};

static int run_take(void *ctx, const struct run_folder *f)
{
	struct runs *runs = ctx;

	memcpy(runs->id[runs->n++ % RUNS_MAX], f->id, RUN_ID_MAX);
	return 0;
}

/* The newest first. */
static void offer_runs(const struct so_far *s, const char *before, const char *last)
{
	struct runs *runs = arena_alloc(&s->cli->arena, sizeof(*runs));

	offer_if(before, last, "last", "", "the newest");
	if (!runs)
		return;
	runs->n = 0;
	(void)!run_folder_each(&s->cli->paths, run_take, runs, NULL);
	for (size_t i = 0; i < runs->n && i < RUNS_MAX; i++)
		offer_if(before, last, runs->id[(runs->n - 1 - i) % RUNS_MAX], "", NULL);
}

static void offer_kinds(const char *last, const struct kind *const *kinds)
{
	for (; *kinds; kinds++)
		offer_if("", last, (*kinds)->name, "", (*kinds)->summary);
}

static void offer_commands(const char *last)
{
	for (size_t i = 0; commands[i]; i++)
		offer_if("", last, commands[i]->kind.name, "", commands[i]->kind.summary);
}

/* before: what of the word stands already and is no part of the value ("--target="). */
static void offer_value(const struct so_far *s, const struct param *p, const char *before,
                        const char *last)
{
	const char *command = s->command->kind.name;
	bool own = !s->sub || option_find(&(struct so_far){.command = s->command}, p->name,
	                                  strlen(p->name)) == p;

	if (p->flags & PARAM_PATH) {
		puts(":files");
	} else if (p->kind == PARAM_ENUM) {
		offer_words(s, before, last, p->choices);
	} else if (p->kind == PARAM_BOOL) {
		offer_words(s, before, last, "true|false");
	} else if (!own) {
		return;
	} else if (strcmp(p->name, "target") == 0) {
		offer_selector(s, before, last);
	} else if (strcmp(p->name, "allow") == 0) {
		const char *head = list_head(s, before, &last);

		for (const char *const *w = words_allow; *w; w++)
			offer_if(head, last, *w, "", NULL);
	} else if (strcmp(p->name, "pick") == 0) {
		offer_words(s, before, last, "all");
	} else if (strcmp(p->name, "run") == 0 || strcmp(p->name, "close") == 0) {
		offer_runs(s, before, last);
	} else if (strcmp(p->name, "command") == 0) {
		offer_commands(last);
	} else if (strcmp(command, "faults") == 0) {
		offer_kinds(last, s->cli->catalogue.faults);
	} else if (strcmp(command, "probes") == 0) {
		offer_kinds(last, s->cli->catalogue.probes);
	}
}

void complete(struct cli *cli, const char *const *words, size_t n)
{
	struct so_far s = {.cli = cli, .words = words, .n = n, .last = n ? words[n - 1] : ""};
	const char *eq = strchr(s.last, '=');
	const struct param *p;

	s.command = n > 1 ? command_find(words[0]) : NULL;
	if (n <= 1)
		offer_commands(s.last);
	if (!s.command)
		return;
	for (size_t i = 1; i + 1 < n; i++) {
		if (strcmp(words[i], "--") == 0)
			return;
		word_read(&s, words[i]);
	}
	if (s.waits) {
		offer_value(&s, s.waits, "", s.last);
	} else if (begins(s.last, "--") && eq) {
		p = option_find(&s, s.last + 2, (size_t)(eq - s.last) - 2);
		if (p)
			offer_value(
			        &s, p,
			        arena_printf(&cli->arena, "%.*s", (int)(eq + 1 - s.last), s.last),
			        eq + 1);
	} else if (begins(s.last, "-")) {
		offer_options(&s);
	} else if (s.command->subs && !s.sub) {
		offer_kinds(s.last, s.command->subs);
	} else {
		p = positional_find(&s);
		if (p)
			offer_value(&s, p, "", s.last);
		else
			offer_options(&s);
	}
}
