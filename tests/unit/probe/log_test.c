/* The log probe: files that grow, turn over and are cut; the journal. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../skip.h"
#include "io/systemd.h"
#include "machine.h"

static struct recorded machine;

static const char *full(const char *path)
{
	static char text[2][400];
	static int turn;
	turn = !turn;
	(void)snprintf(text[turn], sizeof(text[turn]), "%s%s", machine.folder, path);
	return text[turn];
}

static void append(const char *path, const char *text, size_t n)
{
	int fd = open(full(path), O_WRONLY | O_CREAT | O_APPEND, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	(void)close(fd);
}
#define APPEND(path, text) append(path, text, sizeof(text) - 1)

static const char *line_of(const struct seen *s, size_t i)
{
	const char *text = json_string_value(json_array_get(json_object_get(s->doc, "lines"), i));
	return text ? text : "(none)";
}

/* One look that must find this many matching lines of this many new ones. */
static struct seen look_for(struct looker *k, int count, int read)
{
	struct seen s = looker_look(k);
	if (!s.doc)
		fail_msg("%s", s.err.what);
	assert_int_equal(number_of(&s, "count"), count);
	assert_int_equal(number_of(&s, "read"), read);
	return s;
}

static int file_setup(void **state)
{
	machine_make(&machine, "dir /log\n");
	return 0;
}

static int file_teardown(void **state)
{
	recorded_close(&machine);
	return 0;
}

static void new_lines_are_counted(void **state)
{
	APPEND("/log/a", "old ERR\nold\n");
	struct looker k =
	        LOOKER("log", &machine.world, "path", "/log/a", "matches", "ERR", "keep", "2");
	struct seen s = look_for(&k, 0, 0);
	assert_true(is_true(&s, "first") && is_absent(&s, "last"));
	seen_release(&s);
	APPEND("/log/a", "one ERR\r\ntwo\nthree ERR\nfour ERR\nhalf ERR");
	s = look_for(&k, 3, 4);
	assert_string_equal(line_of(&s, 0), "three ERR");
	assert_string_equal(text_of(&s, "last"), "four ERR");
	assert_false(is_true(&s, "first"));
	seen_release(&s);
	s = look_for(&k, 0, 0); /* the half line waits for its end */
	assert_int_equal(number_of(&s, "total"), 3);
	seen_release(&s);
	APPEND("/log/a", ".\n");
	s = look_for(&k, 1, 1);
	assert_string_equal(text_of(&s, "last"), "half ERR.");
	assert_int_equal(number_of(&s, "total"), 4);
	seen_release(&s);
	looker_close(&k);
}

static void a_first_look_may_begin_earlier(void **state)
{
	APPEND("/log/a", "one\ntwo\nthree\n");
	struct seen s = LOOK_IN(&machine.world, "log", "path", "/log/a", "since", "start");
	assert_int_equal(number_of(&s, "count"), 3);
	seen_release(&s);
	s = LOOK_IN(&machine.world, "log", "path", "/log/a", "since", "8B");
	assert_int_equal(number_of(&s, "count"), 1); /* not the half of two */
	seen_release(&s);
	s = LOOK_IN(&machine.world, "log", "path", "/log/a", "since", "10B");
	assert_int_equal(number_of(&s, "count"), 2); /* two is whole */
	seen_release(&s);
	s = LOOK_IN(&machine.world, "log", "path", "/log/a", "since", "1GiB");
	assert_int_equal(number_of(&s, "count"), 3);
	seen_release(&s);
}

static void a_file_that_turns_over_loses_nothing(void **state)
{
	APPEND("/log/a", "old\n");
	struct looker k = LOOKER("log", &machine.world, "path", "/log/a");
	struct seen s = look_for(&k, 0, 0);
	seen_release(&s);
	APPEND("/log/a", "before\nwithout an end");
	assert_int_equal(rename(full("/log/a"), full("/log/a.1")), 0);
	s = looker_look(&k); /* the moment between */
	assert_true(json_is_false(json_object_get(s.doc, "exists")) && is_absent(&s, "count"));
	seen_release(&s);
	APPEND("/log/a", "after\n");
	s = look_for(&k, 3, 3);
	assert_true(is_true(&s, "rotated"));
	assert_false(is_true(&s, "gap"));
	assert_string_equal(line_of(&s, 1), "without an end");
	assert_string_equal(line_of(&s, 2), "after");
	seen_release(&s);
	s = look_for(&k, 0, 0);
	assert_false(is_true(&s, "rotated"));
	seen_release(&s);
	/* Taken away altogether. */
	assert_int_equal(rename(full("/log/a"), full("/elsewhere")), 0);
	APPEND("/log/a", "anew\n");
	s = look_for(&k, 1, 1);
	assert_true(is_true(&s, "gap"));
	seen_release(&s);
	looker_close(&k);
}

