/* route.c - a rule of the routing policy by which a destination is refused. */
#include "step/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/boundary.h"
#include "base/netlink.h"
#include "step/netns.h"

enum { FD_ROUTE = 0 };

static const struct {
	const char *name;
	uint8_t action;
} actions[] = {
        {"blackhole", FR_ACT_BLACKHOLE},
        {"unreachable", FR_ACT_UNREACHABLE},
        {"prohibit", FR_ACT_PROHIBIT},
};
static const char mark[] = " to ";

int route_object_format(const struct route_object *o, struct buf *to, struct err *err)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(o->to.family, o->to.bytes, text, sizeof(text));
	buf_reset(to);
	buf_addf(to, "%s=%llu%s%s/%u", o->netns, (unsigned long long)o->netns_ino, mark, text,
	         o->to.length);
	return to->over ? err_set(err, -ENAMETOOLONG,
	                          "path of network namespace \"%s\" is too long", o->netns)
	                : 0;
}

int route_object_parse(const char *object, struct route_object *to, struct err *err)
{
	struct route_object o = {.netns_ino = 0};
	struct nft_rules rules = {0};
	const char *at = strstr(object, mark);
	size_t n = at ? (size_t)(at - object) : 0;
	char head[NFT_NETNS_MAX + 24];
	char *ino = NULL;
	BUF(again, OBJECT_MAX);

	if (n && n < sizeof(head)) {
		memcpy(head, object, n);
		head[n] = 0;
		ino = strrchr(head, '=');
	}
	if (!ino || head[0] != '/' || nft_rules_add_addr(&rules, at + strlen(mark), err) < 0)
		return err_set(err, -EINVAL, "\"%s\" is not NETNS_PATH=INODE to PREFIX", object);
	*ino++ = 0;
	o.netns_ino = strtoull(ino, NULL, 10);
	o.to = rules.addrs[0];
	if (text_copy(o.netns, sizeof(o.netns), head) < 0 ||
	    route_object_format(&o, &again, err) < 0 || strcmp(again.data, object) != 0)
		return err_set(err, -EINVAL, "\"%s\" is not NETNS_PATH=INODE to PREFIX", object);
	*to = o;
	return 0;
}

int route_state_format(const struct route_state *s, struct buf *to, struct err *err)
{
	buf_reset(to);
	buf_add(to, s->action);
	if (s->has_uid)
		buf_addf(to, " uid=%u", s->uid);
	return to->over ? err_set(err, -E2BIG, "no room for the state of a route") : 0;
}

int route_state_parse(const char *state, struct route_state *to, struct err *err)
{
	size_t n = strcspn(state, " ");
	struct route_state s = {.action = NULL};
	BUF(again, STATE_MAX);

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (strlen(actions[i].name) == n && strncmp(state, actions[i].name, n) == 0)
			s.action = actions[i].name;
	if (strncmp(state + n, " uid=", 5) == 0) {
		s.has_uid = true;
		s.uid = (uint32_t)strtoul(state + n + 5, NULL, 10);
	}
	if (!s.action || route_state_format(&s, &again, err) < 0 || strcmp(again.data, state) != 0)
		return err_set(err, -EINVAL, "\"%.80s\" is no way to refuse a destination", state);
	*to = s;
	return 0;
}

static uint8_t action_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (strcmp(actions[i].name, name) == 0)
			return actions[i].action;
	return FR_ACT_UNSPEC;
}

static size_t addr_bytes(const struct nft_addr *a)
{
	return a->family == AF_INET ? 4 : 16;
}

/* The rule, as it is made and as it is deleted: the kernel deletes what has all of these. */
static struct nlmsghdr *rule_message(void *room, uint16_t type, uint16_t flags,
                                     const struct route_object *o, const struct route_state *s)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(room);
	struct fib_rule_hdr *r;

	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	r = mnl_nlmsg_put_extra_header(h, sizeof(*r));
	*r = (struct fib_rule_hdr){
	        .family = o->to.family, .dst_len = o->to.length, .action = action_of(s->action)};
	if (o->to.length)
		mnl_attr_put(h, FRA_DST, addr_bytes(&o->to), o->to.bytes);
	mnl_attr_put_u32(h, FRA_PRIORITY, ROUTE_PRIORITY);
	mnl_attr_put_u8(h, FRA_PROTOCOL, ROUTE_PROTOCOL);
	if (s->has_uid) {
		struct fib_rule_uid_range range = {s->uid, s->uid};

		mnl_attr_put(h, FRA_UID_RANGE, sizeof(range), &range);
	}
	return h;
}

