/* The words of a device that is set down, and what of a list counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "step/link-list.h"
#include "step/link.h"

#include <cmocka.h>

static struct err err;

static void objects(void **state)
{
	static const char *const good[] = {"/run/netns/blue=4026531840 dev eth0@2",
	                                   "/proc/self/ns/net=1 dev a.b@17"};
	static const char *const bad[] = {"",
	                                  "/run/netns/blue dev eth0@2",
	                                  "/run/netns/blue=1 dev eth0",
	                                  "/run/netns/blue=1 dev @2",
	                                  "/run/netns/blue=1 dev eth0@0",
	                                  "/run/netns/blue=1 dev eth0@02",
	                                  "run/netns/blue=1 dev eth0@2",
	                                  "/run/netns/blue=1 dev a-name-that-is-too-long@2"};
	struct link_object o;
	BUF(again, OBJECT_MAX);

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(link_object_parse(good[i], &o, &err), 0);
		assert_int_equal(link_object_format(&o, &again, &err), 0);
		assert_string_equal(again.data, good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(link_object_parse(bad[i], &o, &err), -EINVAL);
}

static uint64_t route_hash(unsigned flags, unsigned protocol, uint32_t device, uint32_t expires)
{
	_Alignas(struct nlmsghdr) char room[256] = {0};
	struct nlmsghdr *h = mnl_nlmsg_put_header(room);
	struct rta_cacheinfo info = {.rta_expires = (__s32)expires};
	struct rtmsg *m;

	h->nlmsg_type = RTM_NEWROUTE;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtm_family = AF_INET6;
	m->rtm_flags = flags;
	m->rtm_protocol = (unsigned char)protocol;
	mnl_attr_put_u32(h, RTA_OIF, device);
	mnl_attr_put(h, RTA_CACHEINFO, sizeof(info), &info);
	return link_item_hash(h, 3);
}

static void what_counts(void **state)
{
	uint64_t plain = route_hash(0, RTPROT_STATIC, 3, 0);

	assert_true(plain != 0);
	/* what changes by itself does not */
	assert_true(route_hash(RTNH_F_LINKDOWN | RTNH_F_DEAD, RTPROT_STATIC, 3, 9) == plain);
	assert_true(route_hash(RTNH_F_ONLINK, RTPROT_STATIC, 3, 0) != plain);
	assert_true(route_hash(0, RTPROT_BOOT, 3, 0) != plain);
	/* of another device; learned from a router; a cached one */
	assert_int_equal(route_hash(0, RTPROT_STATIC, 4, 0), 0);
	assert_int_equal(route_hash(0, RTPROT_RA, 3, 0), 0);
	assert_int_equal(route_hash(RTM_F_CLONED, RTPROT_STATIC, 3, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(objects),
	        cmocka_unit_test(what_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