static void a_file_that_is_cut_is_read_anew(void **state)
{
	APPEND("/log/a", "a first line that is rather long\n");
	struct looker k = LOOKER("log", &machine.world, "path", "/log/a");
	struct seen s = look_for(&k, 0, 0);
	seen_release(&s);
	assert_int_equal(truncate(full("/log/a"), 0), 0);
	APPEND("/log/a", "short\n");
	s = look_for(&k, 1, 1);
	assert_true(is_true(&s, "truncated"));
	seen_release(&s);
	/* Cut and grown beyond where reading stopped: the size alone would not tell. */
	assert_int_equal(truncate(full("/log/a"), 0), 0);
	APPEND("/log/a", "now it is longer than it was\nand more\n");
	s = look_for(&k, 2, 2);
	assert_true(is_true(&s, "truncated"));
	seen_release(&s);
	looker_close(&k);
}

static void a_file_that_appears_is_new(void **state)
{
	struct looker k = LOOKER("log", &machine.world, "path", "/log/late");
	struct seen s = looker_look(&k);
	assert_true(json_is_false(json_object_get(s.doc, "exists")));
	assert_true(is_absent(&s, "count") && is_absent(&s, "total"));
	seen_release(&s);
	APPEND("/log/late", "one\n");
	s = look_for(&k, 1, 1);
	assert_false(is_true(&s, "rotated"));
	seen_release(&s);
	looker_close(&k);
}

static void hostile_lines(void **state)
{
	static char big[300000];
	struct looker k = LOOKER("log", &machine.world, "path", "/log/a", "since", "start",
	                         "matches", "ERR|zz$", "max-read", "64KiB");
	APPEND("/log/a", "caf\xe9 ERR \xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\0x\n\n\xc3\xa9 zz\n");
	struct seen s = look_for(&k, 2, 3);
	assert_string_equal(line_of(&s, 0), "caf? ERR ??"
	                                    "???"
	                                    "????"
	                                    "?x");
	assert_string_equal(line_of(&s, 1), "\xc3\xa9 zz");
	seen_release(&s);
	/* One line, longer than all bounds: taken in pieces, none of them endless. */
	memset(big, 'x', sizeof(big));
	append("/log/a", big, sizeof(big));
	APPEND("/log/a", "\nend ERR\n");
	int count = 0, looks = 0;
	bool more = true;
	while (more && looks++ < 20) {
		s = looker_look(&k);
		count += (int)number_of(&s, "count");
		more = is_true(&s, "more");
		seen_release(&s);
	}
	assert_int_equal(count, 1);
	assert_true(looks > 2 && looks < 10);
	looker_close(&k);
	s = LOOK_IN(&machine.world, "log", "path", "/log/a", "since", "start", "matches",
	            "^(x+x+)+[a-c]");
	assert_int_equal(s.err.code, -E2BIG);
	assert_non_null(strstr(s.err.hint, "Repeat less"));
}

