/* late-undo.c - has systemd run `squall undo` after the deadline. */
#include "run/late-undo.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/systemd.h"

enum { VARS_MAX = 3, NAME_CAP = 64 };

static void name_format(const char *run, char name[NAME_CAP])
{
	snprintf(name, NAME_CAP, "squall-undo-%.40s", run);
}

/* What says where squall keeps its things (base/paths.h): undo must look where the run wrote. */
static int places_note(char text[VARS_MAX][PATH_MAX], const char *env[VARS_MAX + 1])
{
	static const char *const names[VARS_MAX] = {"SQUALL_DIR", "XDG_STATE_HOME",
	                                            "XDG_CONFIG_HOME"};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);
		int len;

		if (!value || !value[0])
			continue;
		len = snprintf(text[n], PATH_MAX, "%s=%s", names[i], value);
		if (len >= PATH_MAX)
			return -ENAMETOOLONG;
		env[n] = text[n];
		n++;
	}
	env[n] = NULL;
	return 0;
}

int late_undo_can(const struct world *w, struct err *err)
{
	if (!world_is_real(w) || !systemd_is_init(w))
		return err_set(err, -ENOSYS, "process 1 is not systemd");
	return systemd_ping(err);
}

int late_undo_arm(const struct world *w, const char *run, uint64_t deadline_ns, struct err *err)
{
	char program[PATH_MAX], places[VARS_MAX][PATH_MAX], name[NAME_CAP];
	const char *argv[] = {program, "undo", NULL}, *env[VARS_MAX + 1];
	uint64_t now = clock_boot_ns();
	struct systemd_timer timer = {
	        .name = name,
	        .says = "Puts back what a chaos experiment left, should all of squall be killed",
	        .after_ns = (deadline_ns > now ? deadline_ns - now : 0) + LATE_UNDO_GRACE_NS,
	        .argv = argv,
	        .env = env,
	};
	ssize_t n;

	if (!world_is_real(w) || !systemd_is_init(w))
		return err_set(err, -ENOSYS, "process 1 is not systemd");
	n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (n < 0)
		return err_sys(err, errno, "could not find this program");
	program[n] = '\0';
	if (places_note(places, env) < 0)
		return err_set(err, -ENAMETOOLONG,
		               "cannot tell systemd where squall keeps its things");
	name_format(run, name);
	return systemd_timer_start(&timer, err);
}

int late_undo_disarm(const char *run, struct err *err)
{
	char name[NAME_CAP];

	name_format(run, name);
	return systemd_timer_stop(name, err);
}
