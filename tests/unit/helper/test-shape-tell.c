/* test-shape-tell.c - what is said of a packet that is too large, and of which nothing is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "helper/shape-bytes.h"
#include "helper/shape-tell.h"

/* TCP from 10.0.0.1 to 10.0.0.2, "don't fragment". */
static const uint8_t v4[60] = {0x45, 0, 5,  0xdc, 1, 2, 0x40, 0, 64, 6, 0, 0, 10, 0,
                               0,    1, 10, 0,    0, 2, 7,    8, 9,  9, 1, 2, 3,  4};
/* UDP from fd00::1 to fd00::2. */
static const uint8_t v6[64] = {0x60, 0,        0,           0,        5,        0xdc, 17, 64,
                               0xfd, [23] = 1, [24] = 0xfd, [39] = 2, [40] = 7, 8,    9,  9};

static void v4_is_told(void **state)
{
	uint8_t to[SHAPE_TELL_MAX], again[SHAPE_TELL_MAX];
	size_t n = shape_tell_large(v4, sizeof(v4), 1300, to);
	uint32_t sum = 0;

	assert_int_equal(n, 28 + sizeof(v4));
	assert_int_equal(to[2] << 8 | to[3], n);
	assert_int_equal(to[9], 1);
	assert_memory_equal(to + 12, v4 + 16, 4); /* in the name of the destination */
	assert_memory_equal(to + 16, v4 + 12, 4);
	assert_int_equal(to[20], 3);
	assert_int_equal(to[21], 4);
	assert_int_equal(to[26] << 8 | to[27], 1300);
	assert_memory_equal(to + 28, v4, sizeof(v4));
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(to[i] << 8 | to[i + 1]);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	memcpy(again, to, sizeof(again));
	assert_true(shape_bytes_sum(again, n));
	assert_memory_equal(again, to, n);
}

static void v6_is_told(void **state)
{
	uint8_t to[SHAPE_TELL_MAX];
	size_t n = shape_tell_large(v6, sizeof(v6), 70000, to);

	assert_int_equal(n, 48 + sizeof(v6));
	assert_int_equal(to[4] << 8 | to[5], 8 + sizeof(v6));
	assert_int_equal(to[6], 58);
	assert_memory_equal(to + 8, v6 + 24, 16);
	assert_memory_equal(to + 24, v6 + 8, 16);
	assert_int_equal(to[40], 2);
	assert_int_equal(to[45] << 16 | to[46] << 8 | to[47], 70000);
	assert_memory_equal(to + 48, v6, sizeof(v6));
}

static bool tells(const uint8_t *packet, size_t n, size_t at, uint8_t value)
{
	uint8_t copy[64] = {0}, to[SHAPE_TELL_MAX];

	memcpy(copy, packet, n);
	copy[at] = value;
	return shape_tell_large(copy, n, 1300, to);
}

static void nothing_is_said(void **state)
{
	uint8_t to[SHAPE_TELL_MAX];

	for (size_t n = 0; n < 28; n++)
		assert_int_equal(shape_tell_large(v4, n, 1300, to), 0);
	for (size_t n = 0; n < 48; n++)
		assert_int_equal(shape_tell_large(v6, n, 1300, to), 0);
	assert_false(tells(v4, sizeof(v4), 7, 1));     /* a later fragment */
	assert_false(tells(v4, sizeof(v4), 16, 224));  /* to a group */
	assert_false(tells(v4, sizeof(v4), 12, 255));  /* from nobody */
	assert_false(tells(v4, sizeof(v4), 9, 1));     /* of ICMP what is no echo: type 7 */
	assert_false(tells(v4, sizeof(v4), 0, 0x4f));  /* a header that is cut short */
	assert_false(tells(v6, sizeof(v6), 24, 0xff)); /* to a group */
	assert_false(tells(v6, sizeof(v6), 6, 58));    /* an ICMPv6 error */
	assert_false(tells(v6, sizeof(v6), 0, 0x50));
}

static void who_may_be_parted(void **state)
{
	uint8_t copy[60];

	memcpy(copy, v4, sizeof(copy));
	assert_false(shape_tell_may_be_parted(copy, sizeof(copy)));
	copy[6] = 0;
	assert_true(shape_tell_may_be_parted(copy, sizeof(copy)));
	assert_false(shape_tell_may_be_parted(copy, 19));
	assert_false(shape_tell_may_be_parted(v6, sizeof(v6)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(v4_is_told),
	        cmocka_unit_test(v6_is_told),
	        cmocka_unit_test(nothing_is_said),
	        cmocka_unit_test(who_may_be_parted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
