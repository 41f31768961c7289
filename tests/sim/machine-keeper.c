/*
 * The real keeper and the real undo over control files below a made-up root, on memory. A death is
 * a jump out of the keeper at one of its boundaries; what it held is closed as the kernel would.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/ident.h"
#include "sim.h"
#include "undo/keeper.h"
#include "undo/undo.h"

#define BASE_TEXT "80000"
#define BOOT "11111111-2222-3333-4444-555555555555"

static struct {
	struct sim *sim;
	char dir[64], run[32];
	struct paths paths;
	struct world world;
	unsigned long runs;
	int run_dir, claims_dir, first_fd;
	char object[ATTACKS_MAX][OBJECTS][OBJECT_MAX];
	bool synced[ATTACKS_MAX][OBJECTS]; /* an intent of it reached the disk */
	bool reverting;
} m;
static struct keeper keeper; /* large */
static struct slot on_disk[UNDO_SLOTS];

static void put_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static void object_path(char path[200], uint32_t a, size_t o)
{
	snprintf(path, 200, "%s/cg%u-%zu/cpu.cfs_quota_us", m.dir, a, o);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void remove_all(void)
{
	(void)nftw(m.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void machine_make(void)
{
	struct err err = ERR_INIT;
	char path[300];
	struct stat st;
	int fd;

	snprintf(m.dir, sizeof(m.dir), "%s/squall-sim-XXXXXX",
	         access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(m.dir))
		abort();
	atexit(remove_all);
	snprintf(m.paths.state, PATH_CAP, "%s/state", m.dir);
	snprintf(m.paths.runtime, PATH_CAP, "%s/run", m.dir);
	snprintf(m.paths.runs, PATH_CAP, "%s/state/runs", m.dir);
	snprintf(m.paths.claims, PATH_CAP, "%s/run/claims", m.dir);
	if (paths_make(&m.paths, &err) < 0)
		abort();
	snprintf(path, sizeof(path), "%s/proc/sys/kernel/random", m.dir);
	fd = dir_open_owned(path, geteuid(), true, &err);
	if (fd < 0)
		abort();
	close(fd);
	strcat(path, "/boot_id");
	put_text(path, BOOT);
	for (uint32_t a = 0; a < ATTACKS_MAX; a++) {
		for (size_t o = 0; o < OBJECTS; o++) {
			snprintf(path, sizeof(path), "%s/cg%u-%zu", m.dir, a, o);
			if (mkdir(path, 0700) < 0 || stat(path, &st) < 0)
				abort();
			snprintf(m.object[a][o], OBJECT_MAX, "/cg%u-%zu/cpu.cfs_quota_us@%llu", a,
			         o, (unsigned long long)st.st_ino);
		}
	}
	m.world.root = open(m.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	m.claims_dir = dir_open_owned(m.paths.claims, geteuid(), false, &err);
}

static bool object_is_applied(uint32_t a, size_t o)
{
	char path[200], text[32] = "";
	int fd;
	ssize_t n;

	object_path(path, a, o);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		abort();
	close(fd);
	return strncmp(text, BASE_TEXT, strlen(BASE_TEXT)) != 0;
}

static bool is_applied(struct sim *s, uint32_t a)
{
	for (size_t o = 0; o < OBJECTS; o++)
		if (object_is_applied(a, o))
			return true;
	return false;
}

/* What a stranger finds in the log at this moment. */
static void log_look(void)
{
	struct undo_log log = {.fd = -1};

	memset(m.synced, 0, sizeof(m.synced));
	if (undo_log_open(&log, m.run_dir, geteuid(), false, on_disk, NULL) < 0)
		return;
	for (uint32_t a = 0; a < ATTACKS_MAX; a++) {
		for (size_t o = 0; o < OBJECTS; o++) {
			size_t i = undo_log_find(&log, "control", m.object[a][o]);

			m.synced[a][o] = i != SIZE_MAX &&
			                 slot_phase_is_live((enum slot_phase)on_disk[i].phase);
		}
	}
	undo_log_close(&log);
}

static void at_boundary(const char *name)
{
	if (!strcmp(name, "after log sync"))
		log_look();
	if (!strcmp(name, "after set") && !m.reverting)
		for (uint32_t a = 0; a < ATTACKS_MAX; a++)
			for (size_t o = 0; o < OBJECTS; o++)
				if (!m.synced[a][o] && object_is_applied(a, o))
					sim_violate(m.sim, INV_LOGGED_FIRST,
					            "object %zu of attack %u", o, a);
	sim_boundary(m.sim);
}

static int fail_at_boundary(const char *name)
{
	if (m.reverting ? sim_below(m.sim, 300) == 0 : sim_chance(m.sim, m.sim->fail / 3))
		return -EIO;
	return 0;
}

static void hooks(bool on)
{
	boundary_hook = on ? at_boundary : NULL;
	boundary_fail_hook = on ? fail_at_boundary : NULL;
}

static void keeper_close(void)
{
	/* As the kernel closes what a dead process had open, its locks included. */
	if (close_range((unsigned)m.first_fd, ~0u, 0) < 0)
		abort();
}

/* A schedule follows from its seed alone: claims of the run before are gone. */
static void claims_clear(void)
{
	char path[PATH_CAP];

	(void)text_copy(path, sizeof(path), m.paths.claims);
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (mkdir(path, 0700) < 0)
		abort();
	close(m.claims_dir);
	m.claims_dir = dir_open_owned(m.paths.claims, geteuid(), false, NULL);
}

static void begin(struct sim *s)
{
	struct err err = ERR_INIT;
	char path[700];
	struct keeper_config config = {
	        .world = &m.world, .stash = -1, .type_find = step_type_find, .self = {999999, 1}};

	if (!m.dir[0])
		machine_make();
	claims_clear();
	m.sim = s;
	for (uint32_t a = 0; a < ATTACKS_MAX; a++) {
		for (size_t o = 0; o < OBJECTS; o++) {
			object_path(path, a, o);
			put_text(path, BASE_TEXT);
		}
	}
	memset(m.synced, 0, sizeof(m.synced));
	snprintf(m.run, sizeof(m.run), "run-%lu", ++m.runs);
	snprintf(path, sizeof(path), "%s/%s", m.paths.runs, m.run);
	m.run_dir = dir_open_owned(path, geteuid(), true, &err);
	m.first_fd = dup(m.run_dir);
	close(m.first_fd);
	config.run_dir = m.run_dir;
	config.claims_dir = m.claims_dir;
	config.run = m.run;
	if (m.run_dir < 0 || keeper_init(&keeper, &config, &err) < 0) {
		fprintf(stderr, "cannot begin: %s\n", err.what);
		abort();
	}
}

static void end(struct sim *s)
{
	char path[700];

	keeper_close();
	close(m.run_dir);
	snprintf(path, sizeof(path), "%s/%s", m.paths.runs, m.run);
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static enum order_result take_out(struct sim *s, uint32_t a, size_t *residue)
{
	jmp_buf death;

	*residue = 0;
	s->death = &death;
	m.reverting = true;
	if (setjmp(death)) {
		s->death = NULL;
		m.reverting = false;
		hooks(false);
		keeper_close();
		return ORDER_DIED;
	}
	hooks(true);
	*residue = keeper_take_out(&keeper, a);
	hooks(false);
	m.reverting = false;
	s->death = NULL;
	return ORDER_DONE;
}

static enum order_result put(struct sim *s, uint32_t a, struct err *err)
{
	struct step steps[OBJECTS] = {0};
	jmp_buf death;
	volatile size_t n =
	        0; /* read after a jump that never comes back here; the compiler cannot know */
	int rc;

	for (size_t o = 0; o < OBJECTS; o++) {
		if (!sim_has_object(s, a, o))
			continue;
		strcpy(steps[n].type, "control");
		strcpy(steps[n].object, m.object[a][o]);
		strcpy(steps[n++].to, "10000");
	}
	s->death = &death;
	if (setjmp(death)) {
		s->death = NULL;
		hooks(false);
		keeper_close();
		return ORDER_DIED;
	}
	hooks(true);
	rc = keeper_put(&keeper, a, steps, n, err);
	hooks(false);
	s->death = NULL;
	if (rc == 0)
		return ORDER_DONE;
	for (size_t i = 0; i < UNDO_SLOTS; i++)
		s->residue_said += keeper.slots[i].plan == a && keeper.slots[i].object[0] &&
		                   keeper.slots[i].phase == SLOT_RESIDUE;
	return ORDER_FAILED;
}

static size_t undo(struct sim *s)
{
	struct undo_result result = {0};
	struct err err = ERR_INIT;
	int rc;

	keeper_close();
	rc = undo_folder(&m.world, &m.paths, m.run_dir, m.run, NULL, NULL, &result, &err);
	if (rc < 0)
		sim_violate(s, INV_NOTHING_LEFT, "undo: %s", err.what);
	return result.residue;
}

const struct machine machine_under_test = {
        .name = "real keeper",
        .begin = begin,
        .end = end,
        .put = put,
        .take_out = take_out,
        .undo = undo,
        .is_applied = is_applied,
};
