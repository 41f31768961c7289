/* custom: a state of the user's own making, by three commands. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/commands.h"
#include "fault/fault.h"
#include "step/custom.h"

struct custom_args {
	const char *name, *dir;
	struct text_list apply, undo, check;
	struct text_map env;
	uint64_t limit_ns;
};

/* A list of words as it is; a single text is read as words. room: what its words take. */
static int words_read(const char *what, const struct text_list *list, char *room,
                      const char *words[COMMAND_WORDS + 1], struct err *err)
{
	const char *at = list->n == 1 ? list->v[0] : "";
	size_t n = 0;
	int r = 1;

	if (list->n > COMMAND_WORDS)
		return err_set(err, -E2BIG, "\"%s\" has more than %d words", what, COMMAND_WORDS);
	for (; list->n > 1 && n < list->n; n++)
		words[n] = list->v[n];
	while (list->n == 1 && n < COMMAND_WORDS &&
	       (r = word_next(&at, &room, &words[n], NULL, err)) > 0)
		n++;
	if (r < 0)
		return err_wrap(err, r, "\"%s\"", what);
	if (list->n == 1 && at[strspn(at, " \t\n")])
		return err_set(err, -E2BIG, "\"%s\" has more than %d words", what, COMMAND_WORDS);
	words[n] = NULL;
	return 0;
}

static int env_read(const struct text_map *env, struct arena *arena, struct commands *c,
                    struct err *err)
{
	if (env->n > COMMAND_WORDS)
		return err_set(err, -E2BIG, "\"env\" has more than %d variables", COMMAND_WORDS);
	for (size_t i = 0; i < env->n; i++) {
		c->env[i] = arena_printf(arena, "%s=%s", env->v[i].key, env->v[i].value);
		if (!c->env[i])
			return err_set(err, -ENOMEM, "no memory for the commands");
	}
	return 0;
}

static size_t room_of(const struct text_list *list)
{
	return list->n == 1 ? strlen(list->v[0]) + 1 : 1;
}

static int commands_read(const struct custom_args *a, struct arena *arena, struct commands *c,
                         struct err *err)
{
	const struct {
		const char *what;
		const struct text_list *list;
		const char **words;
	} all[] = {{"apply", &a->apply, c->apply},
	           {"undo", &a->undo, c->undo},
	           {"check", &a->check, c->check}};
	int r = 0;

	*c = (struct commands){.dir = a->dir, .limit_ns = a->limit_ns};
	for (size_t i = 0; i < ARRAY_SIZE(all) && r == 0; i++) {
		char *room = arena_alloc(arena, room_of(all[i].list));

		r = room ? words_read(all[i].what, all[i].list, room, all[i].words, err)
		         : err_set(err, -ENOMEM, "no memory for the commands");
		if (r == 0 && (i < 2 || all[i].list->n) &&
		    (!all[i].words[0] || !all[i].words[0][0]))
			r = err_set(err, -EINVAL, "\"%s\" names no program", all[i].what);
	}
	return r < 0 ? r : env_read(&a->env, arena, c, err);
}

static int plan_custom(const void *args, const struct target *t, const struct moment *moment,
                       const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                       struct err *err)
{
	const struct custom_args *a = args;
	struct commands c;
	char *storage = arena_alloc(out->arena, COMMANDS_TEXT);
	char state[STATE_MAX];
	struct buf text;
	BUF(says, SAYS_MAX);
	int r;

	if (t->kind != TARGET_HOST)
		return err_set(err, -EINVAL, "custom cannot be aimed at %s", t->name);
	r = storage ? commands_read(a, out->arena, &c, err)
	            : err_set(err, -ENOMEM, "no memory for the commands");
	if (r < 0)
		return r;
	buf_init(&text, storage, COMMANDS_TEXT);
	commands_format(&c, &text);
	if (text.over)
		return err_set(err, -E2BIG, "the commands are longer than %d KiB",
		               COMMANDS_TEXT >> 10);
	/* In the log when they fit there as one line, else in the stash. */
	if (text.len < sizeof(state) && !strpbrk(text.data, "\n\r"))
		r = text_copy(state, sizeof(state), text.data);
	else
		r = plan_blob(out, text.data, text.len + 1, state, err);
	if (r < 0)
		return r;
	if (state[0] == '@')
		plan_blob_find(out, state)->shown = true;
	if (c.check[0])
		buf_add(&says, "as check says: exit status 0 is in effect, 1 is not");
	else
		buf_add(&says, "there is no check: exit status 0 of apply and of undo is believed");
	*again_ns = 0;
	return plan_add(out, "custom", a->name, state, says.data, err);
}

