/* test-shape.c - the shaper's words: one text for one meaning, and what contradicts itself is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/shape.h"

static const char *const good[] = {
        "seed=0 delay=50000000",
        "seed=18446744073709551615 delay=600000000000 jitter=1 dist=pareto delay-corr=250000 "
        "order=free",
        "seed=7 jitter=10000000",
        "seed=7 loss=1000000 loss-corr=1",
        "seed=7 burst=10000,300000,0,1000000",
        "seed=7 every=2",
        "seed=0 down=1000000 up=600000000000",
        "seed=0 mtu=68",
        "seed=3 loss=5 down=5000000 up=5000000 mtu=65535 tell=yes",
        "seed=7 delay=1 every=4294967295 duplicate=5 duplicate-corr=6 corrupt=7 corrupt-corr=8 "
        "mend=yes reorder=9 reorder-corr=10 gap=5 rate=1000 queue=65536",
        "seed=1 dns=nxdomain dns-share=500000 names=*.shop.test,^ok.shop.test types=A,AAAA",
        "seed=1 delay=5 dns=slow dns-share=1000000",
        "seed=1 jitter=5 order=free dns=slow dns-share=1 names=a?.test",
        "seed=1 dns=answer dns-share=1000000 addresses=192.0.2.7,::1 ttl=60",
};

static const char *const bad[] = {
        "",
        "seed=1",
        "delay=50000000",
        "seed=1 delay=",
        "seed=1 delay=050",
        "seed=1 delay=-5",
        "seed=1 delay=5 ",
        "seed=1  delay=5",
        "seed=1 delay=600000000001",
        "seed=18446744073709551616 delay=5",
        "seed=1 loss=1000001",
        "seed=1 loss=5 every=3",
        "seed=1 loss=5 burst=1,1,1,1",
        "seed=1 every=1",
        "seed=1 down=1000000",
        "seed=1 up=1000000",
        "seed=1 down=999999 up=1000000",
        "seed=1 down=1000000 up=600000000001",
        "seed=1 mtu=67",
        "seed=1 mtu=65536",
        "seed=1 tell=yes",
        "seed=1 mtu=1500 tell=no",
        "seed=1 burst=1,1,1",
        "seed=1 burst=0,1,1,1",
        "seed=1 burst=1,1,1,1,1",
        "seed=1 loss-corr=5",
        "seed=1 delay=5 dist=normal",
        "seed=1 delay=5 dist=uniform jitter=1",
        "seed=1 delay=5 jitter=1 dist=gauss",
        "seed=1 delay=5 order=free",
        "seed=1 mend=yes",
        "seed=1 corrupt=5 mend=no",
        "seed=1 reorder=5",
        "seed=1 delay=5 gap=5",
        "seed=1 rate=1000000",
        "seed=1 rate=999 queue=1",
        "seed=1 rate=100000000001 queue=1",
        "seed=1 rate=1000 queue=268435457",
        "seed=1 loss=5 delay=5",
        "seed=1 delay=5 delay=5",
        "seed=1 delays=5",
        "seed=1 delay",
        "seed=1 dns=",
        "seed=1 dns=none dns-share=5",
        "seed=1 dns=empty",
        "seed=1 dns=empty dns-share=1000001",
        "seed=1 dns-share=5",
        "seed=1 names=a.test",
        "seed=1 loss=5 types=A",
        "seed=1 delay=5 dns=empty dns-share=5",
        "seed=1 loss=5 dns=empty dns-share=5",
        "seed=1 dns=slow dns-share=5",
        "seed=1 delay=5 rate=1000 queue=1 dns=slow dns-share=5",
        "seed=1 dns=empty dns-share=5 names=",
        "seed=1 dns=empty dns-share=5 names=A.test",
        "seed=1 dns=empty dns-share=5 names=a.test,a.test",
        "seed=1 dns=empty dns-share=5 names=a.test,",
        "seed=1 dns=empty dns-share=5 types=AAAA,A",
        "seed=1 dns=empty dns-share=5 types=TYPE1",
        "seed=1 dns=empty dns-share=5 addresses=::1",
        "seed=1 dns=answer dns-share=5",
        "seed=1 dns=answer dns-share=5 addresses=::1,192.0.2.7",
        "seed=1 dns=answer dns-share=5 addresses=::1 ttl=86401",
};

static void says_it_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct shape s;
		struct err e = ERR_INIT;
		BUF(b, SHAPE_TEXT_MAX);

		if (shape_parse(good[i], &s, &e) != 0)
			fail_msg("%s: %s", good[i], e.what);
		assert_int_equal(shape_format(&s, &b, &e), 0);
		assert_string_equal(b.data, good[i]);
	}
}

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct shape s = {.seed = 99};
		struct err e = ERR_INIT;

		if (shape_parse(bad[i], &s, &e) != -EINVAL)
			fail_msg("accepted: \"%s\"", bad[i]);
		assert_true(e.what[0] != 0);
		assert_int_equal(s.seed, 99);
	}
}

/* Every beginning of a good text, and every byte of it changed, is refused or says itself again. */
static void bears_what_is_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		for (size_t at = 0; at < strlen(good[i]); at++) {
			for (int turn = 0; turn < 3; turn++) {
				char text[SHAPE_TEXT_MAX];
				struct shape s;
				BUF(b, SHAPE_TEXT_MAX);

				(void)snprintf(text, sizeof(text), "%s", good[i]);
				text[at] = "\0=9"[turn];
				if (shape_parse(text, &s, NULL) < 0)
					continue;
				assert_int_equal(shape_format(&s, &b, NULL), 0);
				assert_string_equal(b.data, text);
			}
		}
	}
}

static void knows_what_it_needs(void **state)
{
	struct shape s;

	(void)state;
	assert_int_equal(shape_parse("seed=1 delay=5", &s, NULL), 0);
	assert_true(shape_holds(&s) && !shape_counts(&s));
	assert_int_equal(shape_parse("seed=1 loss=5", &s, NULL), 0);
	assert_true(!shape_holds(&s) && shape_counts(&s));
	assert_int_equal(shape_parse("seed=1 rate=5000 queue=6000", &s, NULL), 0);
	assert_true(shape_holds(&s) && shape_counts(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(says_it_again),
	        cmocka_unit_test(refuses),
	        cmocka_unit_test(bears_what_is_broken),
	        cmocka_unit_test(knows_what_it_needs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
