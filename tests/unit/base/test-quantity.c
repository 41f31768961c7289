/* test-quantity.c - what is a quantity, what is not, and that formats parse back. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"
#include "base/quantity.h"

#define MAX63 9223372036854775807ull

struct good {
	const char *text;
	uint64_t value;
};

typedef int parse_fn(const char *text, uint64_t *value, struct err *err);

static void check_good(parse_fn *parse, const struct good *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t got = 7;
		struct err err = ERR_INIT;
		int r = parse(v[i].text, &got, &err);
		if (r != 0 || got != v[i].value)
			fail_msg("\"%s\" gave %d, %llu, %s", v[i].text, r, (unsigned long long)got,
			         err.what);
	}
}

struct bad {
	const char *text;
	int code;
	const char *what;
};

static void check_bad(parse_fn *parse, const struct bad *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t got = 7;
		struct err err = ERR_INIT;
		int r = parse(v[i].text, &got, &err);
		if (r != v[i].code || got != 7 || (v[i].what && strcmp(err.what, v[i].what) != 0))
			fail_msg("\"%s\" gave %d, %llu, %s", v[i].text, r, (unsigned long long)got,
			         err.what);
		if (err.code != r || err.what[0] == '\0')
			fail_msg("\"%s\" left no error", v[i].text);
		got = 7;
		assert_int_equal(parse(v[i].text, &got, NULL), r);
	}
}

static void durations(void **state)
{
	static const struct good good[] = {
	        {"0", 0},
	        {"0s", 0},
	        {"1ns", 1},
	        {"1us", 1000},
	        {"250ms", 250000000},
	        {"1s", NS_PER_S},
	        {"1m", 60 * NS_PER_S},
	        {"1h", 3600 * NS_PER_S},
	        {"1d", 86400 * NS_PER_S},
	        {"30d", 30 * 86400 * NS_PER_S},
	        {"1m30s", 90 * NS_PER_S},
	        {"1d2h3m4s5ms6us7ns", 86400 * NS_PER_S + 7384 * NS_PER_S + 5006007},
	        {"1.5s", 1500000000},
	        {"0.25ms", 250000},
	        {"0.000000001s", 1},
	        {"1.5000000000000000000000s", 1500000000},
	        {"0.5d", 43200 * NS_PER_S},
	        {"007s", 7 * NS_PER_S},
	        {"9223372036854775807ns", MAX63},
	        {"9223372036s", 9223372036 * NS_PER_S},
	};
	static const struct bad bad[] = {
	        {"", -EINVAL, "\"\" is not a duration"},
	        {"5", -EINVAL, "\"5\" is not a duration"},
	        {"00", -EINVAL, NULL},
	        {"s", -EINVAL, NULL},
	        {"5 s", -EINVAL, NULL},
	        {" 5s", -EINVAL, NULL},
	        {"5s ", -EINVAL, NULL},
	        {"-5s", -EINVAL, NULL},
	        {"+5s", -EINVAL, NULL},
	        {"5S", -EINVAL, NULL},
	        {"5sec", -EINVAL, NULL},
	        {"5min", -EINVAL, NULL},
	        {"1s1s", -EINVAL, NULL},
	        {"1s1m", -EINVAL, NULL},
	        {"1s5", -EINVAL, NULL},
	        {"1.s", -EINVAL, NULL},
	        {".5s", -EINVAL, NULL},
	        {"1.5.5s", -EINVAL, NULL},
	        {"1e3s", -EINVAL, NULL},
	        {"0x10s", -EINVAL, NULL},
	        {"30%", -EINVAL, NULL},
	        {"64MiB", -EINVAL, NULL},
	        {"infs", -EINVAL, NULL},
	        {"1.5ns", -EINVAL, "\"1.5ns\" is finer than a nanosecond"},
	        {"0.0000000001s", -EINVAL, NULL},
	        {"9223372036854775808ns", -ERANGE,
	         "\"9223372036854775808ns\" is too large for a duration"},
	        {"18446744073709551617ns", -ERANGE, NULL},
	        {"99999999999999999999999999999999d", -ERANGE, NULL},
	        {"106752d", -ERANGE, NULL},
	        {"9223372036s854775808ns", -ERANGE, NULL},
	        {"5\ns", -EINVAL, "\"5?s\" is not a duration"},
	        {"\x1b[31m", -EINVAL, "\"?[31m\" is not a duration"},
	};
	check_good(duration_parse, good, ARRAY_SIZE(good));
	check_bad(duration_parse, bad, ARRAY_SIZE(bad));
}

static void sizes(void **state)
{
	static const struct good good[] = {
	        {"0", 0},
	        {"512", 512},
	        {"512B", 512},
	        {"1kB", 1000},
	        {"1KiB", 1024},
	        {"64MiB", 64ull << 20},
	        {"64MB", 64000000},
	        {"1GB", 1000000000},
	        {"1GiB", 1ull << 30},
	        {"2TB", 2000000000000},
	        {"1.5KiB", 1536},
	        {"1TiB", 1ull << 40},
	        {"9223372036854775807", MAX63},
	        {"8388607TiB", 8388607ull << 40},
	};
	static const struct bad bad[] = {
	        {"", -EINVAL, NULL},
	        {"1.5", -EINVAL, NULL},
	        {"1.5B", -EINVAL, "\"1.5B\" is finer than a byte"},
	        {"1k", -EINVAL, "\"1k\" is not a size"},
	        {"1M", -EINVAL, NULL},
	        {"1KB", -EINVAL, NULL},
	        {"1MiB1KiB", -EINVAL, NULL},
	        {"-1", -EINVAL, NULL},
	        {"1mb", -EINVAL, NULL},
	        {"5ms", -EINVAL, NULL},
	        {"8388608TiB", -ERANGE, NULL},
	        {"9223372036854775808", -ERANGE, NULL},
	};
	check_good(size_parse, good, ARRAY_SIZE(good));
	check_bad(size_parse, bad, ARRAY_SIZE(bad));
}

static void shares(void **state)
{
	static const struct good good[] = {
	        {"0%", 0},         {"30%", 300000},   {"0.5%", 5000},       {"100%", PPM_ALL},
	        {"0.0001%", 1},    {"99.9%", 999000}, {"99.9999%", 999999}, {"33.333300%", 333333},
	        {"250%", 2500000},
	};
	static const struct bad bad[] = {
	        {"", -EINVAL, NULL},
	        {"30", -EINVAL, "\"30\" is not a share"},
	        {"0", -EINVAL, NULL},
	        {"0.3", -EINVAL, NULL},
	        {"%", -EINVAL, NULL},
	        {"30 %", -EINVAL, NULL},
	        {"30%%", -EINVAL, NULL},
	        {"-1%", -EINVAL, NULL},
	        {"0.00001%", -EINVAL, "\"0.00001%\" is finer than a part in a million (0.0001%)"},
	        {"922337203685478%", -ERANGE, NULL},
	};
	check_good(share_parse, good, ARRAY_SIZE(good));
	check_bad(share_parse, bad, ARRAY_SIZE(bad));
}

static void rates(void **state)
{
	static const struct good good[] = {
	        {"0bit", 0},           {"512bit/s", 512},     {"10Mbit/s", 10000000},
	        {"10mbit", 10000000},  {"1.5Mbit", 1500000},  {"384kbit", 384000},
	        {"384Kbit/s", 384000}, {"1gbit", 1000000000}, {"2.5Gbit/s", 2500000000},
	};
	static const struct bad bad[] = {
	        {"", -EINVAL, NULL},
	        {"/s", -EINVAL, NULL},
	        {"10", -EINVAL, "\"10\" is not a rate"},
	        {"10/s", -EINVAL, NULL},
	        {"10Mbps", -EINVAL, "\"10Mbps\" is not a rate"},
	        {"10MB/s", -EINVAL, NULL},
	        {"10Mbit/s/s", -EINVAL, NULL},
	        {"1Mbit1kbit", -EINVAL, NULL},
	        {"-1bit", -EINVAL, NULL},
	        {"0.5bit", -EINVAL, "\"0.5bit\" is finer than a bit a second"},
	        {"10Mbit /s", -EINVAL, NULL},
	        {"9223372037Gbit", -ERANGE, "\"9223372037Gbit\" is too large for a rate"},
	        {"00000000000000000000000000000000000000001bit", -EINVAL, NULL},
	};
	check_good(rate_parse, good, ARRAY_SIZE(good));
	check_bad(rate_parse, bad, ARRAY_SIZE(bad));
}

static void counts(void **state)
{
	static const struct good good[] = {{"0", 0}, {"3", 3}, {"9223372036854775807", MAX63}};
	static const struct bad bad[] = {
	        {"", -EINVAL, NULL},
	        {"-1", -EINVAL, "\"-1\" is not a whole number"},
	        {"1.0", -EINVAL, NULL},
	        {"1e3", -EINVAL, NULL},
	        {"0x1", -EINVAL, NULL},
	        {"3 ", -EINVAL, NULL},
	        {"9223372036854775808", -ERANGE, NULL},
	        {"99999999999999999999999999999999999999999999999999999999999", -ERANGE,
	         "\"99999999999999999999999999999999999999999999...\" is too large for a whole "
	         "number"},
	};
	check_good(count_parse, good, ARRAY_SIZE(good));
	check_bad(count_parse, bad, ARRAY_SIZE(bad));
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		double value;
	} good[] = {{"0", 0},       {"3", 3},        {"0.25", 0.25}, {"1e3", 1000},
	            {"1E-3", 1e-3}, {"2.5e+2", 250}, {"1e18", 1e18}, {"1e-400", 0}};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		double x = -1;
		assert_int_equal(number_parse(good[i].text, &x, NULL), 0);
		assert_true(x == good[i].value);
	}
	static const char *const bad[] = {"",    "-1",  ".5",  "1.", "1e",    "1e+",  "nan",
	                                  "inf", "0x1", "1,5", "1 ", "1e999", "1e19", "true"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		double x = -1;
		struct err err = ERR_INIT;
		assert_int_not_equal(number_parse(bad[i], &x, &err), 0);
		assert_true(x == -1);
		assert_true(err.what[0] != '\0');
	}
}

static void any(void **state)
{
	static const struct {
		const char *text;
		enum quantity_kind kind;
		double value;
	} good[] = {
	        {"250ms", QUANTITY_DURATION, 250e6}, {"1m", QUANTITY_DURATION, 60e9},
	        {"64MiB", QUANTITY_SIZE, 67108864},  {"5B", QUANTITY_SIZE, 5},
	        {"30%", QUANTITY_SHARE, 300000},     {"0", QUANTITY_NUMBER, 0},
	        {"200", QUANTITY_NUMBER, 200},       {"0.5", QUANTITY_NUMBER, 0.5},
	};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		enum quantity_kind kind;
		double x;
		assert_int_equal(quantity_parse_any(good[i].text, &kind, &x, NULL), 0);
		assert_int_equal(kind, good[i].kind);
		assert_true(x == good[i].value);
	}
	enum quantity_kind kind;
	double x;
	struct err err = ERR_INIT;
	assert_int_equal(quantity_parse_any("soon", &kind, &x, &err), -EINVAL);
	assert_string_equal(err.what, "\"soon\" is not a quantity");
	assert_true(err.hint[0] != '\0');
}

static void formats(void **state)
{
	static const struct {
		uint64_t ns;
		const char *exact, *brief;
	} d[] = {
	        {0, "0s", "0s"},
	        {1, "1ns", "1ns"},
	        {999, "999ns", "999ns"},
	        {1234, "1.234us", "1.23us"},
	        {250000000, "250ms", "250ms"},
	        {1500000000, "1.5s", "1.5s"},
	        {1236000000, "1.236s", "1.24s"},
	        {312400000, "312.4ms", "312ms"},
	        {18000, "18us", "18us"},
	        {999700000, "999.7ms", "1s"},
	        {59990000000, "59.99s", "1m"},
	        {90 * NS_PER_S, "1m30s", "1m30s"},
	        {60 * NS_PER_S + 500 * NS_PER_MS, "1m500ms", "1m1s"},
	        {3600 * NS_PER_S, "1h", "1h"},
	        {3725 * NS_PER_S, "1h2m5s", "1h2m"},
	        {36 * 3600 * NS_PER_S, "1d12h", "1d12h"},
	        {30 * 86400 * NS_PER_S, "30d", "30d"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(d); i++) {
		BUF(b, 64);
		duration_format(&b, d[i].ns);
		assert_string_equal(b.data, d[i].exact);
		buf_reset(&b);
		duration_format_short(&b, d[i].ns);
		assert_string_equal(b.data, d[i].brief);
	}
	static const struct {
		uint64_t bytes;
		const char *brief;
	} brief[] = {
	        {0, "0B"},
	        {1023, "1023B"},
	        {1024, "1KiB"},
	        {1536, "1.5KiB"},
	        {5000000000, "4.66GiB"},
	        {100ull << 20, "100MiB"},
	        {(1ull << 30) - 1, "1GiB"},
	        {UINT64_MAX, "16EiB"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(brief); i++) {
		BUF(b, 64);
		buf_add(&b, "1.0 of ");
		size_format_short(&b, brief[i].bytes);
		assert_string_equal(b.data + 7, brief[i].brief);
	}
	static const struct good s[] = {
	        {"0B", 0},       {"512B", 512},          {"1kB", 1000},       {"1KiB", 1024},
	        {"1536B", 1536}, {"64MiB", 64ull << 20}, {"1GB", 1000000000}, {"1TiB", 1ull << 40}};
	for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
		BUF(b, 64);
		size_format(&b, s[i].value);
		assert_string_equal(b.data, s[i].text);
	}
	static const struct {
		uint64_t bits;
		const char *exact, *brief;
	} r[] = {
	        {0, "0bit/s", "0bit/s"},
	        {999, "999bit/s", "999bit/s"},
	        {1500, "1.5kbit/s", "1.5kbit/s"},
	        {10000000, "10Mbit/s", "10Mbit/s"},
	        {9873211, "9873.211kbit/s", "9.87Mbit/s"},
	        {98732110, "98732.11kbit/s", "98.7Mbit/s"},
	        {999999, "999.999kbit/s", "1Mbit/s"},
	        {2500000000, "2.5Gbit/s", "2.5Gbit/s"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
		BUF(b, 64);
		rate_format(&b, r[i].bits);
		assert_string_equal(b.data, r[i].exact);
		buf_reset(&b);
		rate_format_short(&b, r[i].bits);
		assert_string_equal(b.data, r[i].brief);
	}
	static const struct good p[] = {
	        {"0%", 0}, {"30%", 300000}, {"0.5%", 5000}, {"0.0001%", 1}, {"100%", PPM_ALL}};
	for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
		BUF(b, 64);
		share_format(&b, p[i].value);
		assert_string_equal(b.data, p[i].text);
	}
}

/* Whatever is formatted parses back to the same value: all powers, their neighbours, and draws. */
static void round_trips(void **state)
{
	struct rng rng = {1};
	for (int i = 0; i < 60000; i++) {
		uint64_t v = i < 63 * 3 ? (1ull << (i / 3)) + (uint64_t)(i % 3) - 1
		                        : rng_next(&rng) >> (1 + rng_below(&rng, 63));
		if (v > MAX63)
			v = MAX63;
		if (i % 5 == 0 && i > 200)
			v = v / 1000 * 1000;
		uint64_t back = ~v;
		BUF(b, 64);
		duration_format(&b, v);
		assert_int_equal(duration_parse(b.data, &back, NULL), 0);
		assert_true(back == v && !b.over);
		buf_reset(&b);
		back = ~v;
		size_format(&b, v);
		assert_int_equal(size_parse(b.data, &back, NULL), 0);
		assert_true(back == v && !b.over);
		buf_reset(&b);
		back = ~v;
		share_format(&b, v);
		assert_int_equal(share_parse(b.data, &back, NULL), 0);
		assert_true(back == v && !b.over);
		buf_reset(&b);
		back = ~v;
		rate_format(&b, v);
		assert_int_equal(rate_parse(b.data, &back, NULL), 0);
		assert_true(back == v && !b.over);
		buf_reset(&b);
		duration_format_short(&b, v);
		assert_int_equal(duration_parse(b.data, &back, NULL), 0);
		double off = fabs((double)back - (double)v);
		if (off > 0.022 * (double)v + 0.5)
			fail_msg("%llu is shown as %s", (unsigned long long)v, b.data);
	}
}

