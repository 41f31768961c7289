/* The index of runs in SQLite, made from the folders. */
#include "history/index.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

/* Raised when a column changes: an older database is made again. */
enum { INDEX_VERSION = 1 };

struct index {
	sqlite3 *db;
};

static const char schema[] =
        "CREATE TABLE runs(id TEXT PRIMARY KEY, title TEXT, service TEXT, started TEXT,"
        " seconds REAL, verdict TEXT, outcome TEXT, cleanup TEXT, exit INTEGER, why TEXT,"
        " what TEXT, fixed INTEGER, closed_why TEXT, closed_when TEXT) WITHOUT ROWID;";

/* -EIO: the disk or another process is in the way; -EBADMSG: the database is no good. */
static int db_err(sqlite3 *db, struct err *err, const char *doing)
{
	static const int elsewhere[] = {SQLITE_BUSY,  SQLITE_LOCKED, SQLITE_READONLY, SQLITE_PERM,
	                                SQLITE_IOERR, SQLITE_FULL,   SQLITE_CANTOPEN, SQLITE_NOMEM};
	int code = -EBADMSG;

	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		if (sqlite3_errcode(db) == elsewhere[i])
			code = -EIO;
	return err_set(err, code, "could not %s the history: %s", doing, sqlite3_errmsg(db));
}

static int db_exec(sqlite3 *db, const char *sql, struct err *err)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_err(db, err, "write");
}

static const char *text_of(const json_t *doc, const char *key)
{
	const char *text = json_string_value(json_object_get(doc, key));

	return text ? text : "";
}

/* Ended by a signal or a halt: nothing was found out about the system. */
static bool by_person(const json_t *doc)
{
	const char *by = text_of(json_object_get(doc, "abort"), "by");

	return strcmp(by, "signal") == 0 || strcmp(by, "halt") == 0;
}

const char *finding_of(const json_t *doc)
{
	const char *verdict = text_of(doc, "verdict"), *outcome = text_of(doc, "outcome");

	if (strcmp(text_of(doc, "cleanup"), "residue") == 0)
		return "residue";
	if (strcmp(verdict, "refuted") == 0)
		return "refuted";
	if (strcmp(outcome, "aborted") == 0 && !by_person(doc))
		return "aborted";
	if (strcmp(outcome, "lost") == 0)
		return "lost";
	if (strcmp(outcome, "errored") == 0)
		return "errored";
	if (strcmp(outcome, "expired") == 0)
		return "expired";
	if (strcmp(verdict, "no-effect") == 0)
		return "no-effect";
	return "";
}

/* One sentence: why it was ended, else what went wrong first, else what gave the verdict. */
static const char *why_of(const json_t *doc)
{
	const char *why = text_of(json_object_get(doc, "abort"), "says");
	const json_t *wrong = json_object_get(doc, "went-wrong");

	if (!why[0] && json_array_size(wrong))
		why = json_string_value(json_array_get(wrong, 0));
	return why && why[0] ? why : text_of(doc, "because");
}

/* Reads a finished run into the table; one that has not ended is left for the next time. */
static int row_put(sqlite3 *db, const struct run_folder *f, struct err *err)
{
	static const char sql[] = "INSERT OR REPLACE INTO runs VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
	json_t *doc = NULL, *closed = NULL;
	sqlite3_stmt *st = NULL;
	int ret = 0, i = 0;

	if (run_folder_json(f, "run.json", &doc, NULL) < 0)
		return 0;
	if (run_folder_json(f, "finding.json", &closed, NULL) < 0)
		closed = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) {
		ret = db_err(db, err, "write");
	} else {
		const char *const texts[] = {f->id, text_of(doc, "title"), text_of(doc, "service"),
		                             text_of(doc, "started")};

		for (size_t t = 0; t < ARRAY_SIZE(texts); t++)
			sqlite3_bind_text(st, ++i, texts[t], -1, SQLITE_STATIC);
		sqlite3_bind_double(st, ++i, json_number_value(json_object_get(doc, "seconds")));
		sqlite3_bind_text(st, ++i, text_of(doc, "verdict"), -1, SQLITE_STATIC);
		sqlite3_bind_text(st, ++i, text_of(doc, "outcome"), -1, SQLITE_STATIC);
		sqlite3_bind_text(st, ++i, text_of(doc, "cleanup"), -1, SQLITE_STATIC);
		sqlite3_bind_int64(st, ++i, json_integer_value(json_object_get(doc, "exit")));
		sqlite3_bind_text(st, ++i, why_of(doc), -1, SQLITE_STATIC);
		sqlite3_bind_text(st, ++i, finding_of(doc), -1, SQLITE_STATIC);
		sqlite3_bind_int(st, ++i, closed != NULL);
		sqlite3_bind_text(st, ++i, text_of(closed, "why"), -1, SQLITE_STATIC);
		sqlite3_bind_text(st, ++i, text_of(closed, "when"), -1, SQLITE_STATIC);
		if (sqlite3_step(st) != SQLITE_DONE)
			ret = db_err(db, err, "write");
	}
	sqlite3_finalize(st);
	json_decref(doc);
	json_decref(closed);
	return ret;
}

