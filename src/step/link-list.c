/* link-list.c - what hangs on a network device. */
#include "step/link-list.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/netlink.h"

enum { ITEM_MAX = 2048 };

/* FNV-1a, 64 bits. */
static uint64_t hash_add(uint64_t h, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

/* Attributes that change by themselves. */
static bool is_volatile(uint16_t kind, unsigned type)
{
	switch (kind) {
	case RTM_NEWADDR:
		return type == IFA_CACHEINFO || type == IFA_FLAGS;
	case RTM_NEWROUTE:
		return type == RTA_CACHEINFO || type == RTA_MULTIPATH;
	default:
		return type == NDA_CACHEINFO || type == NDA_PROBES;
	}
}

/* Nexthops without their flags, which tell whether they live. */
static uint64_t nexthops_add(uint64_t hash, const struct nlattr *a)
{
	size_t left = mnl_attr_get_payload_len(a);
	const char *at = mnl_attr_get_payload(a);

	while (left >= sizeof(struct rtnexthop)) {
		struct rtnexthop nh;

		memcpy(&nh, at, sizeof(nh));
		if (nh.rtnh_len < sizeof(nh) || nh.rtnh_len > left)
			break;
		nh.rtnh_flags &= RTNH_F_ONLINK;
		hash = hash_add(hash, &nh, sizeof(nh));
		hash = hash_add(hash, at + sizeof(nh), nh.rtnh_len - sizeof(nh));
		size_t step = MNL_ALIGN(nh.rtnh_len);
		if (step > left)
			break;
		at += step;
		left -= step;
	}
	return hash;
}

static bool nexthops_have(const struct nlattr *a, uint32_t index)
{
	size_t left = mnl_attr_get_payload_len(a);
	const char *at = mnl_attr_get_payload(a);

	while (left >= sizeof(struct rtnexthop)) {
		struct rtnexthop nh;

		memcpy(&nh, at, sizeof(nh));
		if (nh.rtnh_len < sizeof(nh) || nh.rtnh_len > left)
			return false;
		if ((uint32_t)nh.rtnh_ifindex == index)
			return true;
		size_t step = MNL_ALIGN(nh.rtnh_len);
		if (step > left)
			return false;
		at += step;
		left -= step;
	}
	return false;
}

static uint32_t attr_u32(const struct nlmsghdr *h, size_t head, unsigned type)
{
	const struct nlattr *a;

	mnl_attr_for_each (a, h, head)
		if (mnl_attr_get_type(a) == type && mnl_attr_get_payload_len(a) == 4)
			return mnl_attr_get_u32(a);
	return 0;
}

static bool route_is_of(const struct nlmsghdr *h, uint32_t index)
{
	const struct nlattr *a;

	if (attr_u32(h, sizeof(struct rtmsg), RTA_OIF) == index)
		return true;
	mnl_attr_for_each (a, h, sizeof(struct rtmsg))
		if (mnl_attr_get_type(a) == RTA_MULTIPATH && nexthops_have(a, index))
			return true;
	return false;
}

static uint64_t attrs_add(uint64_t hash, const struct nlmsghdr *h, size_t head)
{
	const struct nlattr *a;

	mnl_attr_for_each (a, h, head) {
		unsigned type = mnl_attr_get_type(a);

		if (h->nlmsg_type == RTM_NEWROUTE && type == RTA_MULTIPATH)
			hash = nexthops_add(hash, a);
		if (is_volatile(h->nlmsg_type, type))
			continue;
		hash = hash_add(hash, &type, sizeof(type));
		hash = hash_add(hash, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	}
	return hash;
}

uint64_t link_item_hash(const struct nlmsghdr *h, uint32_t index)
{
	uint64_t hash = hash_add(0xcbf29ce484222325ull, &h->nlmsg_type, sizeof(h->nlmsg_type));
	size_t n = mnl_nlmsg_get_payload_len(h), head;

	if (h->nlmsg_type == RTM_NEWADDR && n >= sizeof(struct ifaddrmsg)) {
		struct ifaddrmsg m;

		head = sizeof(m);
		memcpy(&m, mnl_nlmsg_get_payload(h), head);
		uint32_t flags = attr_u32(h, head, IFA_FLAGS) | m.ifa_flags;
		if (m.ifa_index != index || !(flags & IFA_F_PERMANENT))
			return 0;
		flags &= IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR |
		         IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN | IFA_F_SECONDARY;
		m.ifa_flags = 0;
		hash = hash_add(hash_add(hash, &m, head), &flags, sizeof(flags));
	} else if (h->nlmsg_type == RTM_NEWROUTE && n >= sizeof(struct rtmsg)) {
		struct rtmsg m;

		head = sizeof(m);
		memcpy(&m, mnl_nlmsg_get_payload(h), head);
		if (m.rtm_flags & RTM_F_CLONED || m.rtm_protocol == RTPROT_RA ||
		    m.rtm_protocol == RTPROT_REDIRECT || !route_is_of(h, index))
			return 0;
		m.rtm_flags &= RTNH_F_ONLINK;
		hash = hash_add(hash, &m, head);
	} else if (h->nlmsg_type == RTM_NEWNEIGH && n >= sizeof(struct ndmsg)) {
		struct ndmsg m;

		head = sizeof(m);
		memcpy(&m, mnl_nlmsg_get_payload(h), head);
		if ((uint32_t)m.ndm_ifindex != index || m.ndm_family == AF_BRIDGE ||
		    !(m.ndm_state & NUD_PERMANENT || m.ndm_flags & NTF_PROXY))
			return 0;
		hash = hash_add(hash, &m, head);
	} else {
		return 0;
	}
	hash = attrs_add(hash, h, head);
	return hash ? hash : 1;
}

/* What cannot be made again. */
static const char *hindrance(const struct nlmsghdr *h)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWROUTE)
		return NULL;
	mnl_attr_for_each (a, h, sizeof(*m)) {
		if (mnl_attr_get_type(a) == RTA_NH_ID)
			return "a route by a nexthop object";
		if (mnl_attr_get_type(a) == RTA_MULTIPATH && m->rtm_family == AF_INET6)
			return "an IPv6 route over several devices";
	}
	return h->nlmsg_len > ITEM_MAX ? "a route too long to keep" : NULL;
}