/* Random bytes never crash, never leave an output touched on failure. */
static void hostile(void **state)
{
	static const char alphabet[] = "0123456789.smhdunkKMGTiBbt/%e+- \n\xff\xc3";
	struct rng rng = {2};
	for (int i = 0; i < 100000; i++) {
		char text[64];
		size_t n = rng_below(&rng, sizeof text);
		for (size_t j = 0; j < n; j++)
			text[j] = alphabet[rng_below(&rng, sizeof(alphabet) - 1)];
		text[n] = '\0';
		parse_fn *const all[] = {duration_parse, size_parse, share_parse, rate_parse,
		                         count_parse};
		for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
			uint64_t v = UINT64_MAX;
			struct err err = ERR_INIT;
			int r = all[k](text, &v, &err);
			assert_true(r == 0 ? v <= MAX63 : v == UINT64_MAX && err.code == r);
			assert_null(strpbrk(err.what, "\n\x1b"));
		}
		enum quantity_kind kind;
		double x;
		(void)!quantity_parse_any(text, &kind, &x, NULL);
	}
	char *huge = malloc(1 << 20);
	memset(huge, '9', (1 << 20) - 1);
	huge[(1 << 20) - 1] = '\0';
	uint64_t v;
	double x;
	assert_int_equal(count_parse(huge, &v, NULL), -ERANGE);
	assert_int_equal(number_parse(huge, &x, NULL), -ERANGE);
	assert_int_equal(size_parse(huge, &v, NULL), -ERANGE);
	assert_int_equal(duration_parse(huge, &v, NULL), -EINVAL);
	free(huge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(durations),   cmocka_unit_test(sizes),
	        cmocka_unit_test(shares),      cmocka_unit_test(rates),
	        cmocka_unit_test(counts),      cmocka_unit_test(numbers),
	        cmocka_unit_test(any),         cmocka_unit_test(formats),
	        cmocka_unit_test(round_trips), cmocka_unit_test(hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
