/* link.c - a network device that is set down, and up again with all that hung on it. */
#include "step/link.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/clock.h"
#include "base/netlink.h"
#include "base/paths.h"
#include "step/link-list.h"
#include "step/netns.h"

#define PATIENCE_NS 6000000000ull /* a carrier may take some seconds */
#define PAUSE_NS 20000000l
/* What the kernel makes itself is waited for, and what it makes too much too. */
#define KERNELS_NS 1000000000ull
#define EXTRA_NS 300000000ull
enum { FD_ROUTE = 0, ITEMS_MAX = 4096, BYTES_MAX = 1 << 20, EXTRA_MAX = 1 << 16, SUM_MAX = 40 };

static const char mark[] = " dev ";

struct saved {
	uint64_t hash;
	uint32_t at;
	bool here;
};

/* Made at arming: nothing is allocated to put it back. */
struct own {
	bool loaded;
	size_t n, bytes, extra, foreign;
	struct saved v[ITEMS_MAX];
	_Alignas(8) char data[BYTES_MAX];
	_Alignas(8) char extras[EXTRA_MAX];
};

/* Items in any order have one sum. */
struct sum {
	uint64_t a, b;
};

static void sum_add(struct sum *s, uint64_t hash)
{
	uint64_t mixed = (hash ^ hash >> 31) * 0x9e3779b97f4a7c15ull;

	s->a += hash;
	s->b += mixed ^ mixed >> 29;
}

static void sum_format(const struct sum *s, struct buf *to)
{
	buf_reset(to);
	buf_addf(to, "up %016" PRIx64 "%016" PRIx64, s->a, s->b);
}

int link_object_format(const struct link_object *o, struct buf *to, struct err *err)
{
	buf_reset(to);
	buf_addf(to, "%s=%llu%s%s@%u", o->netns, (unsigned long long)o->netns_ino, mark, o->name,
	         o->index);
	return to->over ? err_set(err, -ENAMETOOLONG,
	                          "path of network namespace \"%s\" is too long", o->netns)
	                : 0;
}

int link_object_parse(const char *object, struct link_object *to, struct err *err)
{
	struct link_object o = {.index = 0};
	char text[OBJECT_MAX];
	char *dev = NULL, *ino = NULL, *index = NULL;
	BUF(again, OBJECT_MAX);

	if (text_copy(text, sizeof(text), object) == 0 && (dev = strstr(text, mark))) {
		*dev = 0;
		dev += strlen(mark);
		ino = strrchr(text, '=');
		index = strrchr(dev, '@');
	}
	if (!ino || !index || text[0] != '/')
		return err_set(err, -EINVAL, "\"%s\" is not NETNS_PATH=INODE dev NAME@INDEX",
		               object);
	*ino++ = 0;
	*index++ = 0;
	o.netns_ino = strtoull(ino, NULL, 10);
	o.index = (uint32_t)strtoul(index, NULL, 10);
	if (!o.index || text_copy(o.netns, sizeof(o.netns), text) < 0 || !dev[0] ||
	    text_copy(o.name, sizeof(o.name), dev) < 0 || link_object_format(&o, &again, err) < 0 ||
	    strcmp(again.data, object) != 0)
		return err_set(err, -EINVAL, "\"%s\" is not NETNS_PATH=INODE dev NAME@INDEX",
		               object);
	*to = o;
	return 0;
}

struct name_found {
	const char *name;
	uint32_t index;
};

static int name_take(const struct nlmsghdr *h, void *ctx)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(h);
	struct name_found *f = ctx;
	const struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(h) < sizeof(*m))
		return 0;
	mnl_attr_for_each (a, h, sizeof(*m))
		if (mnl_attr_get_type(a) == IFLA_IFNAME &&
		    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0 &&
		    strcmp(mnl_attr_get_str(a), f->name) == 0)
			f->index = (uint32_t)m->ifi_index;
	return 0;
}