static void printed_add(const struct counters *before, const struct counters *after, struct buf *to)
{
	if (!counters_has(after, "has_printed"))
		return;
	buf_addf(to, "; it printed %llu", (unsigned long long)counters_get(after, "printed"));
	if (counters_has(before, "has_printed"))
		buf_addf(to, ", before %llu", (unsigned long long)counters_get(before, "printed"));
}

static int dose_custom(const void *args, const struct counters *before,
                       const struct counters *after, struct dose *dose, struct err *err)
{
	const struct custom_args *a = args;
	bool was = counters_get(before, "in_effect"), now = counters_get(after, "in_effect");
	bool unknown = counters_get(after, "unknown") || !counters_has(after, "in_effect");
	bool checked = counters_get(after, "checked");
	struct dose d = {.no_effect = was || !now};
	struct buf asked, achieved, why;

	buf_init(&asked, d.asked, sizeof(d.asked));
	buf_init(&achieved, d.achieved, sizeof(d.achieved));
	buf_init(&why, d.why, sizeof(d.why));
	buf_addf(&asked, "\"%s\" in effect", a->name);
	if (unknown) {
		buf_add(&achieved, "unknown: check could not tell");
		buf_add(&why, "its effect was not seen");
	} else if (!checked) {
		buf_add(&achieved,
		        now ? "apply ended with status 0; there is no check" : "nothing");
	} else {
		buf_addf(&achieved, "%s, as check says", now ? "in effect" : "not in effect");
		printed_add(before, after, &achieved);
	}
	if (was)
		buf_add(&why, "it was in effect before");
	else if (!now && !unknown)
		buf_add(&why, checked ? "check does not see what apply did" : "apply did not run");
	*dose = d;
	return 0;
}

static int check_custom(const void *args, struct err *err)
{
	const struct custom_args *a = args;
	struct arena cleanup(arena_release) arena = {.head = NULL};
	struct commands c;

	if (!custom_name_is(a->name)) {
		err_set(err, -EINVAL, "\"%.80s\" cannot be the name of a state", a->name);
		return err_hint(
		        err, -EINVAL,
		        "Use small letters, digits, \".\", \"_\" and \"-\"; at most %d, the "
		        "first a letter or digit.",
		        CUSTOM_NAME);
	}
	if (a->dir && a->dir[0] != '/') {
		err_set(err, -EINVAL, "dir \"%s\" is not absolute", a->dir);
		return err_hint(err, -EINVAL, "Undo may be run from anywhere.");
	}
	for (size_t i = 0; i < a->env.n; i++)
		if (!a->env.v[i].key[0] || strchr(a->env.v[i].key, '=') ||
		    strncmp(a->env.v[i].key, "SQUALL_", 7) == 0)
			return err_set(err, -EINVAL,
			               "\"%.100s\" cannot be the name of a variable here",
			               a->env.v[i].key);
	arena_init(&arena, 1 << 20);
	return commands_read(a, &arena, &c, err);
}

