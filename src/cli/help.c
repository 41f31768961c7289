/* Makes help screens from the tables. */
#include "cli/help.h"

#include <ctype.h>
#include <string.h>

#include "cli/show.h"

enum { HELP_WIDTH = 80 };

/* Long lists of choices are told with the help text instead. */
static bool choices_fit(const struct param *p)
{
	return strlen(p->choices) <= 32;
}

/* "TIME" for a duration; the name in capitals where the kind says nothing. */
const char *help_value_word(const struct param *p, struct arena *arena)
{
	char *word;

	switch (p->kind) {
	case PARAM_DURATION:
		return "TIME";
	case PARAM_SIZE:
		return "SIZE";
	case PARAM_SHARE:
		return "PERCENT";
	case PARAM_RATE:
		return "RATE";
	case PARAM_COUNT:
		return "N";
	case PARAM_NUMBER:
		return "NUMBER";
	case PARAM_BOOL:
		return "";
	case PARAM_ENUM:
		return choices_fit(p) ? p->choices : "WORD";
	case PARAM_MAP:
		return "KEY=VALUE";
	case PARAM_DOC:
		return "JSON";
	case PARAM_TEXT:
	case PARAM_LIST:
		break;
	}
	if (p->flags & PARAM_PATH)
		return "FILE";
	word = arena_strdup(arena, p->name);
	for (char *c = word; c && *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return word ? word : "TEXT";
}

static bool is_many(const struct param *p)
{
	return p->kind == PARAM_LIST || p->kind == PARAM_MAP;
}

/* "FILE...", "[NAME]". */
static void usage_positional(FILE *to, const struct param *p, struct arena *arena)
{
	bool must = p->flags & PARAM_REQUIRED;

	fprintf(to, " %s%s%s%s", must ? "" : "[", help_value_word(p, arena),
	        is_many(p) ? "..." : "", must ? "" : "]");
}

static void usage_kind(FILE *to, const struct kind *kind, struct arena *arena)
{
	for (const struct param *p = kind->params; p && p->name; p++)
		if (p->flags & PARAM_POSITIONAL)
			usage_positional(to, p, arena);
	for (const struct param *p = kind->params; p && p->name; p++)
		if (p->flags & PARAM_REQUIRED && !(p->flags & PARAM_POSITIONAL))
			fprintf(to, " --%s %s%s", p->name, help_value_word(p, arena),
			        is_many(p) ? "..." : "");
}

static bool has_options(const struct kind *kind)
{
	for (const struct param *p = kind ? kind->params : NULL; p && p->name; p++)
		if (!(p->flags & PARAM_POSITIONAL))
			return true;
	return false;
}

void help_usage(FILE *to, const struct cli_command *command, const struct kind *sub,
                struct arena *arena)
{
	fprintf(to, "Usage: squall %s", command->kind.name);
	if (command->subs)
		fprintf(to, " %s", sub ? sub->name : command->sub_word);
	if (sub)
		usage_kind(to, sub, arena);
	usage_kind(to, &command->kind, arena);
	fputs(has_options(&command->kind) || has_options(sub) ? " [OPTION]...\n" : "\n", to);
}

static const char *spaced(struct arena *arena, const char *choices)
{
	char *to = arena_alloc(arena, 2 * strlen(choices) + 1), *at = to;

	if (!to)
		return choices;
	for (; *choices; choices++) {
		*at++ = *choices == '|' ? ',' : *choices;
		if (*choices == '|')
			*at++ = ' ';
	}
	return to;
}

const char *help_param_says(const struct param *p, struct arena *arena)
{
	const char *range = "", *dflt = "", *must = p->flags & PARAM_REQUIRED ? " (required)" : "";
	bool empty =
	        !p->dflt || !p->dflt[0] || (p->kind == PARAM_BOOL && strcmp(p->dflt, "false") == 0);
	const char *says;

	if (p->kind == PARAM_ENUM && !choices_fit(p))
		range = arena_printf(arena, ": %s", p->choices);
	else if (p->min && p->max)
		range = arena_printf(arena, " (%s to %s)", p->min, p->max);
	else if (p->min)
		range = arena_printf(arena, " (at least %s)", p->min);
	else if (p->max)
		range = arena_printf(arena, " (at most %s)", p->max);
	if (!empty)
		dflt = arena_printf(arena, " (default %s)", p->dflt);
	/* Bars would keep the text from being wrapped. */
	if (p->kind == PARAM_ENUM && range && range[0])
		range = spaced(arena, range);
	says = arena_printf(
	        arena, "%s%s%s%s%s", p->help ? p->help : "", range ? range : "", dflt ? dflt : "",
	        must, is_many(p) && !(p->flags & PARAM_POSITIONAL) ? "; may be given again" : "");
	return says ? says : "";
}

static void params_add(struct table *t, struct arena *arena, const struct kind *kind,
                       bool as_options)
{
	for (const struct param *p = kind->params; p && p->name; p++) {
		const char *word = help_value_word(p, arena);
		const char *left;

		if (!as_options)
			left = arena_printf(arena, "%s%s%s", p->name, word[0] ? ": " : "", word);
		else if (p->flags & PARAM_POSITIONAL)
			left = word;
		else
			left = arena_printf(arena, "--%s%s%s", p->name, word[0] ? " " : "", word);
		TABLE_ADD(t, left, help_param_says(p, arena));
	}
}

void help_params(FILE *to, bool colour, struct arena *arena, const struct kind *kind,
                 bool as_options)
{
	struct table t;

	table_init(&t, arena, 2, 2);
	t.wrap = HELP_WIDTH;
	params_add(&t, arena, kind, as_options);
	table_print(&t, to, colour);
}

static void heading(FILE *to, bool colour, const char *text)
{
	fprintf(to, "\n%s%s%s\n", tone_on(colour, TONE_BOLD), text, tone_off(colour, TONE_BOLD));
}

static void exits(FILE *to, bool colour, struct arena *arena, unsigned bits)
{
	struct table t;

	heading(to, colour, "Exit codes:");
	table_init(&t, arena, 2, 2);
	t.wrap = HELP_WIDTH;
	for (int i = EXIT_HELD; i <= EXIT_BROKEN; i++)
		if (bits & EXIT_BIT(i))
			TABLE_ADD(&t, arena_printf(arena, "%d", i),
			          exit_code_says((enum exit_code)i));
	table_print(&t, to, colour);
}

void help_command(FILE *to, bool colour, struct arena *arena, const struct cli_command *command,
                  const struct kind *sub)
{
	const struct kind *about = sub ? sub : &command->kind;

	help_usage(to, command, sub, arena);
	fputc('\n', to);
	show_wrapped(to,
	             arena_printf(arena, "%c%s.", toupper((unsigned char)about->summary[0]),
	                          about->summary + 1),
	             0, HELP_WIDTH);
	if (about->man) {
		fputc('\n', to);
		show_wrapped(to, about->man, 0, HELP_WIDTH);
	}
	if (sub && sub->params && sub->params[0].name) {
		heading(to, colour, "Parameters:");
		help_params(to, colour, arena, sub, true);
	}
	if (command->kind.params && command->kind.params[0].name) {
		heading(to, colour, "Options:");
		help_params(to, colour, arena, &command->kind, true);
	}
	if (about->examples) {
		heading(to, colour, "Examples:");
		for (size_t i = 0; about->examples[i]; i++)
			fprintf(to, "  %s\n", about->examples[i]);
	}
	exits(to, colour, arena, command->exits);
}

void help_overview(FILE *to, bool colour)
{
	fputs("Usage: squall COMMAND [OPTION]...\n\n"
	      "Hurts a system on purpose, watches what it does, stops at a limit, puts everything\n"
	      "back and proves it.\n",
	      to);
	heading(to, colour, "Commands:");
	for (size_t i = 0; commands[i]; i++)
		fprintf(to, "  %-12s%s\n", commands[i]->kind.name, commands[i]->kind.summary);
	heading(to, colour, "Start here:");
	fputs("  squall faults                 what can be hurt, and how\n"
	      "  squall plan shop.yaml         what a file would do; touches nothing\n"
	      "  squall run shop.yaml          do it, watch, put back, report\n"
	      "  squall halt                   stop everything, now\n"
	      "\n\"squall COMMAND --help\" says more, with examples and exit codes.\n",
	      to);
}
