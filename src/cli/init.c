/* squall init: an experiment to start from, which runs as it is. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/show.h"

struct init_args {
	const char *file, *what;
	struct text_map vars;
};

enum { VARS_MAX = 4 };

/* What differs from one kind of service to another. The harm is the same mild one for all. */
static const struct starter {
	const char *name, *title, *says, *look, *every, *expect, *comment;
	struct starter_var {
		const char *name, *dflt, *help;
	} vars[VARS_MAX];
} starters[] = {
        {.name = "http",
         .title = "The web service answers while its process stands still for a moment",
         .says = "Requests that meet the pause wait for it; nobody waits two seconds.",
         .comment = "Ask what a user would ask, not only a health page.",
         .look = "http: {url: \"${url}\", timeout: 5s}",
         .every = "200ms",
         .expect = "{status: \"< 500\", seconds: \"< 2s\"}",
         .vars = {{"url", "http://127.0.0.1:8080/", "what is asked"},
                  {"port", "8080", "the process that listens on this port stands still"}}},
        {.name = "nginx",
         .title = "nginx answers while all of its processes stand still for a moment",
         .says = "Requests that meet the pause wait for it; nobody waits two seconds.",
         .comment = "Ask what a user would ask, not only the start page.",
         .look = "http: {url: \"${url}\", timeout: 5s}",
         .every = "200ms",
         .expect = "{status: \"< 500\", seconds: \"< 2s\"}",
         .vars = {{"url", "http://127.0.0.1:80/", "what is asked"},
                  {"port", "80", "the processes that listen on this port stand still"}}},
        {.name = "redis",
         .title = "Redis answers while its process stands still for a moment",
         .says = "Commands that meet the pause wait for it; nobody waits two seconds.",
         .comment = "Better still: look at what uses Redis, such as the front page of a shop.",
         .look = "tcp: {address: \"${host}:${port}\", send: \"PING\\r\\n\", matches: "
                 "\"PONG|NOAUTH\", timeout: 5s}",
         .every = "200ms",
         .expect = "{matched: true, seconds: \"< 2s\"}",
         .vars = {{"host", "127.0.0.1", "where it is"},
                  {"port", "6379", "the process that listens on this port stands still"}}},
        {.name = "postgres",
         .title = "PostgreSQL takes connections while its main process stands still for a moment",
         .says = "Who connects during the pause waits for it; nobody waits three seconds.",
         .comment = "Better still: look at what uses the database, such as the front page of a "
                    "shop.",
         .look = "exec: {argv: [pg_isready, -q, -h, \"${host}\", -p, \"${port}\", -t, \"5\"], "
                 "timeout: 6s}",
         .every = "500ms",
         .expect = "{exit: 0, seconds: \"< 3s\"}",
         .vars = {{"host", "127.0.0.1", "where it is: an address, or the folder of its socket"},
                  {"port", "5432", "the process that listens on this port stands still"}}},
};

static const struct starter *starter_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(starters); i++)
		if (strcmp(starters[i].name, name) == 0)
			return &starters[i];
	return &starters[0]; /* the table of options has refused other words */
}

static const char *value_given(const struct init_args *a, const struct starter_var *v)
{
	for (size_t i = a->vars.n; i-- > 0;)
		if (strcmp(a->vars.v[i].key, v->name) == 0)
			return a->vars.v[i].value;
	return v->dflt;
}

static int vars_known(const struct starter *s, const struct text_map *vars, struct err *err)
{
	for (size_t i = 0; i < vars->n; i++) {
		const char *names[VARS_MAX + 1] = {0};
		size_t n = 0;

		for (; n < VARS_MAX && s->vars[n].name; n++)
			names[n] = s->vars[n].name;
		size_t k = 0;
		while (k < n && strcmp(names[k], vars->v[i].key) != 0)
			k++;
		if (k < n)
			continue;
		(void)err_set(err, -EINVAL, "the file has no variable \"%s\"", vars->v[i].key);
		return err_hint(err, -EINVAL, "It has \"%s\" and \"%s\".", names[0], names[1]);
	}
	return 0;
}

/* As YAML has it in double quotes, which is as JSON has it. */
static void quoted(FILE *to, const char *text)
{
	json_t *s = json_string(text);
	char *written = s ? json_dumps(s, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;

	fputs(written ? written : "\"\"", to);
	free(written);
	json_decref(s);
}

/* Can be pasted into a shell, and stand in a comment. */
static bool shell_plain(const char *path)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	                           "-_./+,@";
	return path[0] != '-' && path[strspn(path, good)] == '\0';
}

