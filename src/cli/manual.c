/*
 * manual.c - makes the manual while squall is built: scdoc(5) on standard output, from the tables
 * that parser, lint and help read. Not installed.
 *
 *   manual command NAME      the page of a command
 *   manual page FILE         the prose of FILE; a line "@WORD@" in it becomes a part made from
 * tables
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/catalogue.h"
#include "cli/help.h"
#include "fault/fault.h"
#include "model/key.h"
#include "model/policy.h"
#include "probe/probe.h"

enum { MEMORY_MAX = 16 << 20, LINE_MAX_ = 1000, DEPTH_MAX = 4 };

/* What would be markup is text. */
static void text(const char *s)
{
	for (; *s; s++) {
		if (strchr("*_\\`#[]|", *s))
			putchar('\\');
		putchar(*s);
	}
}

static void sentence(const char *s)
{
	putchar(toupper((unsigned char)*s));
	text(s + 1);
	puts(".");
}

static void indent(unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		putchar('\t');
}

/* Paragraphs are divided by an empty line there as well. */
static void paragraphs(const char *s)
{
	text(s);
	puts("\n");
}

static void literal(const char *const *lines)
{
	puts("```");
	for (; *lines; lines++)
		puts(*lines);
	puts("```\n");
}

/* "*--delay* _TIME_", and what it is, indented below. */
static void entry(unsigned depth, const char *name, const char *value, const char *says)
{
	indent(depth);
	putchar('*');
	text(name);
	putchar('*');
	if (value && value[0]) {
		fputs(" _", stdout);
		text(value);
		putchar('_');
	}
	putchar('\n');
	indent(depth + 1);
	text(says && says[0] ? says : "-");
	puts("\n");
}

static void params(struct arena *a, const struct kind *kind, bool as_options)
{
	for (const struct param *p = kind->params; p && p->name; p++) {
		const char *word = help_value_word(p, a);

		if (!as_options)
			entry(0, p->name, word, help_param_says(p, a));
		else if (p->flags & PARAM_POSITIONAL)
			entry(0, word, "", help_param_says(p, a));
		else
			entry(0, arena_printf(a, "--%s", p->name), word, help_param_says(p, a));
	}
}

static void exits(struct arena *a, unsigned bits)
{
	for (int i = EXIT_HELD; i <= EXIT_BROKEN; i++)
		if (bits & EXIT_BIT(i))
			entry(0, arena_printf(a, "%d", i), "", exit_code_says((enum exit_code)i));
}

static void page_head(const char *name, const char *section)
{
	printf("%s(%s) \"squall %s\" \"squall\"\n\n", name, section, SQUALL_VERSION);
}

static int command_page(struct arena *a, const char *name)
{
	const struct cli_command *c = command_find(name);
	char *usage = NULL;
	size_t n = 0;
	FILE *to;

	if (!c)
		return EXIT_USAGE;
	to = open_memstream(&usage, &n);
	if (!to)
		return EXIT_BROKEN;
	help_usage(to, c, NULL, a);
	fclose(to);
	page_head(arena_printf(a, "squall-%s", name), "1");
	printf("# NAME\n\nsquall-%s - %c", name, tolower((unsigned char)c->kind.summary[0]));
	text(c->kind.summary + 1);
	puts("\n\n# SYNOPSIS\n");
	text(strchr(usage, ' ') + 1); /* after "Usage:" */
	free(usage);
	puts("\n# DESCRIPTION\n");
	sentence(c->kind.summary);
	putchar('\n');
	if (c->kind.man)
		paragraphs(c->kind.man);
	if (c->kind.params && c->kind.params[0].name) {
		puts("# OPTIONS\n");
		params(a, &c->kind, true);
	}
	puts("# EXIT STATUS\n");
	exits(a, c->exits);
	if (c->kind.examples) {
		puts("# EXAMPLES\n");
		literal(c->kind.examples);
	}
	puts("# SEE ALSO\n\n*squall*(1), *squall-experiment*(5), *squall-faults*(7), "
	     "*squall-probes*(7)");
	return EXIT_HELD;
}

static void command_list(void)
{
	for (size_t i = 0; commands[i]; i++) {
		printf("*squall-%s*(1)\n\t", commands[i]->kind.name);
		sentence(commands[i]->kind.summary);
		putchar('\n');
	}
}

static const char *joined(struct arena *a, const char *bars)
{
	char *s = arena_alloc(a, 2 * strlen(bars) + 1), *to = s;

	for (; s && *bars; bars++) {
		*to++ = *bars == '|' ? ',' : *bars;
		if (*bars == '|')
			*to++ = ' ';
	}
	return s ? s : bars;
}

static void kind_head(const struct kind *kind)
{
	printf("## ");
	text(kind->name);
	puts("\n");
	sentence(kind->summary);
	putchar('\n');
	if (kind->man)
		paragraphs(kind->man);
}

static void kind_params(struct arena *a, const struct kind *kind)
{
	if (!kind->params || !kind->params[0].name)
		return;
	puts("_Parameters_\n");
	params(a, kind, false);
}

static void kind_examples(const struct kind *kind)
{
	if (!kind->examples)
		return;
	puts("_Examples_\n");
	literal(kind->examples);
}

