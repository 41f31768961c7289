/* Entries of the journal, by sd-journal. */
#include "io/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>

#include "base/buf.h"
#include "base/clock.h"

enum { MESSAGE_MAX = 65536 };

static void journal_close(sd_journal **j)
{
	if (*j)
		sd_journal_close(*j);
}

static int match_add(sd_journal *j, const char *field, const char *value)
{
	BUF(match, 300);
	buf_addf(&match, "%s=%s", field, value);
	return match.over ? -ENAMETOOLONG : sd_journal_add_match(j, match.data, match.len);
}

/* As journalctl -u: what the unit wrote, or what systemd says about it. */
static int unit_add(sd_journal *j, const char *unit)
{
	BUF(name, 256);
	buf_addf(&name, "%s%s", unit, strchr(unit, '.') ? "" : ".service");
	int rc = match_add(j, "_SYSTEMD_UNIT", name.data);
	if (rc >= 0)
		rc = sd_journal_add_disjunction(j);
	if (rc >= 0)
		rc = match_add(j, "_PID", "1");
	if (rc >= 0)
		rc = match_add(j, "UNIT", name.data);
	return rc < 0 ? rc : sd_journal_add_conjunction(j);
}

static int filter_add(sd_journal *j, const struct journal_filter *f)
{
	int rc = f->unit ? unit_add(j, f->unit) : 0;
	if (rc >= 0 && f->identifier)
		rc = match_add(j, "SYSLOG_IDENTIFIER", f->identifier);
	for (int p = 0; rc >= 0 && p <= f->priority; p++) {
		char digit[2] = {(char)('0' + p), '\0'};
		rc = match_add(j, "PRIORITY", digit);
	}
	return rc;
}

static int filter_open(const struct journal_filter *f, sd_journal **to, struct err *err)
{
	sd_journal *j cleanup(journal_close) = NULL;
	int rc = f->directory ? sd_journal_open_directory(&j, f->directory, 0)
	                      : sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
	if (rc < 0)
		return err_sys(err, -rc, "could not open the journal%s%.200s",
		               f->directory ? " in " : "", f->directory ? f->directory : "");
	uint64_t bytes = 0;
	if (sd_journal_get_usage(j, &bytes) < 0 || !bytes) {
		(void)err_set(err, -ENOENT, "there is no journal that may be read%s%.200s",
		              f->directory ? " in " : "", f->directory ? f->directory : "");
		return err_hint(err, -ENOENT,
		                "Either this machine keeps none, or only root and the group "
		                "systemd-journal may read it.");
	}
	rc = filter_add(j, f);
	if (rc < 0)
		return err_sys(err, -rc, "could not look for these entries in the journal");
	(void)sd_journal_set_data_threshold(j, MESSAGE_MAX);
	*to = j;
	j = NULL;
	return 0;
}

static int place_note(sd_journal *j, struct journal_place *place, struct err *err)
{
	_cleanup_free_ char *cursor = NULL;
	int rc = sd_journal_get_cursor(j, &cursor);
	if (rc < 0)
		return err_sys(err, -rc, "could not tell where reading the journal stopped");
	if (text_copy(place->cursor, sizeof(place->cursor), cursor) < 0)
		return err_set(err, -ENAMETOOLONG, "cannot keep the place in the journal");
	return 0;
}

int journal_end(const struct journal_filter *f, struct journal_place *place, struct err *err)
{
	sd_journal *j cleanup(journal_close) = NULL;
	struct journal_place end = {.since_us = clock_wall_ns() / 1000};
	int rc = filter_open(f, &j, err);
	if (rc < 0)
		return rc;
	rc = sd_journal_seek_tail(j);
	if (rc >= 0)
		rc = sd_journal_previous(j);
	if (rc < 0)
		return err_sys(err, -rc, "could not find the end of the journal");
	if (rc > 0) {
		rc = place_note(j, &end, err);
		if (rc < 0)
			return rc;
	}
	*place = end;
	return 0;
}

/* At the entry before the first one that is wanted. */
static int place_seek(sd_journal *j, const struct journal_place *place, bool *first_is_old)
{
	int rc = place->cursor[0] ? sd_journal_seek_cursor(j, place->cursor)
	                          : sd_journal_seek_realtime_usec(j, place->since_us);
	*first_is_old = place->cursor[0];
	return rc;
}

int journal_read(const struct journal_filter *f, struct journal_place *place, uint64_t max_bytes,
                 int (*each)(void *ctx, const char *message, size_t n), void *ctx, bool *more,
                 struct err *err)
{
	static const char head[] = "MESSAGE=";
	sd_journal *j cleanup(journal_close) = NULL;
	struct journal_place now = *place;
	uint64_t bytes = 0;
	bool check_first;
	int rc = filter_open(f, &j, err);
	if (rc < 0)
		return rc;
	rc = place_seek(j, place, &check_first);
	*more = false;
	while (rc >= 0 && !*more && (rc = sd_journal_next(j)) > 0) {
		const void *data;
		size_t n;
		/* Where the cursor's own entry is gone, the first one found is new. */
		bool old = check_first && sd_journal_test_cursor(j, place->cursor) > 0;
		check_first = false;
		if (old)
			continue;
		int said = place_note(j, &now, err);
		if (said < 0)
			return said;
		if (sd_journal_get_data(j, "MESSAGE", &data, &n) < 0 || n < sizeof(head) - 1)
			continue;
		said = each(ctx, (const char *)data + sizeof(head) - 1, n - (sizeof(head) - 1));
		if (said < 0)
			return said;
		bytes += n;
		*more = bytes >= max_bytes;
	}
	if (rc < 0)
		return err_sys(err, -rc, "could not read the journal");
	*place = now;
	return 0;
}
