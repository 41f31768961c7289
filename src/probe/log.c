/* log: new lines of a file or of the systemd journal that match. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/quantity.h"
#include "io/journal.h"
#include "io/regex.h"
#include "probe/doc.h"
#include "probe/kept.h"
#include "probe/log-lines.h"
#include "probe/probe.h"

struct log_args {
	const char *path, *matches, *since, *unit, *identifier, *priority, *directory;
	bool journal;
	uint64_t keep, max_read, timeout_ns;
};

static bool wants_journal(const struct log_args *a)
{
	return a->journal || a->unit || a->identifier || a->priority || a->directory;
}

/* Where a first look begins: before the end, or with the oldest line (all). */
struct since {
	bool all, is_size;
	uint64_t back; /* bytes, or nanoseconds */
};

static int since_parse(const struct log_args *a, struct since *s, struct err *err)
{
	enum quantity_kind kind;
	double x;
	*s = (struct since){.all = !strcmp(a->since, "start")};
	if (s->all || !strcmp(a->since, "end"))
		return 0;
	if (quantity_parse_any(a->since, &kind, &x, NULL) < 0 ||
	    (kind != QUANTITY_SIZE && kind != QUANTITY_DURATION)) {
		(void)err_set(err, -EINVAL, "\"%.60s\" is not where a log can begin", a->since);
		return err_hint(err, -EINVAL,
		                "Write end, start, a size for a file (64KiB) or a time for the "
		                "journal (5m).");
	}
	s->is_size = kind == QUANTITY_SIZE;
	s->back = (uint64_t)x;
	return 0;
}

static uint64_t total_of(const json_t *before)
{
	return (uint64_t)json_integer_value(json_object_get(before, "total"));
}

static int file_lines(const struct world *w, const struct log_args *a, const json_t *before,
                      struct log_lines *lines, json_t *doc, json_t **place, struct err *err)
{
	struct since since;
	struct log_file_news news;
	int rc = since_parse(a, &since, err);
	if (rc == 0)
		rc = log_file_read(w, a->path, json_object_get(before, "place"),
		                   since.all ? UINT64_MAX : since.back, a->max_read, lines, &news,
		                   place, err);
	if (rc < 0)
		return rc;
	doc_set(doc, "exists", json_boolean(news.exists));
	if (!news.exists)
		return 0;
	doc_set(doc, "rotated", json_boolean(news.rotated));
	doc_set(doc, "truncated", json_boolean(news.truncated));
	doc_set(doc, "gap", json_boolean(news.gap));
	doc_set(doc, "more", json_boolean(news.more));
	return 0;
}

struct entries {
	struct log_lines *lines;
	struct err *err;
};

static int entry_add(void *ctx, const char *message, size_t n)
{
	struct entries *e = ctx;
	return log_lines_add(e->lines, message, n, e->err);
}

static int first_entry(const struct log_args *a, const struct journal_filter *f,
                       struct journal_place *place, struct err *err)
{
	struct since since;
	int rc = since_parse(a, &since, err);
	if (rc < 0)
		return rc;
	if (!since.all && !since.back)
		return journal_end(f, place, err);
	uint64_t now = clock_wall_ns();
	*place = (struct journal_place){
	        .since_us = since.all || since.back > now ? 0 : (now - since.back) / 1000};
	return 0;
}

static int journal_lines(const struct world *w, const struct log_args *a, const json_t *before,
                         struct log_lines *lines, json_t *doc, json_t **to, struct err *err)
{
	static const char *const priorities[] = {"emerg",   "alert",  "crit", "err",
	                                         "warning", "notice", "info", "debug"};
	struct journal_filter f = {.directory = a->directory,
	                           .unit = a->unit,
	                           .identifier = a->identifier,
	                           .priority = -1};
	struct entries entries = {lines, err};
	struct journal_place place = {0};
	const json_t *was = json_object_get(before, "place");
	bool more = false;
	int rc = 0;
	if (!world_is_real(w))
		return err_set(err, -ENOSYS, "cannot read the journal of a recorded machine");
	for (size_t i = 0; a->priority && i < ARRAY_SIZE(priorities); i++)
		if (!strcmp(a->priority, priorities[i]))
			f.priority = (int)i;
	if (was) {
		place.since_us = (uint64_t)json_integer_value(json_object_get(was, "since"));
		(void)!text_copy(place.cursor, sizeof(place.cursor),
		                 json_string_value(json_object_get(was, "cursor")));
	} else {
		rc = first_entry(a, &f, &place, err);
	}
	if (rc == 0)
		rc = journal_read(&f, &place, a->max_read, entry_add, &entries, &more, err);
	if (rc < 0)
		return rc;
	*to = json_pack("{s:s, s:I}", "cursor", place.cursor, "since", (json_int_t)place.since_us);
	doc_set(doc, "exists", json_true());
	doc_set(doc, "more", json_boolean(more));
	return 0;
}

