/* control-merge.c - the value of a control file that serves several claims at once. */
#include "step/control.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Files of one number of which the smallest serves every claim; "max" and negative are no limit. */
static const char *const smallest[] = {
        "cpu.cfs_quota_us",
        "cpu.shares",
        "cpu.weight",
        "memory.max",
        "memory.high",
        "pids.max",
        "memory.limit_in_bytes",
};

static bool number_or_max(const char *text, uint64_t *n)
{
	char *end;
	if (strcmp(text, "max") == 0 || text[0] == '-') {
		*n = UINT64_MAX;
		return true;
	}
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*n = strtoull(text, &end, 10);
	return *end == 0 && errno == 0;
}

/* "QUOTA PERIOD" or "QUOTA"; period as given when left out. */
static bool cpu_max_read(const char *text, uint64_t *quota, uint64_t *period)
{
	char word[32];
	size_t n = strcspn(text, " \t");
	const char *rest = text + n + strspn(text + n, " \t");
	if (n == 0 || n >= sizeof(word))
		return false;
	memcpy(word, text, n);
	word[n] = 0;
	if (!number_or_max(word, quota))
		return false;
	return !*rest || (number_or_max(rest, period) && *period > 0 && *period < UINT64_MAX);
}

static int cpu_max_merge(const char *base, const char *const *claims, size_t n, struct buf *to)
{
	/* Microseconds. The kernel takes no longer period and no smaller quota. */
	const uint64_t PERIOD_US = 100000, PERIOD_MAX_US = 1000000;
	const uint64_t QUOTA_MIN_US = 1000, QUOTA_MAX_US = 1000000000000;
	uint64_t quota, period = PERIOD_US;
	uint64_t least = UINT64_MAX; /* in us of the base's period */
	if (!cpu_max_read(base, &quota, &period))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		uint64_t q, p = period;
		if (!cpu_max_read(claims[i], &q, &p))
			return -EINVAL;
		if (q == UINT64_MAX)
			continue;
		if (q > QUOTA_MAX_US || p > PERIOD_MAX_US || period > PERIOD_MAX_US)
			return -EINVAL;
		q = q * period / p;
		if (q < QUOTA_MIN_US)
			q = QUOTA_MIN_US;
		if (q < least)
			least = q;
	}
	buf_reset(to);
	if (least == UINT64_MAX)
		buf_addf(to, "max %llu", (unsigned long long)period);
	else
		buf_addf(to, "%llu %llu", (unsigned long long)least, (unsigned long long)period);
	return 0;
}

static const char *name_of(const char *object, size_t *n)
{
	const char *slash = strrchr(object, '/');
	const char *name = slash ? slash + 1 : object;
	*n = strcspn(name, "@");
	return name;
}

int control_merge(const char *object, const char *base, const char *const *claims, size_t n,
                  struct buf *to, struct err *err)
{
	size_t name_n, least = 0;
	const char *name = name_of(object, &name_n);
	bool equal = true, numeric = false;
	for (size_t i = 1; i < n; i++)
		equal = equal && strcmp(claims[i], claims[0]) == 0;

	if (!equal && name_n == 7 && memcmp(name, "cpu.max", 7) == 0) {
		int code = cpu_max_merge(base, claims, n, to);
		return code < 0 ? err_set(err, code, "cannot read the claims on \"%s\"", object)
		                : 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(smallest); i++)
		numeric = numeric ||
		          (strlen(smallest[i]) == name_n && memcmp(smallest[i], name, name_n) == 0);
	if (!equal && !numeric)
		return err_set(err, -EBUSY, "two runs want \"%s\" to be different", object);
	uint64_t best = UINT64_MAX;
	for (size_t i = 0; !equal && i < n; i++) {
		uint64_t v;
		if (!number_or_max(claims[i], &v))
			return err_set(err, -EINVAL, "cannot read the claim \"%s\" on \"%s\"",
			               claims[i], object);
		if (v < best) {
			best = v;
			least = i;
		}
	}
	buf_reset(to);
	buf_add(to, claims[least]);
	return to->over ? err_set(err, -EFBIG, "no room for the merged claims") : 0;
}