struct walk {
	uint32_t index;
	int (*each)(void *, const struct link_item *);
	void *ctx;
	struct err *err;
};

static int message_each(const struct nlmsghdr *h, void *ctx)
{
	struct walk *w = ctx;
	struct link_item item = {.hash = link_item_hash(h, w->index), .h = h};
	const char *why = item.hash ? hindrance(h) : NULL;

	if (why)
		return err_set(w->err, -EOPNOTSUPP, "%s hangs on it, which cannot be put back",
		               why);
	return item.hash ? w->each(w->ctx, &item) : 0;
}

static bool is_vlan(const struct nlattr *info)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, info)
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND &&
		    strncmp(mnl_attr_get_payload(a), "vlan", mnl_attr_get_payload_len(a)) == 0)
			return true;
	return false;
}

/* A VLAN is set down with what it lies on, and loses its own. */
static int vlan_each(const struct nlmsghdr *h, void *ctx)
{
	const struct walk *w = ctx;
	const struct nlattr *a;
	bool vlan = false;

	if (h->nlmsg_type != RTM_NEWLINK)
		return 0;
	mnl_attr_for_each (a, h, sizeof(struct ifinfomsg))
		vlan = vlan || (mnl_attr_get_type(a) == IFLA_LINKINFO && is_vlan(a));
	if (vlan && attr_u32(h, sizeof(struct ifinfomsg), IFLA_LINK) == w->index)
		return err_set(w->err, -EOPNOTSUPP, "a VLAN lies on it, which would go down too");
	return 0;
}

int link_list(int fd, uint32_t index, int (*each)(void *ctx, const struct link_item *), void *ctx,
              struct err *err)
{
	struct walk w = {.index = index, .each = each, .ctx = ctx, .err = err};
	struct {
		struct nlmsghdr head;
		union {
			struct ifinfomsg link;
			struct ifaddrmsg addr;
			struct rtmsg route;
			struct ndmsg neigh;
		} body;
	} request = {.head = {.nlmsg_len = sizeof(request)}};
	static const struct {
		uint16_t type;
		uint8_t family, flags;
	} lists[] = {
	        {RTM_GETLINK, AF_UNSPEC, 0},          {RTM_GETADDR, AF_INET, 0},
	        {RTM_GETADDR, AF_INET6, 0},           {RTM_GETNEIGH, AF_UNSPEC, 0},
	        {RTM_GETNEIGH, AF_UNSPEC, NTF_PROXY}, {RTM_GETROUTE, AF_INET, 0},
	        {RTM_GETROUTE, AF_INET6, 0},
	};
	int code = 0;