static int recorded_find(const struct world *w, const char *netns, const char *name,
                         uint32_t *index, struct err *err)
{
	BUF(links, 2048);
	char *word, *rest;
	uint32_t n = 0;
	int code = netns_links(w, netns, &links, err);

	if (code < 0)
		return code;
	for (word = strtok_r(links.data, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		n++;
		if (strcmp(word, name) == 0) {
			*index = n;
			return 0;
		}
	}
	return err_set(err, -ENODEV, "no network device \"%s\" in \"%s\"", name, netns);
}

int link_find(const struct world *w, const char *netns, uint64_t netns_ino, const char *name,
              uint32_t *index, bool *up, struct err *err)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg body;
	} request = {.head = {.nlmsg_len = sizeof(request),
	                      .nlmsg_type = RTM_GETLINK,
	                      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	struct name_found f = {.name = name};
	_cleanup_fd_ int fd = -1;
	int code = -EINTR;

	*up = true;
	if (!world_is_real(w))
		return recorded_find(w, netns, name, index, err);
	int opened = step_netns_open(w, netns, netns_ino, NETLINK_ROUTE, &fd, err);
	if (opened < 0)
		return opened;
	for (int turn = 0; turn < 16 && code == -EINTR; turn++)
		code = nl_dump(fd, &request, sizeof(request), name_take, &f, err);
	if (code == 0 && !f.index)
		return err_set(err, -ENODEV, "no network device \"%s\" in \"%s\"", name, netns);
	*index = f.index;
	return code < 0 ? code : link_is_up(fd, f.index, up, err);
}

static int sum_each(void *ctx, const struct link_item *item)
{
	sum_add(ctx, item->hash);
	return 0;
}

static int state_read(int fd, uint32_t index, struct buf *state, struct err *err)
{
	struct sum sum;
	bool up = false;
	int code = link_is_up(fd, index, &up, err), turns = 0;

	if (code < 0)
		return code;
	if (!up) {
		buf_reset(state);
		buf_add(state, "down");
		return 0;
	}
	do {
		sum = (struct sum){0};
		code = link_list(fd, index, sum_each, &sum, err);
	} while (code == -EINTR && ++turns < 16);
	if (code < 0)
		return code;
	sum_format(&sum, state);
	return 0;
}

static int item_save(void *ctx, const struct link_item *item)
{
	struct own *o = ctx;
	size_t n = NLMSG_ALIGN(item->h->nlmsg_len);

	if (o->n == ITEMS_MAX || o->bytes + n > BYTES_MAX)
		return -ENOSPC;
	o->v[o->n++] = (struct saved){.hash = item->hash, .at = (uint32_t)o->bytes};
	memcpy(o->data + o->bytes, item->h, item->h->nlmsg_len);
	o->bytes += n;
	return 0;
}

static void own_sum(const struct own *o, struct buf *to)
{
	struct sum sum = {0};

	for (size_t i = 0; i < o->n; i++)
		sum_add(&sum, o->v[i].hash);
	sum_format(&sum, to);
}

static int own_fill(struct own *o, int fd, uint32_t index, struct err *err)
{
	int code = -EINTR;

	for (int turn = 0; turn < 16 && code == -EINTR; turn++) {
		o->n = o->bytes = 0;
		code = link_list(fd, index, item_save, o, err);
	}
	return code == -ENOSPC ? err_set(err, -EOPNOTSUPP,
	                                 "more than %d addresses and routes hang on it", ITEMS_MAX)
	                       : code;
}

static void file_name(const struct link_object *o, char name[64])
{
	snprintf(name, 64, "link-%llu-%u", (unsigned long long)o->netns_ino, o->index);
}

/* By another name first: one that is there is whole. */
static int own_write(const struct own *o, const struct hold *h, const char *name, struct err *err)
{
	char part[72];

	snprintf(part, sizeof(part), "%s.part", name);
	_cleanup_fd_ int fd =
	        openat(h->stash, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int code = fd < 0 ? -errno : write_all(fd, o->data, o->bytes);

	if (code == 0 && fsync(fd) < 0)
		code = -errno;
	if (code == 0 && renameat(h->stash, part, h->stash, name) < 0)
		code = -errno;
	if (code == 0 && fsync(h->stash) < 0)
		code = -errno;
	return code < 0 ? err_sys(err, -code, "could not keep what hangs on the device") : 0;
}

static int own_load(struct own *o, int stash, const char *name, uint32_t index)
{
	_cleanup_fd_ int fd = openat(stash, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = 0, k;
	const char *at = o->data;
	const struct nlmsghdr *m;
	size_t left;

	if (fd < 0)
		return -errno;
	while ((k = read(fd, o->data + n, (size_t)(BYTES_MAX - n))) > 0)
		n += k;
	if (k < 0)
		return -errno;
	o->n = 0;
	o->bytes = left = (size_t)n;
	for (const char *was = at; o->n < ITEMS_MAX && (m = nl_next(&at, &left)); was = at)
		o->v[o->n++] = (struct saved){.hash = link_item_hash(m, index),
		                              .at = (uint32_t)(was - o->data)};
	o->loaded = true;
	return 0;
}

static const struct nlmsghdr *item_of(const struct own *o, size_t i)
{
	return (const void *)(o->data + o->v[i].at);
}

static int item_mark(void *ctx, const struct link_item *item)
{
	struct own *o = ctx;
	size_t n = NLMSG_ALIGN(item->h->nlmsg_len);

	for (size_t i = 0; i < o->n; i++)
		if (o->v[i].hash == item->hash && !o->v[i].here) {
			o->v[i].here = true;
			return 0;
		}
	if (!link_item_is_kernels(item->h) || o->extra + n > EXTRA_MAX) {
		o->foreign++;
		return 0;
	}
	memcpy(o->extras + o->extra, item->h, item->h->nlmsg_len);
	o->extra += n;
	return 0;
}

/* How many are not back; -EINTR as link_list(). */
static int missing_find(struct own *o, int fd, uint32_t index, size_t *missing, struct err *err)
{
	o->extra = o->foreign = *missing = 0;
	for (size_t i = 0; i < o->n; i++)
		o->v[i].here = false;
	int code = link_list(fd, index, item_mark, o, err);

	for (size_t i = 0; code == 0 && i < o->n; i++)
		*missing += !o->v[i].here;
	return code;
}

static void one_make(struct own *o, size_t i, int fd, bool kernels)
{
	const struct nlmsghdr *h = item_of(o, i);

	/* what does not work yet (a gateway without its network) is tried again */
	if (!o->v[i].here && (kernels || !link_item_is_kernels(h)))
		(void)!link_item_make(fd, h, NULL);
}

/* Of IPv6 addresses the last that is made is the first that is listed. */
static void missing_make(struct own *o, int fd, bool kernels)
{
	for (size_t i = o->n; i-- > 0;)
		if (item_of(o, i)->nlmsg_type == RTM_NEWADDR)
			one_make(o, i, fd, kernels);
	for (size_t i = 0; i < o->n; i++)
		if (item_of(o, i)->nlmsg_type != RTM_NEWADDR)
			one_make(o, i, fd, kernels);
}

static void extra_delete(struct own *o, int fd)
{
	const char *at = o->extras;
	size_t left = o->extra;
	const struct nlmsghdr *h;

	while ((h = nl_next(&at, &left)))
		(void)!link_item_delete(fd, h, NULL);
}

static int bring_back(struct hold *h, struct own *o, uint32_t index, struct err *err)
{
	int fd = h->fd[FD_ROUTE], code = link_set_up(fd, index, true, err);
	uint64_t began = clock_boot_ns();

	BOUNDARY("link: set up");
	for (struct timespec pause = {.tv_nsec = PAUSE_NS}; code == 0; nanosleep(&pause, NULL)) {
		uint64_t since = clock_boot_ns() - began;
		size_t missing = 1;

		code = missing_find(o, fd, index, &missing, err);
		if (code == 0 && !missing && !o->extra)
			return o->foreign ? err_set(err, -EBUSY,
			                            "somebody else has added to the device")
			                  : 0;
		code = code == -EINTR ? 0 : code;
		if (code == 0 && since > PATIENCE_NS)
			return err_set(err, -ETIMEDOUT,
			               "%zu addresses and routes of the device did not come back",
			               missing);
		missing_make(o, fd, since > KERNELS_NS);
		BOUNDARY("link: made again");
		if (since > EXTRA_NS)
			extra_delete(o, fd);
		if (h->busy)
			(void)h->busy(h);
	}
	return code;
}

static int link_open(struct hold *h, const char *object, struct err *err)
{
	struct link_object o;
	bool up;
	int code = link_object_parse(object, &o, err);

	if (code < 0 || !world_is_real(h->world))
		return code;
	code = step_netns_open(h->world, o.netns, o.netns_ino, NETLINK_ROUTE, &h->fd[FD_ROUTE],
	                       err);
	if (code == 0)
		code = link_is_up(h->fd[FD_ROUTE], o.index, &up, err);
	if (code == 0 && !(h->own = calloc(1, sizeof(struct own))))
		code = err_set(err, -ENOMEM, "no memory for what hangs on a device");
	/* what could not be put back is known before anything is logged */
	if (code == 0 && h->spawn)
		code = own_fill(h->own, h->fd[FD_ROUTE], o.index, err);
	return code < 0 ? err_wrap(err, code, "device \"%s\"", o.name) : 0;
}

static void link_close(struct hold *h)
{
	free(h->own);
	h->own = NULL;
}

static int link_get(const struct world *w, const char *object, struct buf *state, struct err *err)
{
	struct link_object o;
	_cleanup_fd_ int fd = -1;
	int code = link_object_parse(object, &o, err);

	if (code < 0)
		return code;
	if (!world_is_real(w)) {
		buf_reset(state);
		buf_add(state, "up");
		return 0;
	}
	code = step_netns_open(w, o.netns, o.netns_ino, NETLINK_ROUTE, &fd, err);
	return code < 0 ? code : state_read(fd, o.index, state, err);
}

/* "partly": it is up, but what was kept of it is not all back. */
static int link_look(struct hold *h, const char *object, struct buf *state, struct err *err)
{
	struct link_object o;
	struct own *own = h->own;
	char name[64];
	BUF(kept, SUM_MAX);
	int code = link_get(h->world, object, state, err);

	if (code < 0 || !own || h->stash < 0 || strcmp(state->data, "down") == 0 ||
	    link_object_parse(object, &o, NULL) < 0)
		return code;
	file_name(&o, name);
	if (faccessat(h->stash, name, F_OK, 0) < 0 ||
	    (!own->loaded && own_load(own, h->stash, name, o.index) < 0))
		return 0;
	own_sum(own, &kept);
	if (strcmp(kept.data, state->data) != 0) {
		buf_reset(state);
		buf_add(state, "partly");
	}
	return 0;
}

static int set_down(struct hold *h, const struct link_object *o, const char *now, struct err *err)
{
	struct own *own = h->own;
	char name[64];
	BUF(sum, SUM_MAX);

	if (h->stash < 0)
		return err_set(err, -ENOTSUP, "there is no folder to keep what hangs on it");
	int code = own_fill(own, h->fd[FD_ROUTE], o->index, err);
	own_sum(own, &sum);
	if (code == 0 && strcmp(now, "partly") != 0 && strcmp(sum.data, now) != 0)
		code = err_set(err, -EAGAIN, "what hangs on \"%s\" changes just now", o->name);
	file_name(o, name);
	if (code == 0)
		code = own_write(own, h, name, err);
	own->loaded = code == 0;
	BOUNDARY("link: kept");
	return code < 0 ? code : link_set_up(h->fd[FD_ROUTE], o->index, false, err);
}

static int set_up(struct hold *h, const struct link_object *o, const char *to, struct err *err)
{
	struct own *own = h->own;
	char name[64];
	BUF(sum, SUM_MAX);
	int code = 0;

	file_name(o, name);
	if (!own->loaded)
		code = own_load(own, h->stash, name, o->index);
	if (code < 0)
		return err_sys(err, -code, "could not read what hung on \"%s\"", o->name);
	own_sum(own, &sum);
	if (strcmp(sum.data, to) != 0)
		return err_set(err, -EBADMSG, "what was kept of \"%s\" is damaged", o->name);
	code = bring_back(h, own, o->index, err);
	if (code < 0)
		return code;
	/* it is back: what is kept says so no more */
	(void)unlinkat(h->stash, name, 0);
	own->loaded = false;
	return 0;
}

static int link_set(struct hold *h, const char *object, const char *now, const char *to,
                    struct buf *landed, struct err *err)
{
	struct link_object o;
	int code = BOUNDARY_FAIL("set link");

	if (code < 0)
		return err_sys(err, -code, "could not change the device \"%s\"", object);
	code = link_object_parse(object, &o, err);
	if (code == 0 && !h->own)
		code = link_open(h, object, err);
	if (code == 0)
		code = strcmp(to, "down") == 0 ? set_down(h, &o, now, err) : set_up(h, &o, to, err);
	if (code == -EPERM)
		return err_hint(err, err_set(err, code, "may not set the device \"%s\"", o.name),
		                "It needs CAP_NET_ADMIN in the network namespace.");
	return code < 0 ? code : link_look(h, object, landed, err);
}

static bool link_same(const char *want, const char *seen)
{
	return strcmp(want, "down") == 0 && strcmp(seen, "partly") == 0;
}

static int link_meter(const struct hold *h, const char *object, struct counters *to,
                      struct err *err)
{
	const struct own *own = h->own;
	struct link_object o;
	bool up = false;
	_cleanup_fd_ int fd = -1;
	int code = link_object_parse(object, &o, err);

	if (code < 0 || !world_is_real(h->world))
		return code;
	code = step_netns_open(h->world, o.netns, o.netns_ino, NETLINK_ROUTE, &fd, err);
	if (code == 0)
		code = link_is_up(fd, o.index, &up, err);
	if (code < 0)
		return code;
	counters_add(to, "down", !up);
	counters_add(to, "kept", own && own->loaded ? own->n : 0);
	return 0;
}

static const char *const levels[] = {"down", "kept", NULL};

static void link_by_hand(const char *object, const char *base, const char *claim, struct buf *to)
{
	struct link_object o;

	if (strncmp(base, "up", 2) == 0 && link_object_parse(object, &o, NULL) == 0 &&
	    !strchr(o.netns, '\'') && !strchr(o.name, '\''))
		buf_addf(to, "nsenter --net='%s' ip link set '%s' up", o.netns, o.name);
}

const struct step_type step_type_link = {
        .name = "link",
        .summary = "a network device that is set down",
        .flags = STEP_DIES_WITH_BOOT | STEP_LEAN,
        .open = link_open,
        .close = link_close,
        .get = link_get,
        .look = link_look,
        .set = link_set,
        .same = link_same,
        .meter = link_meter,
        .levels = levels,
        .by_hand = link_by_hand,
};