static void fault_list(struct arena *a)
{
	for (size_t i = 0; faults[i]; i++) {
		const struct fault *f = faults[i];
		const char *needs = "";

		for (size_t k = 0; f->needs && f->needs[k]; k++)
			needs = arena_printf(a, "%s%s%s", needs, k ? ", " : "", f->needs[k]);
		kind_head(&f->kind);
		kind_params(a, &f->kind);
		puts("_Facts_\n");
		entry(0, "targets", "", joined(a, f->kind.targets));
		entry(0, "class", "", f->kind.class_);
		entry(0, "needs", "", needs[0] ? needs : "nothing");
		entry(0, "way back", "", fault_way_back(f));
		entry(0, "dies with", "", fault_dies_with(f, a));
		kind_examples(&f->kind);
	}
}

static void probe_list(struct arena *a, const struct kind *const *kinds)
{
	for (; *kinds; kinds++) {
		kind_head(*kinds);
		kind_params(a, *kinds);
		if ((*kinds)->fields)
			puts("_Answer_\n");
		for (const struct field *f = (*kinds)->fields; f && f->name; f++)
			entry(0, f->name, field_kind_name(f->kind), f->help);
		kind_examples(*kinds);
	}
}

static void keys(struct arena *a, const struct key *k, unsigned depth, bool below)
{
	for (; k->name; k++) {
		BUF(says, LINE_MAX_);

		buf_add(&says, k->help);
		/* Where the help names the words, it explains them as well. */
		for (size_t i = 0; k->words && !strstr(k->help, k->words[0]) && k->words[i]; i++)
			buf_addf(&says, "%s%s", i ? ", " : ": ", k->words[i]);
		if (k->required)
			buf_add(&says, " (required)");
		else if (k->dflt)
			buf_addf(&says, " (default %s)", k->dflt);
		if (k->later)
			buf_add(&says, " (not built yet)");
		entry(depth, k->name, key_value_word(k), says.data);
		if (k->keys && below && depth < DEPTH_MAX)
			keys(a, k->keys, depth + 1, true);
	}
}

static void run_field_list(void)
{
	for (const struct field *f = run_fields; f->name; f++)
		entry(0, f->name, field_kind_name(f->kind), f->help);
}

static void policy_list(struct arena *a)
{
	for (const struct policy_key *k = policy_keys; k->name; k++) {
		const char *choices = k->choices ? joined(a, k->choices) : "";
		const char *says = arena_printf(a, "%s%s%s%s%s%s. Example: %s", k->help,
		                                choices[0] ? ": " : "", choices,
		                                k->dflt ? " (default " : "", k->dflt ? k->dflt : "",
		                                k->dflt ? ")" : "", k->example ? k->example : "-");

		entry(0, k->name, "", says);
	}
}

static int part(struct arena *a, const char *word)
{
	static const struct {
		const char *name;
		const struct key *keys;
	} tables[] = {
	        {"experiment", keys_experiment},
	        {"var", keys_var},
	        {"hypothesis", keys_hypothesis},
	        {"steady", keys_steady},
	        {"monitor", keys_monitor},
	        {"misses", keys_misses},
	        {"look", keys_look},
	        {"slo", keys_slo},
	        {"blast", keys_blast},
	        {"attack", keys_attack},
	        {"wait", keys_wait},
	        {"together", keys_together},
	        {"levels", keys_levels},
	        {"target", keys_target},
	        {"recovery", keys_recovery},
	};

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		if (strcmp(tables[i].name, word) != 0)
			continue;
		keys(a, tables[i].keys, 0, tables[i].keys != keys_experiment);
		return 0;
	}
	if (strcmp(word, "commands") == 0)
		command_list();
	else if (strcmp(word, "exits") == 0)
		exits(a, EXITS_ALL);
	else if (strcmp(word, "faults") == 0)
		fault_list(a);
	else if (strcmp(word, "probes") == 0)
		probe_list(a, probe_kinds);
	else if (strcmp(word, "actions") == 0)
		probe_list(a, action_kinds);
	else if (strcmp(word, "policy") == 0)
		policy_list(a);
	else if (strcmp(word, "run-fields") == 0)
		run_field_list();
	else
		return -EINVAL;
	return 0;
}

/* The first line of the prose is the page's name, as in "squall-faults(7)". */
static int prose_page(struct arena *a, const char *path)
{
	char line[LINE_MAX_];
	FILE *from = fopen(path, "re");
	int bad = from ? 0 : -ENOENT;
	bool first = true;

	while (!bad && fgets(line, sizeof(line), from)) {
		size_t n = strlen(line);

		if (first) {
			line[strcspn(line, ")\n")] = '\0';
			n = strcspn(line, "(");
			page_head(arena_strndup(a, line, n), line[n] ? line + n + 1 : "");
			first = false;
		} else if (n > 3 && line[0] == '@' && line[n - 2] == '@') {
			line[n - 2] = '\0';
			bad = part(a, line + 1);
		} else {
			fputs(line, stdout);
		}
	}
	if (from)
		fclose(from);
	if (bad)
		fprintf(stderr, "manual: cannot make \"%s\": \"%s\"\n", path, line);
	return bad ? EXIT_USAGE : EXIT_HELD;
}

int main(int argc, char **argv)
{
	struct arena arena;
	int code = EXIT_USAGE;

	arena_init(&arena, MEMORY_MAX);
	if (argc == 3 && strcmp(argv[1], "command") == 0)
		code = command_page(&arena, argv[2]);
	else if (argc == 3 && strcmp(argv[1], "page") == 0)
		code = prose_page(&arena, argv[2]);
	arena_release(&arena);
	return fflush(stdout) == 0 ? code : EXIT_BROKEN;
}
