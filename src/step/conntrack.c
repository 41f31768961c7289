/* conntrack.c - entries of the table of connection tracking are deleted; there is no way back. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/boundary.h"
#include "base/netlink.h"
#include "step/netns.h"
#include "step/sweep.h"

enum { AT_ONCE = 4096, PASSES = 64, TUPLE_MAX = 104 };
enum { FD_ASK = 0 };

/* The attributes of a DELETE, as they were listed: the tuple, the id that tells an entry from the
 * next one with the same tuple, and the zone. */
struct victim {
	uint8_t family;
	uint32_t id;
	bool zoned;
	uint16_t zone;
	uint16_t tuple_n;
	char tuple[TUPLE_MAX];
};

/* Made at arming: nothing is allocated when it is done. */
struct own {
	uint64_t found, deleted;
	const struct sweep *sweep;
	size_t victims_n;
	struct victim victims[AT_ONCE];
};

static struct nlmsghdr *message_start(void *at, int type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(at);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	return h;
}

/* What a tuple says, in the words of the filters. */
struct tuple {
	const uint8_t *ends[2];
	uint16_t ports[2];
	uint8_t proto;
};

static void tuple_ip(const struct nlattr *nest, size_t bytes, struct tuple *t)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, nest) {
		unsigned type = mnl_attr_get_type(a);

		if (mnl_attr_get_payload_len(a) != bytes)
			continue;
		if (type == CTA_IP_V4_SRC || type == CTA_IP_V6_SRC)
			t->ends[0] = mnl_attr_get_payload(a);
		if (type == CTA_IP_V4_DST || type == CTA_IP_V6_DST)
			t->ends[1] = mnl_attr_get_payload(a);
	}
}

static void tuple_proto(const struct nlattr *nest, struct tuple *t)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, nest) {
		unsigned type = mnl_attr_get_type(a);

		if (type == CTA_PROTO_NUM && mnl_attr_get_payload_len(a) == 1)
			t->proto = mnl_attr_get_u8(a);
		if (mnl_attr_get_payload_len(a) != 2)
			continue;
		if (type == CTA_PROTO_SRC_PORT)
			t->ports[0] = ntohs(mnl_attr_get_u16(a));
		if (type == CTA_PROTO_DST_PORT)
			t->ports[1] = ntohs(mnl_attr_get_u16(a));
	}
	if (t->proto == IPPROTO_ICMPV6)
		t->proto = IPPROTO_ICMP;
}

static struct tuple tuple_read(const struct nlattr *nest, uint8_t family)
{
	struct tuple t = {.proto = 0};
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, nest) {
		if (mnl_attr_get_type(a) == CTA_TUPLE_IP)
			tuple_ip(a, family == AF_INET ? 4 : 16, &t);
		if (mnl_attr_get_type(a) == CTA_TUPLE_PROTO)
			tuple_proto(a, &t);
	}
	return t;
}

/* The address may be at either end: what is forwarded has no remote side. */
static bool is_meant(const struct sweep *s, const struct nlattr *nest, uint8_t family)
{
	struct tuple t = tuple_read(nest, family);

	for (int i = 0; i < 2; i++) {
		struct sweep_seen seen = {.family = family,
		                          .proto = t.proto,
		                          .remote = t.ends[i],
		                          .ports = {t.ports[0], t.ports[1]}};

		if (t.ends[i] && sweep_matches(s, &seen))
			return true;
	}
	return false;
}

static int victim_take(const struct nlmsghdr *h, void *ctx)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	struct victim v = {.family = g->nfgen_family};
	const struct nlattr *a, *tuple = NULL;
	struct own *o = ctx;

	if (h->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) ||
	    mnl_nlmsg_get_payload_len(h) < sizeof(*g) || o->victims_n == AT_ONCE)
		return 0;
	mnl_attr_for_each (a, h, sizeof(*g)) {
		unsigned type = mnl_attr_get_type(a);

		if (type == CTA_TUPLE_ORIG && mnl_attr_get_payload_len(a) <= TUPLE_MAX)
			tuple = a;
		if (type == CTA_ID && mnl_attr_get_payload_len(a) == sizeof(v.id))
			v.id = mnl_attr_get_u32(a);
		if (type == CTA_ZONE && mnl_attr_get_payload_len(a) == sizeof(v.zone)) {
			v.zoned = true;
			v.zone = mnl_attr_get_u16(a);
		}
	}
	if (!tuple || !is_meant(o->sweep, tuple, v.family))
		return 0;
	v.tuple_n = mnl_attr_get_payload_len(tuple);
	memcpy(v.tuple, mnl_attr_get_payload(tuple), v.tuple_n);
	o->victims[o->victims_n++] = v;
	return 0;
}

