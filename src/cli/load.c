/* Reads experiment files for the commands. */
#include "cli/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/show.h"
#include "model/key.h"

enum { PROBLEMS_BYTES = 4 << 20 };

static int read_all(const char *path, char **text, size_t *n, struct err *err)
{
	bool standard = strcmp(path, "-") == 0;
	_cleanup_free_ char *data = malloc(LOAD_MAX + 2);
	_cleanup_fd_ int fd = standard ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got;

	if (!data)
		return err_sys(err, ENOMEM, "could not read \"%s\"", path);
	if (!standard && fd < 0)
		return err_sys(err, errno, "could not open \"%s\"", path);
	do {
		got = read(standard ? STDIN_FILENO : fd, data + len, LOAD_MAX + 1 - len);
		if (got > 0)
			len += (size_t)got;
	} while ((got > 0 && len <= LOAD_MAX) || (got < 0 && errno == EINTR));
	if (got < 0)
		return err_sys(err, errno, "could not read \"%s\"", path);
	if (len > LOAD_MAX)
		return err_set(err, -EFBIG, "cannot read \"%s\": larger than 8 MiB", path);
	data[len] = '\0';
	*text = data;
	*n = len;
	data = NULL;
	return 0;
}

int load(struct cli *cli, const char *path, const struct text_map *vars, bool values_may_lack,
         struct loaded *l, struct err *err)
{
	struct var_override *overrides = NULL;
	int ret;

	*l = (struct loaded){.path = path};
	ret = read_all(path, &l->text, &l->n, err);
	if (ret < 0)
		return ret;
	arena_init(&l->arena, PROBLEMS_BYTES);
	problems_init(&l->problems, &l->arena);
	l->problems.values_may_lack = values_may_lack;
	if (policy_is_meant(l->text, l->n)) {
		l->policy = policy_read(l->text, l->n, path, &cli->catalogue, &l->problems);
		problems_sort(&l->problems);
		return 0;
	}
	if (vars->n)
		overrides = arena_alloc(&cli->arena, vars->n * sizeof(*overrides));
	for (size_t i = 0; overrides && i < vars->n; i++)
		overrides[i] = (struct var_override){vars->v[i].key, vars->v[i].value};
	l->x = experiment_read(l->text, l->n, path, &cli->catalogue, overrides,
	                       overrides ? vars->n : 0, &l->problems);
	problems_sort(&l->problems);
	return 0;
}

void load_release(struct loaded *l)
{
	experiment_free(l->x);
	policy_free(l->policy);
	arena_release(&l->arena);
	free(l->text);
	*l = (struct loaded){0};
}

/* Warnings that the command line has answered. */
static void problems_drop(struct problems *problems, const char *code)
{
	size_t kept = 0;

	for (size_t i = 0; i < problems->n; i++)
		if (problems->v[i].severity == PROBLEM_ERROR ||
		    strcmp(problems->v[i].code, code) != 0)
			problems->v[kept++] = problems->v[i];
	problems->n = kept;
}

enum exit_code load_good(struct cli *cli, const char *path, const struct text_map *vars,
                         unsigned allow, struct loaded *l)
{
	struct err err = ERR_INIT;

	if (load(cli, path, vars, false, l, &err) < 0)
		return show_err(&err, EXIT_USAGE);
	if (l->policy) {
		(void)err_set(&err, -EINVAL, "\"%s\" is a policy, not an experiment", path);
		(void)err_hint(&err, -EINVAL, "\"squall lint\" checks it.");
		return show_err(&err, EXIT_USAGE);
	}
	if (l->x)
		l->x->allow |= allow;
	if (allow & ALLOW_IRREVERSIBLE)
		problems_drop(&l->problems, "irreversible");
	show_problems(stderr, isatty(STDERR_FILENO) && cli->colour, path, &l->problems);
	return l->problems.errors || !l->x ? EXIT_USAGE : EXIT_HELD;
}

int allow_parse(const struct text_list *list, unsigned *allow, struct err *err)
{
	const char *const *words = words_allow;
	unsigned bits = 0;

	for (size_t i = 0; i < list->n; i++) {
		for (const char *s = list->v[i]; *s; s += *s == ',') {
			size_t n = strcspn(s, ","), w = 0;
			char word[64];

			snprintf(word, sizeof(word), "%.*s", (int)n, s);
			while (words[w] && strcmp(words[w], word) != 0)
				w++;
			if (!words[w]) {
				const char *near = text_nearest(word, words);

				(void)err_set(err, -EINVAL, "cannot allow \"%s\"", word);
				if (near)
					return err_hint(err, -EINVAL, "Did you mean \"%s\"?", near);
				return err_hint(
				        err, -EINVAL,
				        "It is one of irreversible, host-wide, control-path.");
			}
			bits |= 1u << w; /* enum allow, in this order */
			s += n;
		}
	}
	*allow = bits;
	return 0;
}

enum exit_code unbuilt_refuse(const struct experiment *x)
{
	for (size_t i = 0; i < x->unbuilt_n; i++) {
		struct err err = ERR_INIT;

		(void)err_set(&err, -ENOSYS, "this build cannot do %s", x->unbuilt[i].what);
		if (x->unbuilt[i].at.line)
			(void)err_hint(&err, -ENOSYS, "It is asked for in line %u of \"%s\".",
			               x->unbuilt[i].at.line, x->path ? x->path : "");
		show_err(&err, EXIT_CANNOT);
	}
	return x->unbuilt_n ? EXIT_CANNOT : EXIT_HELD;
}
