/* Tells kinds (faults, probes) to people and programs. */
#include "cli/catalogue.h"

#include <errno.h>
#include <string.h>

#include "cli/help.h"
#include "cli/show.h"

const char *param_kind_name(enum param_kind kind)
{
	static const char *const names[] = {"duration", "size",   "share", "rate",
	                                    "count",    "number", "bool",  "text",
	                                    "enum",     "list",   "map",   "document"};

	return (size_t)kind < ARRAY_SIZE(names) ? names[kind] : "";
}

const char *field_kind_name(enum field_kind kind)
{
	static const char *const names[] = {"number", "seconds", "bytes", "share", "rate",
	                                    "text",   "bool",    "list",  "any"};

	return (size_t)kind < ARRAY_SIZE(names) ? names[kind] : "";
}

const char *key_value_word(const struct key *k)
{
	switch (k->kind) {
	case KEY_DURATION:
	case KEY_TIME:
		return "TIME";
	case KEY_SHARE:
		return "PERCENT";
	case KEY_TEXT:
	case KEY_ID:
		return "TEXT";
	case KEY_PID:
	case KEY_PORT:
		return "N";
	case KEY_CGROUP:
		return "/PATH";
	case KEY_PICK:
		return "PICK";
	case KEY_BOOL:
		return "true|false";
	case KEY_WORD:
		return "WORD";
	case KEY_FAULT:
		return "FAULT";
	case KEY_WORDS:
	case KEY_TEXTS:
	case KEY_VALUES:
		return "LIST";
	default:
		return "";
	}
}

const char *fault_dies_with(const struct fault *f, struct arena *arena)
{
	const char *all = "";

	for (size_t i = 0; f->steps && f->steps[i] && all; i++) {
		const struct step_type *t = step_type_find(f->steps[i]);

		if (t)
			all = arena_printf(arena, "%s%s%s (%s)", all, *all ? ", " : "",
			                   step_dies_with(t), t->name);
	}
	return all ? all : "";
}

const char *fault_way_back(const struct fault *f)
{
	return f->kind.irreversible ? "none: needs --allow irreversible, or the word in the file"
	                            : "put back when it ends";
}

static void set_text(json_t *o, const char *key, const char *text)
{
	if (text && text[0])
		json_object_set_new(o, key, json_string(text));
}

static json_t *param_json(const struct param *p)
{
	json_t *o = json_pack("{s:s, s:s}", "name", p->name, "kind", param_kind_name(p->kind));

	set_text(o, "default", p->dflt);
	set_text(o, "min", p->min);
	set_text(o, "max", p->max);
	set_text(o, "choices", p->choices);
	set_text(o, "help", p->help);
	if (p->flags & PARAM_REQUIRED)
		json_object_set_new(o, "required", json_true());
	if (p->flags & PARAM_RAMP)
		json_object_set_new(o, "ramps", json_true());
	return o;
}

json_t *kind_json(const struct kind *kind)
{
	json_t *o = json_pack("{s:s, s:s}", "name", kind->name, "summary", kind->summary);
	json_t *params = json_array(), *fields = json_array();

	set_text(o, "class", kind->class_);
	set_text(o, "targets", kind->targets);
	for (const struct param *p = kind->params; p && p->name; p++)
		json_array_append_new(params, param_json(p));
	for (const struct field *f = kind->fields; f && f->name; f++) {
		json_t *field =
		        json_pack("{s:s, s:s}", "name", f->name, "kind", field_kind_name(f->kind));

		set_text(field, "help", f->help);
		json_array_append_new(fields, field);
	}
	json_object_set_new(o, "params", params);
	if (kind->fields)
		json_object_set_new(o, "answer", fields);
	else
		json_decref(fields);
	return o;
}

static void heading(struct cli *cli, const char *text)
{
	printf("\n%s%s%s\n", tone_on(cli->colour, TONE_BOLD), text,
	       tone_off(cli->colour, TONE_BOLD));
}

void kind_show(struct cli *cli, const struct kind *kind)
{
	printf("%s%s%s: %s\n", tone_on(cli->colour, TONE_BOLD), kind->name,
	       tone_off(cli->colour, TONE_BOLD), kind->summary);
	if (kind->man) {
		putchar('\n');
		show_wrapped(stdout, kind->man, 0, 80);
	}
	if (kind->params && kind->params[0].name) {
		heading(cli, "Parameters:");
		help_params(stdout, cli->colour, &cli->arena, kind, false);
	}
	if (kind->fields) {
		struct table t;

		heading(cli, "Answer:");
		table_init(&t, &cli->arena, 3, 2);
		t.wrap = 80;
		for (const struct field *f = kind->fields; f->name; f++)
			TABLE_ADD(&t, f->name, field_kind_name(f->kind), f->help);
		table_print(&t, stdout, cli->colour);
	}
	if (kind->examples) {
		heading(cli, "Examples:");
		for (size_t i = 0; kind->examples[i]; i++)
			printf("  %s\n", kind->examples[i]);
	}
}

const struct kind *kind_named(const struct kind *const *kinds, const char *noun, const char *name)
{
	const char *names[256], *near;
	struct err err = ERR_INIT;
	size_t n = 0;

	for (; n < ARRAY_SIZE(names) - 1 && kinds[n]; n++) {
		if (strcmp(kinds[n]->name, name) == 0)
			return kinds[n];
		names[n] = kinds[n]->name;
	}
	names[n] = NULL;
	near = text_nearest(name, names);
	(void)err_set(&err, -EINVAL, "unknown %s \"%s\"", noun, name);
	if (near)
		(void)err_hint(&err, -EINVAL, "Did you mean \"%s\"?", near);
	else
		(void)err_hint(&err, -EINVAL, "\"squall %ss\" lists what there is.", noun);
	show_err(&err, EXIT_USAGE);
	return NULL;
}