static const struct param params[] = {
        {.name = "name",
         .kind = PARAM_TEXT,
         .offset = offsetof(struct custom_args, name),
         .help = "what the state is called; of two runs with the same name the second is refused",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL},
        {.name = "apply",
         .kind = PARAM_LIST,
         .offset = offsetof(struct custom_args, apply),
         .help = "the command that brings the state about: a list of words, or one text of words",
         .flags = PARAM_REQUIRED},
        {.name = "undo",
         .kind = PARAM_LIST,
         .offset = offsetof(struct custom_args, undo),
         .help = "the command that ends it; it must also succeed when there is nothing to undo",
         .flags = PARAM_REQUIRED},
        {.name = "check",
         .kind = PARAM_LIST,
         .offset = offsetof(struct custom_args, check),
         .help = "the command that looks: exit status 0 in effect, 1 not, all else cannot tell"},
        {.name = "timeout",
         .kind = PARAM_DURATION,
         .offset = offsetof(struct custom_args, limit_ns),
         .dflt = "10s",
         .min = "1ms",
         .max = "3m",
         .help = "after this long a command is ended, with all that it started"},
        {.name = "env",
         .kind = PARAM_MAP,
         .offset = offsetof(struct custom_args, env),
         .help = "variables of the commands, besides PATH, LANG and SQUALL_…"},
        {.name = "dir",
         .kind = PARAM_TEXT,
         .offset = offsetof(struct custom_args, dir),
         .help = "folder to run them in, by its absolute path; \"/\" if left out",
         .flags = PARAM_PATH},
        {NULL},
};

static const char *const steps[] = {"custom", NULL};

static const char *const examples[] = {
        "squall attack custom maintenance --apply 'touch /srv/shop/maintenance' --undo 'rm -f "
        "/srv/shop/maintenance' --check 'test -e /srv/shop/maintenance' --target host --for 1m",
        "squall attack custom drained --apply './lb drain web-1' --undo './lb enable web-1' "
        "--dir /srv/lb --timeout 30s --target host --for 5m",
        "squall attack custom frozen --apply 'fsfreeze -f /mnt/data' --undo 'sh -c \"fsfreeze -u "
        "/mnt/data || true\"' --target host --for 2s --dry-run",
        NULL,
};

const struct fault fault_custom = {
        .kind =
                {
                        .name = "custom",
                        .summary = "a state of your own, by commands that apply, undo and check",
                        .man = "Brings about what no other fault does, by three commands of "
                               "yours. They are logged before anything is done, and undone like "
                               "any step: when the attack ends, when squall is killed, and by "
                               "squall undo in a process that never saw the file.\n\n"
                               "apply brings the state about. undo ends it: it must be "
                               "idempotent, that is, succeed (exit status 0) however often it is "
                               "run, also when apply was cut short or never ran. check only "
                               "looks: exit status 0 means in effect, 1 means not in effect, and "
                               "any other that it cannot tell. It is run before, so that a state "
                               "that was in effect already is left alone; after apply, for the "
                               "dose; and after undo, which has failed unless check says that the "
                               "state is not in effect. Without check the exit statuses of apply "
                               "and undo are believed. A failed undo is tried three times and one "
                               "that hangs once; then it is residue, with the command to paste. "
                               "The first line that check prints is shown, and a number that it "
                               "prints is part of the dose.\n\n"
                               "A command is a list of words, or one text of words as a shell "
                               "would split it; no shell reads it, so name one where one is "
                               "needed. What a variable of the file holds is split too: use a "
                               "list where it may hold blanks. It runs as the user who runs "
                               "squall, in a session of its own, with nothing on standard input. "
                               "Its environment is PATH (the system's folders), LANG=C.UTF-8, "
                               "SQUALL_RUN (the run's id), SQUALL_CUSTOM (the name), SQUALL_DOES "
                               "(apply, undo or check) and env, nothing else, so that undo finds "
                               "the same when it is run by another process at another time. What "
                               "apply and undo leave running goes on; it must not write to the "
                               "output that it was given. At its timeout a command is sent "
                               "SIGTERM, and SIGKILL half a second later.\n\n"
                               "The process that runs them is started before anything is applied, "
                               "with the undo command loaded, so that undoing needs no other "
                               "process of squall's. An abort does not wait for apply: it is "
                               "ended, and undo is run. While undo runs, what was applied before "
                               "it waits. The commands are kept in the run's undo log or stash, "
                               "which only their owner can read or write; secrets in them are "
                               "kept there too.",
                        .params = params,
                        .args_size = sizeof(struct custom_args),
                        .examples = examples,
                        .class_ = "state",
                        .targets = "host",
                        .check = check_custom,
                },
        .needs = NULL,
        .steps = steps,
        .plan = plan_custom,
        .dose = dose_custom,
};