	for (size_t i = 0; code == 0 && i < ARRAY_SIZE(lists); i++) {
		bool links = lists[i].type == RTM_GETLINK;
		size_t body = links                           ? sizeof(request.body.link)
		              : lists[i].type == RTM_GETADDR  ? sizeof(request.body.addr)
		              : lists[i].type == RTM_GETNEIGH ? sizeof(request.body.neigh)
		                                              : sizeof(request.body.route);

		memset(&request, 0, sizeof(request));
		request.head.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
		request.head.nlmsg_type = lists[i].type;
		request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		request.body.route.rtm_family = lists[i].family;
		if (lists[i].type == RTM_GETNEIGH)
			request.body.neigh.ndm_flags = lists[i].flags;
		code = nl_dump(fd, &request, request.head.nlmsg_len,
		               links ? vlan_each : message_each, &w, err);
		/* a kernel without IPv6 */
		code = code == -EOPNOTSUPP && err && !err->what[0] ? 0 : code;
	}
	return code;
}

static int flags_take(const struct nlmsghdr *h, void *ctx)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(h);

	if (h->nlmsg_type == RTM_NEWLINK && mnl_nlmsg_get_payload_len(h) >= sizeof(*m))
		*(unsigned *)ctx = m->ifi_flags;
	return 0;
}

struct link_request {
	struct nlmsghdr head;
	struct ifinfomsg body;
};

int link_is_up(int fd, uint32_t index, bool *up, struct err *err)
{
	struct link_request r = {.head = {.nlmsg_len = sizeof(r),
	                                  .nlmsg_type = RTM_GETLINK,
	                                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
	                         .body = {.ifi_index = (int)index}};
	unsigned flags = 0;
	int code = nl_ask(fd, &r, sizeof(r), 1, flags_take, &flags, err);

	if (code == -ENODEV)
		return err_set(err, -ESTALE, "network device %u is gone", index);
	*up = flags & IFF_UP;
	return code;
}

int link_set_up(int fd, uint32_t index, bool up, struct err *err)
{
	struct link_request r = {.head = {.nlmsg_len = sizeof(r),
	                                  .nlmsg_type = RTM_NEWLINK,
	                                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
	                         .body = {.ifi_index = (int)index,
	                                  .ifi_flags = up ? IFF_UP : 0,
	                                  .ifi_change = IFF_UP}};
	int code = nl_ask(fd, &r, sizeof(r), 1, NULL, NULL, err);

	return code == -ENODEV ? err_set(err, -ESTALE, "network device %u is gone", index) : code;
}

bool link_item_is_kernels(const struct nlmsghdr *h)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	const struct ifaddrmsg *a = mnl_nlmsg_get_payload(h);

	if (h->nlmsg_type == RTM_NEWROUTE)
		return m->rtm_protocol == RTPROT_KERNEL;
	return h->nlmsg_type == RTM_NEWADDR && a->ifa_scope == RT_SCOPE_LINK;
}

/* As it was listed, with another type and other flags. */
static int item_ask(int fd, const struct nlmsghdr *item, uint16_t type, uint16_t flags,
                    struct err *err)
{
	_Alignas(struct nlmsghdr) char room[ITEM_MAX];
	struct nlmsghdr *h = (void *)room;

	if (item->nlmsg_len > sizeof(room))
		return err_set(err, -EMSGSIZE, "an item is too long");
	memcpy(room, item, item->nlmsg_len);
	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	h->nlmsg_seq = h->nlmsg_pid = 0;
	if (item->nlmsg_type == RTM_NEWROUTE) {
		struct rtmsg *m = mnl_nlmsg_get_payload(h);

		m->rtm_flags &= RTNH_F_ONLINK;
	}
	return nl_ask(fd, h, h->nlmsg_len, 1, NULL, NULL, err);
}

int link_item_make(int fd, const struct nlmsghdr *h, struct err *err)
{
	return item_ask(fd, h, h->nlmsg_type, NLM_F_CREATE | NLM_F_EXCL, err);
}

int link_item_delete(int fd, const struct nlmsghdr *h, struct err *err)
{
	return item_ask(fd, h, (uint16_t)(h->nlmsg_type + 1), 0, err);
}