static int victim_delete(int fd, const struct victim *v, struct err *err)
{
	_Alignas(struct nlmsghdr) char room[256];
	struct nlmsghdr *h = message_start(room, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, v->family);

	mnl_attr_put(h, CTA_TUPLE_ORIG | NLA_F_NESTED, v->tuple_n, v->tuple);
	mnl_attr_put_u32(h, CTA_ID, v->id);
	if (v->zoned)
		mnl_attr_put_u16(h, CTA_ZONE, v->zone);
	return nl_ask(fd, h, h->nlmsg_len, 1, NULL, NULL, err);
}

/* At most AT_ONCE of them. What ends by itself meanwhile was found, and not deleted. */
static int pass(struct own *o, int fd, struct err *err)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	int code = 0;

	o->victims_n = 0;
	for (size_t i = 0; code == 0 && i < ARRAY_SIZE(families); i++) {
		_Alignas(struct nlmsghdr) char room[64];
		const struct nlmsghdr *h =
		        message_start(room, IPCTNL_MSG_CT_GET, NLM_F_DUMP, families[i]);

		code = nl_dump(fd, h, h->nlmsg_len, victim_take, o, err);
		/* entries come and go while they are listed */
		code = code == -EINTR ? 0 : code;
	}
	for (size_t i = 0; code == 0 && i < o->victims_n; i++) {
		code = victim_delete(fd, &o->victims[i], err);
		o->found++;
		o->deleted += code == 0;
		code = code == -ENOENT ? 0 : code;
		BOUNDARY("conntrack: one is deleted");
	}
	return code;
}

static int conntrack_open(struct hold *h, const char *object, struct err *err)
{
	struct nft_object o;
	int code = nft_object_parse(object, &o, err);

	if (code == 0)
		code = step_netns_open(h->world, o.netns, o.netns_ino, NETLINK_NETFILTER,
		                       &h->fd[FD_ASK], err);
	if (code < 0)
		return code;
	h->own = calloc(1, sizeof(struct own));
	return h->own ? 0 : err_set(err, -ENOMEM, "no memory for a list of entries");
}

static void conntrack_close(struct hold *h)
{
	free(h->own);
	h->own = NULL;
}

static int conntrack_set(struct hold *h, const char *object, const char *now, const char *to,
                         struct buf *landed, struct err *err)
{
	struct sweep sweep;
	struct own *o = h->own;
	int code = BOUNDARY_FAIL("set conntrack");

	if (code < 0)
		return err_sys(err, -code, "could not delete entries");
	if (strcmp(to, "idle") == 0)
		return err_set(err, -ENOTSUP, "cannot bring entries back");
	code = sweep_parse(to, &sweep, err);
	if (code == 0 && !o) {
		code = conntrack_open(h, object, err);
		o = h->own;
	}
	if (code < 0)
		return code;
	o->sweep = &sweep;
	for (int i = 0; code == 0 && i < PASSES && (i == 0 || o->victims_n == AT_ONCE); i++) {
		if (h->busy && h->busy(h))
			return err_set(err, -ECANCELED, "it was called off");
		code = pass(o, h->fd[FD_ASK], err);
	}
	o->sweep = NULL;
	if (code == -EPERM)
		return err_hint(err,
		                err_set(err, code, "may not delete entries of connection tracking"),
		                "It needs CAP_NET_ADMIN in the network namespace.");
	if (code < 0)
		return err_wrap(err, code, "could not delete entries of connection tracking");
	buf_reset(landed);
	buf_add(landed, "idle");
	return 0;
}

static int conntrack_meter(const struct hold *h, const char *object, struct counters *to,
                           struct err *err)
{
	const struct own *o = h->own;

	counters_add(to, "found", o ? o->found : 0);
	counters_add(to, "deleted", o ? o->deleted : 0);
	return 0;
}

const struct step_type step_type_conntrack = {
        .name = "conntrack",
        .summary = "entries of connection tracking that are deleted",
        .flags = STEP_IRREVERSIBLE | STEP_LEAN,
        .open = conntrack_open,
        .close = conntrack_close,
        .get = sweep_get,
        .set = conntrack_set,
        .meter = conntrack_meter,
};
