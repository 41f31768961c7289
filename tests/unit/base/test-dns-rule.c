/* Which DNS answers are meant: globs, types, addresses as people write them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/dns-rule.h"

#include <cmocka.h>

static struct dns_rule rule_of(const char *const *names)
{
	struct dns_rule r = {.how = DNS_EMPTY, .share_ppm = 1};
	struct err err = ERR_INIT;

	for (; *names; names++)
		if (dns_rule_add_name(&r, *names, &err) < 0)
			fail_msg("%s: %s", *names, err.what);
	return r;
}
#define RULE(...) rule_of((const char *const[]){__VA_ARGS__, NULL})

static void names(void **state)
{
	struct dns_rule r = RULE("*.Shop.test.", "db", "^ok.shop.test", "*.shop.test");

	(void)state;
	assert_string_equal(r.names, "*.shop.test,db,^ok.shop.test");
	assert_true(dns_rule_has_name(&r, "a.shop.test"));
	assert_true(dns_rule_has_name(&r, "a.b.shop.test"));
	assert_true(dns_rule_has_name(&r, "db"));
	assert_false(dns_rule_has_name(&r, "shop.test"));
	assert_false(dns_rule_has_name(&r, "xshop.test"));
	assert_false(dns_rule_has_name(&r, "ok.shop.test"));
	assert_true(dns_rule_has_name(&r, "x.ok.shop.test"));
	assert_false(dns_rule_has_name(&r, "dbx"));
	assert_false(dns_rule_has_name(&r, ""));
	assert_false(dns_rule_is_open(&r));
	r = RULE("^*.internal");
	assert_true(dns_rule_has_name(&r, "") && dns_rule_has_name(&r, "internal"));
	assert_false(dns_rule_has_name(&r, "db.internal"));
	assert_true(dns_rule_is_open(&r));
	r = RULE("d?.**.test");
	assert_true(dns_rule_has_name(&r, "d1.x.test") && dns_rule_has_name(&r, "db..test"));
	assert_false(dns_rule_has_name(&r, "d.x.test"));
	assert_false(dns_rule_is_open(&r));
	r = RULE("shop.test", "**");
	assert_true(dns_rule_is_open(&r));
	r = (struct dns_rule){.how = DNS_EMPTY};
	assert_true(dns_rule_has_name(&r, "") && dns_rule_has_name(&r, "a.b"));
	assert_true(dns_rule_is_open(&r));
}

static void names_refused(void **state)
{
	static const char *const bad[] = {
	        "",     "^",
	        ".",    "a..b",
	        ".a",   "a b",
	        "a,b",  "a/b",
	        "a:53", "b\303\274cher.test",
	        "[ab]", "a^b",
	        "^^a",  "a234567890123456789012345678901234567890123456789012345678901234"};
	struct dns_rule r = {.how = DNS_EMPTY};
	int code = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (dns_rule_add_name(&r, bad[i], NULL) != -EINVAL)
			fail_msg("accepted: \"%s\"", bad[i]);
	assert_string_equal(r.names, "");
	for (char name[] = "aa.shop.test"; code == 0 && name[1] < 'z'; name[1]++)
		code = dns_rule_add_name(&r, name, NULL);
	assert_int_equal(code, -E2BIG);
	assert_true(strlen(r.names) < DNS_NAMES_TEXT);
}

static void types(void **state)
{
	struct dns_rule r = {.how = DNS_EMPTY};
	BUF(text, 64);

	(void)state;
	assert_true(dns_rule_has_type(&r, 5));
	assert_int_equal(dns_rule_add_type(&r, "type4711", NULL), 0);
	assert_int_equal(dns_rule_add_type(&r, "aaaa", NULL), 0);
	assert_int_equal(dns_rule_add_type(&r, "TYPE1", NULL), 0);
	assert_int_equal(dns_rule_add_type(&r, "A", NULL), 0);
	dns_rule_types(&r, &text);
	assert_string_equal(text.data, "A,AAAA,TYPE4711");
	assert_true(dns_rule_has_type(&r, 4711) && !dns_rule_has_type(&r, 5));
	assert_int_equal(dns_rule_add_type(&r, "TYPE0", NULL), -EINVAL);
	assert_int_equal(dns_rule_add_type(&r, "TYPE65536", NULL), -EINVAL);
	assert_int_equal(dns_rule_add_type(&r, "TYPE1x", NULL), -EINVAL);
	assert_int_equal(dns_rule_add_type(&r, "", NULL), -EINVAL);
}

static void addresses(void **state)
{
	struct dns_rule r = {.how = DNS_ANSWER, .share_ppm = 1};
	BUF(text, 128);

	(void)state;
	assert_non_null(dns_rule_check(&r));
	assert_int_equal(dns_rule_add_address(&r, "192.0.2.9", NULL), 0);
	assert_null(dns_rule_check(&r));
	/* only what there is an address for */
	assert_true(dns_rule_has_type(&r, DNS_TYPE_A) && !dns_rule_has_type(&r, DNS_TYPE_AAAA));
	assert_false(dns_rule_has_type(&r, 16));
	assert_int_equal(dns_rule_add_address(&r, "::2", NULL), 0);
	assert_int_equal(dns_rule_add_address(&r, "192.0.2.7", NULL), 0);
	assert_int_equal(dns_rule_add_address(&r, "192.0.2.9", NULL), 0);
	dns_rule_addresses(&r, &text);
	assert_string_equal(text.data, "192.0.2.7,192.0.2.9,::2");
	assert_true(dns_rule_has_type(&r, DNS_TYPE_AAAA));
	assert_int_equal(dns_rule_add_address(&r, "shop.test", NULL), -EINVAL);
	assert_int_equal(dns_rule_add_address(&r, "10.0.0.0/8", NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names),
	        cmocka_unit_test(names_refused),
	        cmocka_unit_test(types),
	        cmocka_unit_test(addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