/* The state of the rule that is ours for that destination. */
struct found {
	const struct route_object *object;
	struct route_state state; /* action NULL: there is none */
};

static int rule_take(const struct nlmsghdr *h, void *ctx)
{
	const struct fib_rule_hdr *r = mnl_nlmsg_get_payload(h);
	struct found *f = ctx;
	const struct nft_addr *to = &f->object->to;
	struct route_state s = {.action = NULL};
	bool ours = false, there = to->length == 0, first = false;
	const struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWRULE || mnl_nlmsg_get_payload_len(h) < sizeof(*r) ||
	    r->family != to->family || r->dst_len != to->length)
		return 0;
	mnl_attr_for_each (a, h, sizeof(*r)) {
		size_t n = mnl_attr_get_payload_len(a);
		const struct fib_rule_uid_range *range = mnl_attr_get_payload(a);

		switch (mnl_attr_get_type(a)) {
		case FRA_DST:
			there = n == addr_bytes(to) &&
			        memcmp(mnl_attr_get_payload(a), to->bytes, n) == 0;
			break;
		case FRA_PROTOCOL:
			ours = n == 1 && mnl_attr_get_u8(a) == ROUTE_PROTOCOL;
			break;
		case FRA_PRIORITY:
			first = n == 4 && mnl_attr_get_u32(a) == ROUTE_PRIORITY;
			break;
		case FRA_UID_RANGE:
			s.has_uid = n == sizeof(*range);
			s.uid = s.has_uid ? range->start : 0;
			break;
		default:
			break;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (actions[i].action == r->action)
			s.action = actions[i].name;
	if (ours && there && first && s.action)
		f->state = s;
	return 0;
}

static int rule_look(int fd, const struct route_object *o, struct buf *state, struct err *err)
{
	struct {
		struct nlmsghdr head;
		struct fib_rule_hdr body;
	} request = {
	        .head = {.nlmsg_len = sizeof(request),
	                 .nlmsg_type = RTM_GETRULE,
	                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	        .body = {.family = o->to.family},
	};
	struct found f;
	int code = -EINTR;

	for (int turn = 0; turn < 16 && code == -EINTR; turn++) {
		f = (struct found){.object = o};
		code = nl_dump(fd, &request, sizeof(request), rule_take, &f, err);
	}
	if (code < 0)
		return err_wrap(err, code, "could not list the rules of routing");
	if (f.state.action)
		return route_state_format(&f.state, state, err);
	buf_reset(state);
	buf_add(state, "absent");
	return 0;
}

static int route_open_at(const struct world *w, const char *object, struct route_object *o, int *fd,
                         struct err *err)
{
	int code = route_object_parse(object, o, err);

	return code < 0 ? code : step_netns_open(w, o->netns, o->netns_ino, NETLINK_ROUTE, fd, err);
}

static int route_open(struct hold *h, const char *object, struct err *err)
{
	struct route_object o;

	return route_open_at(h->world, object, &o, &h->fd[FD_ROUTE], err);
}

static int route_get(const struct world *w, const char *object, struct buf *state, struct err *err)
{
	struct route_object o;
	_cleanup_fd_ int fd = -1;
	int code;

	if (!world_is_real(w)) {
		code = route_object_parse(object, &o, err);
		buf_reset(state);
		buf_add(state, "absent");
		return code;
	}
	code = route_open_at(w, object, &o, &fd, err);
	return code < 0 ? code : rule_look(fd, &o, state, err);
}

static int rule_change(int fd, uint16_t type, const struct route_object *o, const char *state,
                       struct err *err)
{
	_Alignas(struct nlmsghdr) char room[256];
	uint16_t flags = type == RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL : 0;
	struct route_state s;
	int code = route_state_parse(state, &s, err);

	if (code < 0)
		return code;
	const struct nlmsghdr *h = rule_message(room, type, flags, o, &s);
	code = nl_ask(fd, h, h->nlmsg_len, 1, NULL, NULL, err);
	/* it is as it is to be */
	if ((type == RTM_NEWRULE && code == -EEXIST) || (type == RTM_DELRULE && code == -ENOENT))
		return 0;
	if (code == -EPERM)
		return err_hint(err, err_set(err, code, "may not change the rules of routing"),
		                "It needs CAP_NET_ADMIN in the network namespace.");
	return code < 0 ? err_wrap(err, code, "could not change the rules of routing") : 0;
}

static int route_set(struct hold *h, const char *object, const char *now, const char *to,
                     struct buf *landed, struct err *err)
{
	struct route_object o;
	int code = BOUNDARY_FAIL("set route");

	if (code < 0)
		return err_sys(err, -code, "could not change the route \"%s\"", object);
	code = route_object_parse(object, &o, err);
	if (code == 0 && h->fd[FD_ROUTE] < 0)
		code = route_open(h, object, err);
	/* the new one first: in between, too, the destination is refused */
	if (code == 0 && strcmp(to, "absent") != 0)
		code = rule_change(h->fd[FD_ROUTE], RTM_NEWRULE, &o, to, err);
	BOUNDARY("route: rule made");
	if (code == 0 && strcmp(now, "absent") != 0 && strcmp(now, to) != 0)
		code = rule_change(h->fd[FD_ROUTE], RTM_DELRULE, &o, now, err);
	return code < 0 ? code : rule_look(h->fd[FD_ROUTE], &o, landed, err);
}

/* Whether the kernel has no way to an address of the destination: that of the first host. */
static bool is_refused(int fd, const struct route_object *o, const struct route_state *s)
{
	_Alignas(struct nlmsghdr) char room[256];
	struct nlmsghdr *h = mnl_nlmsg_put_header(room);
	struct rtmsg *r;
	uint8_t host[16];
	size_t n = addr_bytes(&o->to);
	int code;

	h->nlmsg_type = RTM_GETROUTE;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	r = mnl_nlmsg_put_extra_header(h, sizeof(*r));
	*r = (struct rtmsg){.rtm_family = o->to.family, .rtm_dst_len = (unsigned char)(n * 8)};
	memcpy(host, o->to.bytes, sizeof(host));
	if (o->to.length < n * 8 - 1)
		host[n - 1] |= 1;
	mnl_attr_put(h, RTA_DST, n, host);
	if (s->has_uid)
		mnl_attr_put_u32(h, RTA_UID, s->uid);
	code = nl_ask(fd, h, h->nlmsg_len, 1, NULL, NULL, NULL);
	return code == -EINVAL || code == -ENETUNREACH || code == -EHOSTUNREACH || code == -EACCES;
}

static int route_meter(const struct hold *h, const char *object, struct counters *to,
                       struct err *err)
{
	struct route_object o;
	struct route_state s = {.action = NULL};
	_cleanup_fd_ int fd = -1;
	int code;

	if (!world_is_real(h->world))
		return 0;
	code = route_open_at(h->world, object, &o, &fd, err);
	if (code < 0)
		return code;
	if (h->claim)
		(void)!route_state_parse(h->claim, &s, NULL);
	counters_add(to, "refused", is_refused(fd, &o, &s));
	return 0;
}

static const char *const levels[] = {"refused", NULL};

static void route_by_hand(const char *object, const char *base, const char *claim, struct buf *to)
{
	struct route_object o;
	char text[INET6_ADDRSTRLEN];

	if (strcmp(base, "absent") != 0 || route_object_parse(object, &o, NULL) < 0 ||
	    strchr(o.netns, '\''))
		return;
	inet_ntop(o.to.family, o.to.bytes, text, sizeof(text));
	buf_addf(to, "nsenter --net='%s' ip -%c rule del pref %d to %s/%u protocol %d", o.netns,
	         o.to.family == AF_INET ? '4' : '6', ROUTE_PRIORITY, text, o.to.length,
	         ROUTE_PROTOCOL);
}

const struct step_type step_type_route = {
        .name = "route",
        .summary = "a rule of routing by which a destination is refused",
        .flags = STEP_DIES_WITH_BOOT | STEP_LEAN,
        .open = route_open,
        .get = route_get,
        .set = route_set,
        .meter = route_meter,
        .levels = levels,
        .by_hand = route_by_hand,
};