static void lines_doc(struct log_lines *lines, uint64_t total, bool first, json_t *doc)
{
	size_t n = json_array_size(lines->kept);
	doc_count(doc, "count", lines->count);
	doc_count(doc, "total", total);
	doc_count(doc, "read", lines->read);
	if (n)
		doc_set(doc, "last", json_incref(json_array_get(lines->kept, n - 1)));
	doc_set(doc, "lines", json_incref(lines->kept));
	doc_set(doc, "first", json_boolean(first));
}

static json_t *log_read(const struct world *w, const void *args, const json_t *before,
                        struct err *err)
{
	const struct log_args *a = args;
	struct log_lines lines = {.keep = a->keep, .kept = json_array()};
	struct regex *regex = a->matches ? regex_new(a->matches, err) : NULL;
	json_t *doc = json_object(), *place = NULL;
	int rc = a->matches && !regex ? -EINVAL : 0;
	lines.regex = regex;
	if (rc == 0)
		rc = (wants_journal(a) ? journal_lines : file_lines)(w, a, before, &lines, doc,
		                                                     &place, err);
	if (rc == 0) {
		uint64_t total = total_of(before) + lines.count;
		doc_set(doc, "kept",
		        json_pack("{s:o, s:I}", "place", place, "total", (json_int_t)total));
		if (json_is_true(json_object_get(doc, "exists")))
			lines_doc(&lines, total, !before, doc);
	}
	regex_free(regex);
	json_decref(lines.kept);
	if (rc == 0)
		return doc;
	json_decref(doc);
	return NULL;
}

static int log_look(struct loop *loop, const struct world *w, const void *args, struct span when,
                    look_done *done, void *ctx, struct look **out, struct err *err)
{
	const struct log_args *a = args;
	BUF(what, 300);
	if (a->path)
		buf_addf(&what, "log \"%.280s\"", a->path);
	else
		buf_add(&what, "the journal");
	struct kept_spec spec = {.read = log_read, .what = what.data, .timeout_ns = a->timeout_ns};
	return kept_start(loop, w, &spec, args, when, done, ctx, out, err);
}

static int log_check(const void *args, struct err *err)
{
	const struct log_args *a = args;
	struct since since;
	if (!a->path == !wants_journal(a)) {
		(void)err_set(err, -EINVAL,
		              a->path ? "a file and the journal are both named"
		                      : "nothing says which log is meant");
		return err_hint(err, -EINVAL,
		                "Give the path of a file, or journal, unit or identifier.");
	}
	if ((a->path && a->path[0] != '/') || (a->directory && a->directory[0] != '/')) {
		(void)err_set(err, -EINVAL, "\"%.200s\" is not an absolute path",
		              a->path ? a->path : a->directory);
		return err_hint(err, -EINVAL, "Start it with /.");
	}
	int rc = since_parse(a, &since, err);
	if (rc < 0)
		return rc;
	if (since.back && since.is_size == !a->path) {
		(void)err_set(err, -EINVAL, "the %s cannot begin at \"%.60s\"",
		              a->path ? "lines of a file" : "journal", a->since);
		return err_hint(err, -EINVAL,
		                a->path ? "A file has no times: write a size, as 64KiB."
		                        : "Write a time, as 5m.");
	}
	if (!a->matches)
		return 0;
	struct regex *r = regex_new(a->matches, err);
	regex_free(r);
	return r ? 0 : -EINVAL;
}