static void starter_write(FILE *to, const struct starter *s, const struct init_args *a)
{
	const char *file = strcmp(a->file, "-") != 0 && shell_plain(a->file) ? a->file : "FILE";

	fprintf(to,
	        "# A first experiment. It harms little: a process stands still for one second.\n"
	        "#\n"
	        "#   squall check %s    looks once, and says what would refuse the run\n"
	        "#   squall plan %s     prints what would be done; touches nothing\n"
	        "#   squall run %s      does it, watches, puts everything back, says whether it "
	        "held\n"
	        "#\n"
	        "# man 5 squall-experiment explains every key; \"squall schema\" lets an editor do "
	        "so.\n"
	        "squall: 1\n"
	        "title: %s\n"
	        "service: %s                     # whose reliability this run counts for\n\n"
	        "# Used below as ${NAME}; \"squall run --var NAME=VALUE\" gives another value.\n"
	        "vars:\n",
	        file, file, file, s->title, s->name);
	for (size_t i = 0; i < VARS_MAX && s->vars[i].name; i++) {
		fprintf(to, "  # %s\n  %s: ", s->vars[i].help, s->vars[i].name);
		quoted(to, value_given(a, &s->vars[i]));
		fputc('\n', to);
	}
	fprintf(to,
	        "\n# What you believe. Write it down before you look.\n"
	        "hypothesis:\n"
	        "  says: %s\n"
	        "  steady:\n"
	        "    # %s\n"
	        "    - id: service\n"
	        "      %s\n"
	        "      every: %s\n"
	        "      expect: %s\n"
	        "      tolerate: 5%%              # share of looks that may miss\n\n"
	        "# The first limit that is crossed ends the run and puts everything back.\n"
	        "abort:\n"
	        "  - {steady: service, misses: 50%%, over: 3s}\n\n"
	        "blast-radius: {max-duration: 1m} # everything is back then, whatever happens\n\n",
	        s->says, s->comment, s->look, s->every, s->expect);
	fprintf(to, "# Start small. \"squall faults\" lists what else can be done, \"squall faults "
	            "NAME\" how.\n"
	            "method:\n"
	            "  - id: moment\n"
	            "    fault: proc.pause\n"
	            "    target: {process: {listens: \"${port}\"}, pick: all}\n"
	            "    for: 1s\n"
	            "  - wait: 2s                     # what comes out when it goes on?\n\n"
	            "recovery: {within: 10s}          # steady again this long after the fault is "
	            "gone\n");
}

/* Never over what is there. */
static int file_make(const char *path, const char *text, size_t n, struct err *err)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int ret;

	if (fd < 0 && errno == EEXIST) {
		(void)err_set(err, -EINVAL, "\"%s\" is already there", path);
		return err_hint(err, -EINVAL, "Give another name: squall init FILE.");
	}
	if (fd < 0)
		return err_sys(err, errno, "could not make \"%s\"", path);
	ret = write_all(fd, text, n);
	if (ret == 0)
		return 0;
	(void)unlink(path);
	return err_sys(err, -ret, "could not write \"%s\"", path);
}

static int init_main(struct cli *cli, const void *args)
{
	struct init_args a = *(const struct init_args *)args;
	const struct starter *s = starter_find(a.what);
	_cleanup_free_ char *text = NULL;
	struct problems problems;
	struct experiment *x;
	struct err err = ERR_INIT;
	size_t n = 0;
	FILE *to;

	if (!a.file)
		a.file = arena_printf(&cli->arena, "%s.yaml", s->name);
	if (vars_known(s, &a.vars, &err) < 0)
		return show_err(&err, EXIT_USAGE);
	to = open_memstream(&text, &n);
	if (!to || !a.file)
		return show_err(&(struct err){-ENOMEM, "out of memory", ""}, EXIT_BROKEN);
	starter_write(to, s, &a);
	if (fclose(to) != 0)
		return show_err(&(struct err){-ENOMEM, "out of memory", ""}, EXIT_BROKEN);
	/* A value may make it a file that does not hold. */
	problems_init(&problems, &cli->arena);
	x = experiment_read(text, n, a.file, &cli->catalogue, NULL, 0, &problems);
	experiment_free(x);
	if (problems.errors) {
		show_problems(stderr, false, a.file, &problems);
		return EXIT_USAGE;
	}
	if (strcmp(a.file, "-") == 0) {
		fputs(text, stdout);
		return EXIT_HELD;
	}
	if (file_make(a.file, text, n, &err) < 0)
		return show_err(&err, err.code == -EINVAL ? EXIT_USAGE : EXIT_BROKEN);
	printf("%s: written\n", a.file);
	printf("next: squall check %s, then squall run %s\n", a.file, a.file);
	return EXIT_HELD;
}

static const struct param init_params[] = {
        {"file", PARAM_TEXT, offsetof(struct init_args, file),
         .help = "what to write, never over what is there; \"-\" is standard output; left out: the "
                 "service's name with .yaml",
         .flags = PARAM_POSITIONAL | PARAM_PATH},
        {"for", PARAM_ENUM, offsetof(struct init_args, what), .dflt = "http",
         .choices = "http|nginx|redis|postgres", .help = "what is hurt"},
        {"var", PARAM_MAP, offsetof(struct init_args, vars),
         .help = "a value for a variable of the file: url, host, port"},
        {0},
};

static const char *const init_examples[] = {
        "squall init shop.yaml",
        "squall init --for nginx --var url=http://127.0.0.1:8080/ --var port=8080",
        "squall init --for redis - | squall lint -",
        NULL,
};

const struct cli_command command_init = {
        .kind = {.name = "init",
                 .summary = "Writes an experiment to start from, which runs as it is",
                 .man = "The file explains itself. Its harm is mild: what listens on the port "
                        "stands still for a second. Change one thing at a time.",
                 .params = init_params,
                 .args_size = sizeof(struct init_args),
                 .examples = init_examples},
        .exits = EXITS_READ,
        .main = init_main,
};
