/* quantity.c - reads and writes durations, sizes, shares, rates, counts and numbers. */
#include "base/quantity.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUANTITY_MAX ((uint64_t)INT64_MAX)

/* 2^63 units times 10^18 decimals. */
__extension__ typedef unsigned __int128 wide;

struct unit {
	const char *name;
	uint64_t size;
};

/* Largest first: a sum must go down, and the formats take the first that fits. */
static const struct unit duration_units[] = {
        {"d", 86400 * NS_PER_S},
        {"h", 3600 * NS_PER_S},
        {"m", 60 * NS_PER_S},
        {"s", NS_PER_S},
        {"ms", NS_PER_MS},
        {"us", NS_PER_US},
        {"ns", 1},
};

static const struct unit size_units[] = {
        {"TiB", 1ull << 40},   {"TB", 1000000000000ull}, {"GiB", 1ull << 30},
        {"GB", 1000000000ull}, {"MiB", 1ull << 20},      {"MB", 1000000ull},
        {"KiB", 1ull << 10},   {"kB", 1000ull},          {"B", 1},
};

static const struct unit rate_units[] = {
        {"Gbit", 1000000000ull}, {"Mbit", 1000000ull}, {"kbit", 1000ull}, {"bit", 1},
        {"gbit", 1000000000ull}, {"mbit", 1000000ull}, {"Kbit", 1000ull},
};
enum { RATE_UNITS_SHOWN = 4 }; /* the rest is only read */

static const struct unit share_units[] = {{"%", PPM_ALL / 100}};

enum { DIGITS = 40, SHOWN = 44 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const struct unit *unit_find(const struct unit *units, size_t n, const char *text,
                                    size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(units[i].name) == len && memcmp(units[i].name, text, len) == 0)
			return &units[i];
	return NULL;
}

/*
 * digits[.digits] times `unit` in whole units of one; 0, -ERANGE when too large, -EDOM when it does
 * not come out even.
 */