#define AT(member) offsetof(struct log_args, member)
static const struct param log_params[] = {
        {"path", PARAM_TEXT, AT(path), .flags = PARAM_POSITIONAL | PARAM_PATH,
         .help = "absolute path of a file of lines; links are followed"},
        {"matches", PARAM_TEXT, AT(matches),
         .help = "a pattern; only lines that match it count. Every line if left out"},
        {"since", PARAM_TEXT, AT(since), "end",
         .help = "where the first look begins: end, start, 64KiB before the end of a file, 5m ago "
                 "in the journal"},
        {"journal", PARAM_BOOL, AT(journal), "false", .help = "the systemd journal, all of it"},
        {"unit", PARAM_TEXT, AT(unit), .help = "the journal, of this unit: nginx.service"},
        {"identifier", PARAM_TEXT, AT(identifier),
         .help = "the journal, of this program (SYSLOG_IDENTIFIER)"},
        {"priority", PARAM_ENUM, AT(priority),
         .choices = "emerg|alert|crit|err|warning|notice|info|debug",
         .help = "the journal, entries as urgent as this or more"},
        {"directory", PARAM_TEXT, AT(directory), .flags = PARAM_PATH,
         .help = "the journal whose files are in this folder; this machine's if left out"},
        {"keep", PARAM_COUNT, AT(keep), "10", "0", "1000",
         .help = "how many of the matching lines are shown, the newest"},
        {"max-read", PARAM_SIZE, AT(max_read), "16MiB", "64KiB", "1GiB",
         .help = "how much one look reads; the next one goes on from there"},
        {"timeout", PARAM_DURATION, AT(timeout_ns), "2s", "1ms", "10m",
         .help = "greatest time for the look, counted from when it was due"},
        {NULL},
};

static const struct field log_fields[] = {
        {"exists", FIELD_BOOL,
         "whether the file is there; the fields below are absent when it is not"},
        {"count", FIELD_NUMBER, "matching lines since the look before"},
        {"total", FIELD_NUMBER, "matching lines since the first look of this run began"},
        {"last", FIELD_TEXT, "the newest of them (4 KiB at most); absent when there is none"},
        {"lines", FIELD_LIST, "the newest of them, oldest first, as many as keep says"},
        {"read", FIELD_NUMBER, "new lines, whether they match or not"},
        {"more", FIELD_BOOL, "whether there was more than max-read"},
        {"first", FIELD_BOOL, "whether this is the first look"},
        {"rotated", FIELD_BOOL,
         "whether another file has its name now; this and the next two of files only"},
        {"truncated", FIELD_BOOL,
         "whether it was cut or written anew: what was added before that is not counted"},
        {"gap", FIELD_BOOL,
         "whether lines may be missing: the file before a rotation was not to be found"},
        {"seconds", FIELD_SECONDS, "how long the look took, from when it was due"},
        {NULL},
};

static const char *const log_examples[] = {
        "squall probe log /var/log/nginx/error.log --matches \\[crit\\] --since 64KiB",
        "squall probe log --unit redis-server.service --matches OOM --since 10m",
        "squall probe log --journal true --priority err --since 1h --keep 50",
        NULL,
};

const struct probe probe_log = {
        .kind =
                {
                        .name = "log",
                        .summary = "counts new lines of a file or the journal that match",
                        .man = "Reads what was added to a log since the look before. Within a run "
                               "each probe "
                               "remembers how far it has read; a look that failed loses nothing, "
                               "the next one "
                               "tells what it would have told. The first look begins at the end, "
                               "so count is 0 "
                               "then; since lets it begin earlier, which a single look (squall "
                               "probe) needs.\n"
                               "\n"
                               "A file that was renamed away is read to its end under its new "
                               "name, in the same "
                               "folder, before the one that took its place. A file that was cut "
                               "or written anew "
                               "is read from its start. A line counts when its end is written. "
                               "What is not UTF-8 "
                               "is shown as ?. A file that is not there is an answer: exists is "
                               "false, and there "
                               "is no count; when it appears all of it is new.\n"
                               "\n"
                               "Of the journal the message is matched and shown. It is there when "
                               "squall was "
                               "built with libsystemd (see squall version) and may read it. Expect "
                               "count: 0 for a "
                               "log that must stay quiet, or end a run with an abort condition on "
                               "count or total.",
                        .params = log_params,
                        .args_size = sizeof(struct log_args),
                        .fields = log_fields,
                        .examples = log_examples,
                        .check = log_check,
                },
        .start = log_look,
        .cancel = kept_cancel,
};