static void what_is_no_log(void **state)
{
	assert_int_equal(mkfifo(full("/log/fifo"), 0600), 0);
	struct seen s = LOOK_IN(&machine.world, "log", "path", "/log/fifo");
	assert_non_null(strstr(s.err.what, "not a file of lines"));
	s = LOOK_IN(&machine.world, "log", "path", "/log");
	assert_int_equal(s.err.code, -EINVAL);
	static const char *const wrong[][7] = {
	        {"timeout", "1s"},
	        {"path", "/a", "unit", "b"},
	        {"path", "a"},
	        {"path", "/a", "since", "5m"},
	        {"journal", "true", "since", "5MiB"},
	        {"path", "/a", "since", "yesterday"},
	        {"path", "/a", "since", "10"},
	        {"path", "/a", "matches", "("},
	        {"directory", "var/log"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		s = look_due("log", &machine.world, clock_boot_ns(), wrong[i]);
		assert_int_equal(s.err.code, -EINVAL);
	}
	s = LOOK_IN(&machine.world, "log", "journal", "true");
	assert_int_equal(s.err.code, -ENOSYS); /* of a recorded machine */
	(void)unlink(full("/log/fifo"));
}

static char journal_dir[] = "/tmp/squall-journal-XXXXXX";

/* Adds an entry to the journal in the folder, with systemd's own tool. */
static void journal_add(int second, const char *unit, int priority, const char *message)
{
	char command[300];
	(void)snprintf(command, sizeof(command),
	               "/lib/systemd/systemd-journal-remote -o %s/x.journal - 2>/dev/null",
	               journal_dir);
	FILE *f = popen(command, "w");
	assert_non_null(f);
	(void)fprintf(f,
	              "__REALTIME_TIMESTAMP=%lld000000\n"
	              "_BOOT_ID=6f1d7a528f0e4b649f3a0d7c5b8f2a11\n"
	              "MESSAGE=%s\nPRIORITY=%d\n_SYSTEMD_UNIT=%s\nSYSLOG_IDENTIFIER=shop\n\n",
	              1700000000ll + second, message, priority, unit);
	assert_int_equal(pclose(f), 0);
}

static void the_journal(void **state)
{
	struct world real;
	if (!systemd_version() || access("/lib/systemd/systemd-journal-remote", X_OK) < 0)
		lacks("journal", "built without libsystemd, or there is no systemd-journal-remote");
	assert_non_null(mkdtemp(journal_dir));
	assert_int_equal(world_open_real(&real, NULL), 0);
	struct seen s = LOOK_IN(&real, "log", "directory", journal_dir);
	assert_int_equal(s.err.code, -ENOENT);
	journal_add(1, "a.service", 3, "old");
	struct looker k = LOOKER("log", &real, "directory", journal_dir, "unit", "a", "priority",
	                         "warning", "matches", "ERR");
	s = look_for(&k, 0, 0);
	seen_release(&s);
	journal_add(2, "a.service", 3, "one ERR");
	journal_add(3, "a.service", 6, "not urgent ERR");
	journal_add(4, "b.service", 3, "another's ERR");
	journal_add(5, "a.service", 4, "two");
	s = look_for(&k, 1, 2);
	assert_string_equal(text_of(&s, "last"), "one ERR");
	seen_release(&s);
	s = look_for(&k, 0, 0);
	assert_int_equal(number_of(&s, "total"), 1);
	seen_release(&s);
	journal_add(6, "a.service", 0, "three ERR");
	s = look_for(&k, 1, 1);
	assert_int_equal(number_of(&s, "total"), 2);
	seen_release(&s);
	looker_close(&k);
	s = LOOK_IN(&real, "log", "directory", journal_dir, "identifier", "shop", "since", "start");
	assert_int_equal(number_of(&s, "count"), 6);
	seen_release(&s);
	/* None that is wanted at the first look: what comes is new all the same. */
	k = LOOKER("log", &real, "directory", journal_dir, "unit", "c.service");
	s = look_for(&k, 0, 0);
	seen_release(&s);
	journal_add((int)(time(NULL) - 1700000000) + 5, "c.service", 6, "first");
	s = look_for(&k, 1, 1);
	seen_release(&s);
	s = look_for(&k, 0, 0);
	seen_release(&s);
	looker_close(&k);
	char path[80];
	(void)snprintf(path, sizeof(path), "%s/x.journal", journal_dir);
	(void)unlink(path);
	(void)rmdir(journal_dir);
	world_close(&real);
}

int main(void)
{
#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, file_setup, file_teardown)
	const struct CMUnitTest tests[] = {
	        WITH_FILES(new_lines_are_counted),
	        WITH_FILES(a_first_look_may_begin_earlier),
	        WITH_FILES(a_file_that_turns_over_loses_nothing),
	        WITH_FILES(a_file_that_is_cut_is_read_anew),
	        WITH_FILES(a_file_that_appears_is_new),
	        WITH_FILES(hostile_lines),
	        WITH_FILES(what_is_no_log),
	        cmocka_unit_test(the_journal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