static int scaled(const char *text, size_t whole, const char *fraction, size_t decimals,
                  uint64_t unit, uint64_t *value)
{
	uint64_t v = 0;
	for (size_t i = 0; i < whole; i++) {
		if (v > (QUANTITY_MAX - (uint64_t)(text[i] - '0')) / 10)
			return -ERANGE;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	if (v > QUANTITY_MAX / unit)
		return -ERANGE;
	v *= unit;
	while (decimals > 0 && fraction[decimals - 1] == '0')
		decimals--;
	/* The fraction is worked out digit by digit in 128 bits: no unit has more than 2^63. */
	wide rest = unit, sum = 0, scale = 1;
	if (decimals > 18)
		return -EDOM;
	for (size_t i = 0; i < decimals; i++) {
		sum = sum * 10 + (unsigned)(fraction[i] - '0');
		scale *= 10;
	}
	if (sum * rest % scale != 0)
		return -EDOM;
	uint64_t add = (uint64_t)(sum * rest / scale);
	if (v > QUANTITY_MAX - add)
		return -ERANGE;
	*value = v + add;
	return 0;
}

/* One "digits[.digits]unit" at *at, moved on behind it. -EINVAL: not of that form. */
static int part_parse(const char **at, const struct unit *units, size_t n, const struct unit **unit,
                      uint64_t *value)
{
	const char *p = *at;
	size_t whole = 0, decimals = 0;
	while (is_digit(p[whole]))
		whole++;
	if (whole == 0)
		return -EINVAL;
	const char *fraction = p + whole;
	if (*fraction == '.') {
		fraction++;
		while (is_digit(fraction[decimals]))
			decimals++;
		if (decimals == 0)
			return -EINVAL;
	}
	const char *name = fraction + decimals;
	size_t len = 0;
	while (name[len] != '\0' && !is_digit(name[len]))
		len++;
	const struct unit *u = unit_find(units, n, name, len);
	if (u == NULL)
		return -EINVAL;
	int r = scaled(p, whole, fraction, decimals, u->size, value);
	if (r < 0)
		return r;
	*unit = u;
	*at = name + len;
	return 0;
}

static int failed(int r, const char *text, const char *what, const char *least, const char *hint,
                  struct err *err)
{
	BUF(s, SHOWN + 4);
	buf_add_shown(&s, text, SHOWN);
	if (r == -ERANGE)
		return err_set(err, -ERANGE, "\"%s\" is too large for %s", s.data, what);
	if (r == -EDOM)
		return err_set(err, -EINVAL, "\"%s\" is finer than %s", s.data, least);
	(void)err_set(err, -EINVAL, "\"%s\" is not %s", s.data, what);
	return err_hint(err, -EINVAL, "%s", hint);
}

int duration_parse(const char *text, uint64_t *ns, struct err *err)
{
	static const char hint[] = "Write a number with its unit (ns, us, ms, s, m, h or d), as in "
	                           "\"250ms\" or \"1m30s\".";
	if (strcmp(text, "0") == 0) {
		*ns = 0;
		return 0;
	}
	uint64_t sum = 0;
	const struct unit *last = NULL;
	const char *at = text;
	do {
		const struct unit *unit;
		uint64_t v;
		int r = part_parse(&at, duration_units, ARRAY_SIZE(duration_units), &unit, &v);
		if (r == 0 && last != NULL && unit <= last)
			r = -EINVAL;
		if (r == 0 && v > QUANTITY_MAX - sum)
			r = -ERANGE;
		if (r < 0)
			return failed(r, text, "a duration", "a nanosecond", hint, err);
		sum += v;
		last = unit;
	} while (*at != '\0');
	*ns = sum;
	return 0;
}

static int size_read(const char *text, bool bare, uint64_t *bytes)
{
	const struct unit *unit;
	const char *at = text;
	uint64_t v;
	int r;
	size_t n = strspn(text, "0123456789");
	if (bare && n > 0 && text[n] == '\0')
		r = scaled(text, n, NULL, 0, 1, &v);
	else
		r = part_parse(&at, size_units, ARRAY_SIZE(size_units), &unit, &v);
	if (r == 0 && at != text && *at != '\0')
		r = -EINVAL;
	if (r == 0)
		*bytes = v;
	return r;
}

int size_parse(const char *text, uint64_t *bytes, struct err *err)
{
	int r = size_read(text, true, bytes);
	if (r < 0)
		return failed(r, text, "a size", "a byte",
		              "Write bytes, or a number with its unit (kB, MB, GB, TB, KiB, MiB, "
		              "GiB, TiB), as in \"64MiB\".",
		              err);
	return 0;
}

int share_parse(const char *text, uint64_t *ppm, struct err *err)
{
	const struct unit *unit;
	const char *at = text;
	uint64_t v;
	int r = part_parse(&at, share_units, ARRAY_SIZE(share_units), &unit, &v);
	if (r == 0 && *at != '\0')
		r = -EINVAL;
	if (r < 0)
		return failed(r, text, "a share", "a part in a million (0.0001%)",
		              "Write it with a percent sign, as in \"30%\" or \"0.5%\".", err);
	*ppm = v;
	return 0;
}

int rate_parse(const char *text, uint64_t *bits, struct err *err)
{
	static const char second[] = "/s";
	char head[DIGITS];
	const struct unit *unit;
	const char *at = head;
	uint64_t v;
	size_t n = strlen(text), tail = sizeof(second) - 1;
	if (n > tail && strcmp(text + n - tail, second) == 0)
		n -= tail;
	int r = n < sizeof(head) ? 0 : -EINVAL;
	if (r == 0) {
		memcpy(head, text, n);
		head[n] = '\0';
		r = part_parse(&at, rate_units, ARRAY_SIZE(rate_units), &unit, &v);
	}
	if (r == 0 && *at != '\0')
		r = -EINVAL;
	if (r < 0)
		return failed(r, text, "a rate", "a bit a second",
		              "Write bits a second with their unit (bit, kbit, Mbit, Gbit), as in "
		              "\"10Mbit/s\".",
		              err);
	*bits = v;
	return 0;
}

int count_parse(const char *text, uint64_t *n, struct err *err)
{
	uint64_t v = 0;
	size_t len = strspn(text, "0123456789");
	int r = len == 0 || text[len] != '\0' ? -EINVAL : scaled(text, len, NULL, 0, 1, &v);
	if (r < 0)
		return failed(r, text, "a whole number", "", "Write digits only, as in \"3\".",
		              err);
	*n = v;
	return 0;
}

int number_parse(const char *text, double *x, struct err *err)
{
	const char *p = text + strspn(text, "0123456789");
	bool good = p != text;
	if (good && *p == '.') {
		size_t n = strspn(p + 1, "0123456789");
		good = n > 0;
		p += 1 + n;
	}
	if (good && (*p == 'e' || *p == 'E')) {
		p++;
		if (*p == '+' || *p == '-')
			p++;
		size_t n = strspn(p, "0123456789");
		good = n > 0;
		p += n;
	}
	if (!good || *p != '\0')
		return failed(-EINVAL, text, "a number", "", "Write it as in \"3\" or \"0.25\".",
		              err);
	double v = strtod(text, NULL);
	if (!isfinite(v) || v >= 0x1p63)
		return failed(-ERANGE, text, "a number", "", "", err);
	*x = v;
	return 0;
}

int quantity_parse_any(const char *text, enum quantity_kind *kind, double *value, struct err *err)
{
	uint64_t v = 0;
	double x = 0;
	if (strcmp(text, "0") != 0 && duration_parse(text, &v, NULL) == 0) {
		*kind = QUANTITY_DURATION;
		*value = (double)v;
	} else if (size_read(text, false, &v) == 0) {
		*kind = QUANTITY_SIZE;
		*value = (double)v;
	} else if (share_parse(text, &v, NULL) == 0) {
		*kind = QUANTITY_SHARE;
		*value = (double)v;
	} else if (number_parse(text, &x, NULL) == 0) {
		*kind = QUANTITY_NUMBER;
		*value = x;
	} else {
		return failed(-EINVAL, text, "a quantity", "",
		              "Write a number, a duration (\"250ms\"), a size (\"64MiB\") or a "
		              "share (\"30%\").",
		              err);
	}
	return 0;
}

/* value/unit exactly, without trailing zeros; unit * 10^decimals must divide evenly, or the rest is
 * cut. */
static void decimal_format(struct buf *to, uint64_t value, uint64_t unit, unsigned decimals)
{
	char digits[DIGITS];
	size_t n = 0;
	uint64_t rest = value % unit; /* NOLINT(clang-analyzer-core.DivideZero): never 0 */
	for (; n < decimals && rest != 0; n++) {
		wide r = (wide)rest * 10;
		digits[n] = (char)('0' + (int)(r / unit));
		rest = (uint64_t)(r % unit);
	}
	buf_addf(to, "%llu", (unsigned long long)(value / unit));
	if (n > 0) {
		buf_addc(to, '.');
		buf_add_n(to, digits, n);
	}
}

void duration_format(struct buf *to, uint64_t ns)
{
	enum { SECONDS = 3 };
	if (ns == 0) {
		buf_add(to, "0s");
		return;
	}
	for (size_t i = 0; i < SECONDS; i++) {
		uint64_t n = ns / duration_units[i].size;
		ns %= duration_units[i].size;
		if (n == 0)
			continue;
		buf_addf(to, "%llu%s", (unsigned long long)n, duration_units[i].name);
		if (ns == 0)
			return;
	}
	for (size_t i = SECONDS; i < ARRAY_SIZE(duration_units); i++) {
		if (ns < duration_units[i].size)
			continue;
		decimal_format(to, ns, duration_units[i].size, 9);
		buf_add(to, duration_units[i].name);
		return;
	}
}

void size_format(struct buf *to, uint64_t bytes)
{
	char best[DIGITS] = "";
	for (size_t i = 0; i < ARRAY_SIZE(size_units); i++) {
		const struct unit *u = &size_units[i];
		if (bytes < u->size && u->size != 1)
			continue;
		BUF(b, DIGITS);
		wide milli = (wide)(bytes % u->size) * 1000;
		if (milli % u->size != 0)
			continue;
		decimal_format(&b, bytes, u->size, 3);
		buf_add(&b, u->name);
		if (best[0] == '\0' || b.len < strlen(best))
			memcpy(best, b.data, b.len + 1);
	}
	buf_add(to, best);
}

void share_format(struct buf *to, uint64_t ppm)
{
	decimal_format(to, ppm, PPM_ALL / 100, 4);
	buf_addc(to, '%');
}

void rate_format(struct buf *to, uint64_t bits)
{
	size_t i = 0;
	while (i + 1 < RATE_UNITS_SHOWN &&
	       (bits < rate_units[i].size ||
	        (wide)(bits % rate_units[i].size) * 1000 % rate_units[i].size != 0))
		i++;
	decimal_format(to, bits, rate_units[i].size, 3);
	buf_addf(to, "%s/s", rate_units[i].name);
}

void duration_format_short(struct buf *to, uint64_t ns)
{
	if (ns == 0) {
		buf_add(to, "0s");
		return;
	}
	/* From a minute up, two units; below, three digits. */
	for (size_t i = 0; i < 3; i++) {
		const struct unit *u = &duration_units[i], *below = u + 1;
		uint64_t rounded = ns + below->size / 2;
		if (rounded < u->size)
			continue;
		buf_addf(to, "%llu%s", (unsigned long long)(rounded / u->size), u->name);
		uint64_t rest = rounded % u->size / below->size;
		if (rest > 0)
			buf_addf(to, "%llu%s", (unsigned long long)rest, below->name);
		return;
	}
	for (size_t i = 3; i < ARRAY_SIZE(duration_units); i++) {
		const struct unit *u = &duration_units[i];
		/* 999.6us rounds to 1ms */
		if (ns + u->size / 2000 < u->size && u->size != 1)
			continue;
		uint64_t step = ns < 10 * u->size    ? u->size / 100
		                : ns < 100 * u->size ? u->size / 10
		                                     : u->size;
		if (step == 0)
			step = 1;
		ns = (ns + step / 2) / step * step;
		decimal_format(to, ns, u->size, 3);
		buf_add(to, u->name);
		return;
	}
}

void seconds_format_short(struct buf *to, double seconds)
{
	const double ns = seconds * 1e9 + 0.5;

	/* a double below 2^63 fits; NaN is not above 0 */
	duration_format_short(to, !(ns > 0) ? 0 : ns < 0x1p63 ? (uint64_t)ns : (uint64_t)INT64_MAX);
}

/* Three significant digits, in the greatest unit that is not too large. */
static void units_format_short(struct buf *to, uint64_t value, unsigned unit,
                               const char *const *names, size_t names_n)
{
	double x = (double)value;
	size_t i = 0;

	/* 1023.9KiB rounds to 1MiB */
	while (x >= (i ? unit - 0.5 : unit) && i + 1 < names_n) {
		x /= unit;
		i++;
	}
	BUF(b, DIGITS);
	buf_addf(&b, "%.*f", i == 0 || x >= 99.95 ? 0 : x >= 9.995 ? 1 : 2, x);
	while (strchr(b.data, '.') && strchr("0.", b.data[b.len - 1]))
		b.data[--b.len] = '\0';
	buf_addf(to, "%s%s", b.data, names[i]);
}

void size_format_short(struct buf *to, uint64_t bytes)
{
	static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

	units_format_short(to, bytes, 1024, names, ARRAY_SIZE(names));
}

void rate_format_short(struct buf *to, uint64_t bits)
{
	static const char *const names[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};

	units_format_short(to, bits, 1000, names, ARRAY_SIZE(names));
}