struct sync {
	sqlite3 *db;
	sqlite3_stmt *known;
	struct err *err;
};

static int sync_one(void *ctx, const struct run_folder *f)
{
	struct sync *s = ctx;
	int got;

	sqlite3_bind_text(s->known, 1, f->id, -1, SQLITE_STATIC);
	got = sqlite3_step(s->known);
	sqlite3_reset(s->known);
	if (got != SQLITE_ROW && got != SQLITE_DONE)
		return db_err(s->db, s->err, "read");
	return got == SQLITE_ROW ? 0 : row_put(s->db, f, s->err);
}

/* Rows whose folder a person removed. */
static int forget_removed(sqlite3 *db, const struct paths *paths, struct err *err)
{
	_cleanup_fd_ int runs = dir_open_owned(paths->runs, geteuid(), false, NULL);
	sqlite3_stmt *st = NULL, *del = NULL;
	int ret = 0;

	if (sqlite3_prepare_v2(db, "SELECT id FROM runs", -1, &st, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "DELETE FROM runs WHERE id = ?", -1, &del, NULL) != SQLITE_OK)
		ret = db_err(db, err, "read");
	while (ret == 0 && sqlite3_step(st) == SQLITE_ROW) {
		const char *id = (const char *)sqlite3_column_text(st, 0);

		if (runs >= 0 && faccessat(runs, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		sqlite3_reset(del);
		sqlite3_bind_text(del, 1, id, -1, SQLITE_TRANSIENT);
		if (sqlite3_step(del) != SQLITE_DONE)
			ret = db_err(db, err, "write");
	}
	sqlite3_finalize(st);
	sqlite3_finalize(del);
	return ret;
}

static int sync_all(sqlite3 *db, const struct paths *paths, struct err *err)
{
	struct sync s = {.db = db, .err = err};
	int ret = db_exec(db, "BEGIN IMMEDIATE", err);

	if (ret < 0)
		return ret;
	if (sqlite3_prepare_v2(db, "SELECT 1 FROM runs WHERE id = ?", -1, &s.known, NULL) !=
	    SQLITE_OK)
		ret = db_err(db, err, "read");
	if (ret == 0)
		ret = run_folder_each(paths, sync_one, &s, err);
	sqlite3_finalize(s.known);
	if (ret == 0)
		ret = forget_removed(db, paths, err);
	if (ret == 0)
		ret = db_exec(db, "COMMIT", err);
	if (ret < 0)
		(void)db_exec(db, "ROLLBACK", NULL);
	return ret;
}

static int version_of(sqlite3 *db)
{
	sqlite3_stmt *st = NULL;
	int version = -1;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		version = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return version;
}

/* Opens (or makes) one database and brings it up to date. */
static int try_open(const char *file, const struct paths *paths, sqlite3 **out, struct err *err)
{
	sqlite3 *db = NULL;
	char sql[sizeof(schema) + 64];
	int ret = 0, version;

	if (sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
	    SQLITE_OK) {
		ret = db_err(db, err, "open");
		sqlite3_close(db);
		return ret;
	}
	sqlite3_busy_timeout(db, 2000);
	version = version_of(db);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d;%s", INDEX_VERSION, schema);
	if (version == 0)
		ret = db_exec(db, sql, err);
	else if (version != INDEX_VERSION)
		ret = err_set(err, -EBADMSG, "the history is of another version");
	if (ret == 0)
		ret = sync_all(db, paths, err);
	if (ret < 0) {
		sqlite3_close(db);
		return ret;
	}
	*out = db;
	return 0;
}

int index_open(const struct paths *paths, struct index **out, struct err *err)
{
	char file[PATH_CAP + 16];
	struct index *ix = calloc(1, sizeof(*ix));
	mode_t mask = umask(077);
	int ret;

	snprintf(file, sizeof(file), "%s/history.db", paths->state);
	ret = access(paths->state, F_OK) < 0 ? -ENOENT : try_open(file, paths, &ix->db, NULL);
	if (ret == -EBADMSG) {
		unlink(file);
		ret = try_open(file, paths, &ix->db, NULL);
	}
	umask(mask);
	if (ret < 0)
		ret = try_open(":memory:", paths, &ix->db, err);
	if (ret < 0) {
		free(ix);
		return ret;
	}
	*out = ix;
	return 0;
}

void index_close(struct index *ix)
{
	if (!ix)
		return;
	sqlite3_close(ix->db);
	free(ix);
}

static const char *column(sqlite3_stmt *st, int i)
{
	const char *text = (const char *)sqlite3_column_text(st, i);

	return text ? text : "";
}

int index_each(struct index *ix, const struct index_query *q,
               int (*each)(void *ctx, const struct run_row *), void *ctx, struct err *err)
{
	static const char sql[] =
	        "SELECT * FROM runs WHERE (?1 IS NULL OR service = ?1) AND (?2 = 0 OR what <> '')"
	        " AND (?3 = 0 OR fixed = 0) ORDER BY id DESC LIMIT ?4";
	sqlite3_stmt *st = NULL;
	int ret = 0, got = SQLITE_DONE;

	if (sqlite3_prepare_v2(ix->db, sql, -1, &st, NULL) != SQLITE_OK)
		return db_err(ix->db, err, "read");
	sqlite3_bind_text(st, 1, q->service, -1, SQLITE_STATIC); /* NULL text binds NULL */
	sqlite3_bind_int(st, 2, q->findings);
	sqlite3_bind_int(st, 3, q->open);
	sqlite3_bind_int64(st, 4, q->limit ? (sqlite3_int64)q->limit : -1);
	while (ret == 0 && (got = sqlite3_step(st)) == SQLITE_ROW) {
		struct run_row row = {
		        .id = column(st, 0),
		        .title = column(st, 1),
		        .service = column(st, 2),
		        .started = column(st, 3),
		        .seconds = sqlite3_column_double(st, 4),
		        .verdict = column(st, 5),
		        .outcome = column(st, 6),
		        .cleanup = column(st, 7),
		        .exit = sqlite3_column_int(st, 8),
		        .why = column(st, 9),
		        .what = column(st, 10),
		        .fixed = sqlite3_column_int(st, 11) != 0,
		        .closed_why = column(st, 12),
		        .closed_when = column(st, 13),
		};

		ret = each(ctx, &row);
	}
	if (ret == 0 && got != SQLITE_DONE)
		ret = db_err(ix->db, err, "read");
	sqlite3_finalize(st);
	return ret;
}

int index_close_finding(struct index *ix, const struct run_folder *f, const char *why,
                        struct err *err)
{
	_cleanup_free_ char *text = NULL;
	json_t *doc = NULL, *closed;
	const char *what;
	BUF(when, 40);
	int ret = run_folder_json(f, "run.json", &doc, err);

	if (ret < 0)
		return ret;
	what = finding_of(doc);
	clock_format_wall(&when, clock_wall_ns());
	closed = json_pack("{s:s, s:s, s:s}", "what", what, "why", why, "when", when.data);
	text = closed ? json_dumps(closed, JSON_COMPACT) : NULL;
	json_decref(closed);
	if (!what[0])
		ret = err_set(err, -ENOENT, "run \"%s\" has no finding", f->id);
	else if (!text)
		ret = err_sys(err, ENOMEM, "could not close the finding of run \"%s\"", f->id);
	else
		ret = file_put(f->fd, "finding.json", text, strlen(text), true, err);
	json_decref(doc);
	return ret < 0 ? ret : row_put(ix->db, f, err);
}
