/* squall lint: every problem of a file, with line, column and a remedy. */
#include <stdio.h>
#include <string.h>

#include "cli/load.h"
#include "cli/sarif.h"
#include "cli/show.h"

struct lint_args {
	struct text_list files;
	struct text_map vars;
	const char *format;
	bool json;
};

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SARIF, FORMAT_GITHUB };

static enum format format_of(const struct lint_args *a)
{
	if (a->json || strcmp(a->format, "json") == 0)
		return FORMAT_JSON;
	if (strcmp(a->format, "sarif") == 0)
		return FORMAT_SARIF;
	return strcmp(a->format, "github") == 0 ? FORMAT_GITHUB : FORMAT_TEXT;
}

static const char *severity_name(const struct problem *p)
{
	return p->severity == PROBLEM_ERROR ? "error" : "warning";
}

static json_t *problem_json(const char *path, const struct problem *p)
{
	json_t *o = json_pack("{s:s%, s:i, s:i, s:s, s:s, s:s}", "file", path, strlen(path), "line",
	                      (int)p->at.line, "column", (int)p->at.col, "severity",
	                      severity_name(p), "code", p->code, "text", p->text);

	if (o && p->hint)
		json_object_set_new(o, "hint", json_string(p->hint));
	return o;
}

/* GitHub workflow commands escape %, CR and LF, and in properties also : and , . */
static void github_text(const char *text, bool property)
{
	for (; *text; text++) {
		if (*text == '%' || *text == '\r' || *text == '\n' ||
		    (property && (*text == ':' || *text == ',')))
			printf("%%%02X", (unsigned char)*text);
		else
			putchar(*text);
	}
}

static void problem_github(const char *path, const struct problem *p)
{
	printf("::%s file=", severity_name(p));
	github_text(path, true);
	if (p->at.line)
		printf(",line=%u,col=%u", p->at.line, p->at.col);
	printf(",title=%s::", p->code);
	github_text(p->text, false);
	if (p->hint) {
		printf("%%0A");
		github_text(p->hint, false);
	}
	putchar('\n');
}

static void tell(struct cli *cli, enum format format, const struct loaded *l, json_t *list,
                 struct sarif *sarif)
{
	for (size_t i = 0; i < l->problems.n; i++) {
		const struct problem *p = &l->problems.v[i];

		if (format == FORMAT_GITHUB)
			problem_github(l->path, p);
		else if (format == FORMAT_JSON)
			json_array_append_new(list, problem_json(l->path, p));
		else if (format == FORMAT_SARIF)
			sarif_add(sarif, l->path, p);
	}
	if (format != FORMAT_TEXT)
		return;
	show_problems(stdout, cli->colour, l->path, &l->problems);
	if (!l->problems.n)
		printf("%s: %sno problems%s\n", l->path, tone_on(cli->colour, TONE_GOOD),
		       tone_off(cli->colour, TONE_GOOD));
}

/* A file that could not be read is told to whoever reads the format, too. */
static void tell_unread(enum format format, const char *path, const struct err *err, json_t *list,
                        struct sarif *sarif)
{
	const struct problem p = {.severity = PROBLEM_ERROR, .code = "unread", .text = err->what};

	if (format == FORMAT_GITHUB)
		problem_github(path, &p);
	else if (format == FORMAT_JSON)
		json_array_append_new(list, problem_json(path, &p));
	else if (format == FORMAT_SARIF)
		sarif_unread(sarif, path, err->what);
}

static int lint_main(struct cli *cli, const void *args)
{
	const struct lint_args *a = args;
	enum format format = format_of(a);
	json_t *list = json_array(), *log;
	struct sarif sarif;
	int code = EXIT_HELD;

	sarif_init(&sarif);
	for (size_t i = 0; i < a->files.n; i++) {
		_cleanup_loaded_ struct loaded l = {0};
		struct err err = ERR_INIT;

		if (load(cli, a->files.v[i], &a->vars, true, &l, &err) < 0) {
			tell_unread(format, a->files.v[i], &err, list, &sarif);
			code = (int)show_err(&err, EXIT_USAGE);
			continue;
		}
		tell(cli, format, &l, list, &sarif);
		if (l.problems.errors || (!l.x && !l.policy))
			code = EXIT_USAGE;
	}
	/* Taken whatever the format, so that it is freed. */
	log = sarif_take(&sarif);
	if (format == FORMAT_SARIF)
		show_json(json_incref(log), false);
	else if (format == FORMAT_JSON)
		show_json(json_incref(list), false);
	json_decref(list);
	json_decref(log);
	return code;
}

static const struct param lint_params[] = {
        {"file", PARAM_LIST, offsetof(struct lint_args, files),
         .help = "experiment files, or a policy; \"-\" is standard input",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL | PARAM_PATH},
        {"format", PARAM_ENUM, offsetof(struct lint_args, format), .dflt = "text",
         .choices = "text|json|sarif|github", .help = "how problems are written"},
        {"json", PARAM_BOOL, offsetof(struct lint_args, json), .help = "the same as --format json"},
        {"var", PARAM_MAP, offsetof(struct lint_args, vars), .help = "a variable of the file"},
        {0},
};

static const char *const lint_examples[] = {
        "squall lint shop.yaml",
        "squall lint --format github experiments/*.yaml",
        "squall lint --json - < shop.yaml",
        "squall lint /etc/squall/policy.yaml",
        NULL,
};

const struct cli_command command_lint = {
        .kind = {.name = "lint",
                 .summary = "Finds every problem of a file, with line, column and a remedy",
                 .man = "Touches nothing but the files. Warnings do not change the exit code.",
                 .params = lint_params,
                 .args_size = sizeof(struct lint_args),
                 .examples = lint_examples},
        .exits = EXITS_READ,
        .main = lint_main,
};
