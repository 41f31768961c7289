/* Local time in a named zone, by the C library. */
#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ZONE_PATH_MAX = 160 };

/* With ":" before it, TZ names a file and nothing else (tzset(3)). */
static bool zone_file(const char *name, char path[ZONE_PATH_MAX])
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                           "0123456789+-_/";

	if (!name)
		return snprintf(path, ZONE_PATH_MAX, ":/etc/localtime") > 0;
	if (strcmp(name, "UTC") == 0)
		return snprintf(path, ZONE_PATH_MAX, "UTC0") > 0;
	return name[0] && name[0] != '/' && !name[strspn(name, good)] &&
	       snprintf(path, ZONE_PATH_MAX, ":/usr/share/zoneinfo/%s", name) < ZONE_PATH_MAX;
}

bool zone_is_known(const char *name)
{
	char path[ZONE_PATH_MAX];

	return zone_file(name, path) && (path[0] != ':' || access(path + 1, R_OK) == 0);
}

size_t zone_minutes(const char *zone, int64_t from_s, size_t n,
                    bool (*each)(void *ctx, unsigned wday, unsigned minute), void *ctx)
{
	char path[ZONE_PATH_MAX];
	const char *now = getenv("TZ");
	_cleanup_free_ char *before = now ? strdup(now) : NULL;
	size_t i = 0;

	if (!zone_file(zone, path))
		(void)snprintf(path, sizeof(path), "UTC0");
	setenv("TZ", path, 1);
	tzset();
	for (; i < n; i++) {
		time_t t = (time_t)(from_s + 60 * (int64_t)i);
		struct tm tm;

		if (!localtime_r(&t, &tm) ||
		    each(ctx, (unsigned)tm.tm_wday, (unsigned)(tm.tm_hour * 60 + tm.tm_min)))
			break;
	}
	if (before)
		setenv("TZ", before, 1);
	else
		unsetenv("TZ");
	tzset();
	return i;
}
