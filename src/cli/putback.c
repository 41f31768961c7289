/* Puts back what dead runs left, before anything else is done. */
#include "cli/putback.h"

#include <errno.h>
#include <stdio.h>

#include "cli/show.h"
#include "history/lost.h"

void residue_show(const char *type, const char *object, const char *note, const char *by_hand)
{
	fputs("left behind: ", stderr);
	show_text(stderr, type, false);
	fputc(' ', stderr);
	show_text(stderr, object, false);
	if (note && note[0]) {
		fputs(": ", stderr);
		show_text(stderr, note, false);
	}
	fputc('\n', stderr);
	if (by_hand && by_hand[0]) {
		fputs("  put it back by hand: ", stderr);
		show_text(stderr, by_hand, false);
		fputc('\n', stderr);
	}
}

void residue_show_doc(const json_t *doc)
{
	const json_t *list = json_object_get(doc, "residue"), *step;
	size_t i;

	json_array_foreach (list, i, step) {
		const char *type = json_string_value(json_object_get(step, "step"));
		const char *object = json_string_value(json_object_get(step, "object"));

		residue_show(type ? type : "", object ? object : "",
		             json_string_value(json_object_get(step, "note")),
		             json_string_value(json_object_get(step, "by-hand")));
	}
}

static void told(void *ctx, const char *run, const struct slot *s)
{
	if (s->phase == SLOT_RESIDUE) {
		BUF(hand, 1024);

		undo_by_hand(s, &hand);
		residue_show(s->type, s->object, s->note, hand.over ? "" : hand.data);
		return;
	}
	fprintf(stderr, "squall: %s: %s ", run,
	        s->phase == SLOT_GONE ? "gone by itself:" : "put back:");
	show_text(stderr, s->type, false);
	fputc(' ', stderr);
	show_text(stderr, s->object, false);
	fputc('\n', stderr);
}

static void lost(void *ctx, const char *id, const json_t *doc)
{
	fprintf(stderr,
	        "squall: %s: its process had died; finished as lost (\"squall report %s\")\n", id,
	        id);
}

void unreadable_show(const struct cli *cli, struct err *err)
{
	(void)err_hint(err, err->code,
	               "See to what that run may have left, then remove its folder in \"%.180s\".",
	               cli->paths.runs);
	show_err(err, EXIT_BROKEN);
}

enum exit_code putback(struct cli *cli, struct undo_result *result)
{
	struct undo_result r = {0};
	struct err err = ERR_INIT;
	int ret = undo_all(&cli->world, &cli->paths, told, NULL, &r, &err);

	if (result)
		*result = r;
	/* One log that cannot be read must not forbid all runs for ever: it is said, each time. */
	if (ret < 0 && !r.unreadable)
		return show_err(&err, EXIT_BROKEN);
	if (ret < 0)
		unreadable_show(cli, &err);
	if (lost_finish_all(&cli->world, &cli->paths, lost, NULL, &err) < 0)
		show_err(&err, EXIT_BROKEN); /* a record, not the machine: go on */
	return r.residue ? EXIT_RESIDUE : EXIT_HELD;
}

void halt_say(const struct halt *halt, struct err *err)
{
	(void)err_set(err, -EPERM, "runs are halted since %s by %s%s%s", halt->when, halt->by,
	              halt->reason[0] ? ": " : "", halt->reason);
	if (halt->own)
		(void)err_hint(err, -EPERM, "\"squall resume\" allows runs again.");
	else
		(void)err_hint(err, -EPERM, "Root or %s can allow runs again: \"squall resume\".",
		               halt->by);
}

enum exit_code halted_refuse(struct cli *cli, const struct policies *policies)
{
	struct halt_files files;
	struct halt halt;
	struct err err = ERR_INIT;

	halt_files(&cli->paths, policies_halt_anyone(policies), &files);
	if (!halt_read(&files, &halt))
		return EXIT_HELD;
	halt_say(&halt, &err);
	return show_err(&err, EXIT_REFUSED);
}
