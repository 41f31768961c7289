/* nft-rules.c - the text of a cut: parse and format. */
#include "step/nft.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const modes[] = {"silence", "reject"};
static const char shape_mark[] = " : "; /* between the filters and what the shaper does */
static const char *const directions[] = {"", "in", "out", "both"};
static const char *const egresses[] = {"swallow", "drop", "output"};

static int word_index(const char *word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i][0] && strcmp(word, list[i]) == 0)
			return (int)i;
	return -1;
}

/* Decimal digits only: no sign, no blank, no leading zero. */
static int number_read(const char *text, uint64_t max, uint64_t *n)
{
	uint64_t v = 0;
	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		unsigned digit = (unsigned)(*text - '0');
		if (v > (max - digit) / 10)
			return -ERANGE;
		v = v * 10 + digit;
	}
	*n = v;
	return 0;
}

static int addr_compare(const struct nft_addr *a, const struct nft_addr *b)
{
	if (a->family != b->family)
		return a->family == AF_INET ? -1 : 1;
	int c = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	return c ? c : (int)a->length - (int)b->length;
}

static int ports_compare(const struct nft_ports *a, const struct nft_ports *b)
{
	return a->from != b->from ? (int)a->from - (int)b->from : (int)a->to - (int)b->to;
}

int nft_rules_add_addr(struct nft_rules *r, const char *text, struct err *err)
{
	struct nft_addr a = {0};
	char head[INET6_ADDRSTRLEN + 1];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	if (n >= sizeof(head))
		return err_set(err, -EINVAL, "\"%.64s\" is not an address", text);
	memcpy(head, text, n);
	head[n] = 0;

	if (inet_pton(AF_INET, head, a.bytes) == 1)
		a.family = AF_INET;
	else if (inet_pton(AF_INET6, head, a.bytes) == 1)
		a.family = AF_INET6;
	else
		return err_set(err, -EINVAL, "\"%.64s\" is not an IPv4 or IPv6 address", text);

	unsigned bits = a.family == AF_INET ? 32 : 128;
	uint64_t length = bits;
	if (slash && number_read(slash + 1, bits, &length) < 0)
		return err_set(err, -EINVAL, "prefix length of \"%.64s\" must be 0 to %u", text,
		               bits);
	a.length = (uint8_t)length;
	for (unsigned i = 0; i < sizeof(a.bytes); i++) {
		unsigned keep = (unsigned)length > i * 8 ? (unsigned)length - i * 8 : 0;
		if (keep < 8)
			a.bytes[i] &= (uint8_t)(0xff00u >> keep);
	}

	size_t at = 0;
	while (at < r->addrs_n && addr_compare(&r->addrs[at], &a) < 0)
		at++;
	if (at < r->addrs_n && addr_compare(&r->addrs[at], &a) == 0)
		return 0;
	if (r->addrs_n == NFT_ADDRS_MAX)
		return err_set(err, -E2BIG, "more than %d addresses in one cut", NFT_ADDRS_MAX);
	memmove(&r->addrs[at + 1], &r->addrs[at], (r->addrs_n - at) * sizeof(a));
	r->addrs[at] = a;
	r->addrs_n++;
	return 0;
}

int nft_rules_add_ports(struct nft_rules *r, const char *text, struct err *err)
{
	char head[16];
	const char *dash = strchr(text, '-');
	size_t n = dash ? (size_t)(dash - text) : strlen(text);
	uint64_t from = 0, to = 0;
	bool ok = n < sizeof(head);
	if (ok) {
		memcpy(head, text, n);
		head[n] = 0;
		ok = number_read(head, 65535, &from) == 0 &&
		     number_read(dash ? dash + 1 : head, 65535, &to) == 0 && from <= to;
	}
	if (!ok)
		return err_set(err, -EINVAL, "\"%.64s\" is not a port or a range of ports", text);

	struct nft_ports p = {(uint16_t)from, (uint16_t)to};
	size_t at = 0;
	while (at < r->ports_n && ports_compare(&r->ports[at], &p) < 0)
		at++;
	if (at < r->ports_n && ports_compare(&r->ports[at], &p) == 0)
		return 0;
	if (r->ports_n == NFT_PORTS_MAX)
		return err_set(err, -E2BIG, "more than %d ports in one cut", NFT_PORTS_MAX);
	memmove(&r->ports[at + 1], &r->ports[at], (r->ports_n - at) * sizeof(p));
	r->ports[at] = p;
	r->ports_n++;
	return 0;
}

int nft_rules_add_dev(struct nft_rules *r, const char *name, struct err *err)
{
	/* The kernel allows nearly any byte (dev_valid_name); a comma or a blank would end the
	 * element here. */
	bool ok = *name && strlen(name) < NFT_DEV_NAME && strcmp(name, ".") != 0 &&
	          strcmp(name, "..") != 0;
	for (const char *c = name; ok && *c; c++)
		ok = isgraph((unsigned char)*c) && *c != ',' && *c != '/' && *c != ':';
	if (!ok)
		return err_set(err, -EINVAL, "\"%.64s\" cannot be the name of a device", name);
	size_t at = 0;
	while (at < r->devs_n && strcmp(r->devs[at], name) < 0)
		at++;
	if (at < r->devs_n && strcmp(r->devs[at], name) == 0)
		return 0;
	if (r->devs_n == NFT_DEVS_MAX)
		return err_set(err, -E2BIG, "more than %d devices in one cut", NFT_DEVS_MAX);
	memmove(r->devs[at + 1], r->devs[at], (r->devs_n - at) * NFT_DEV_NAME);
	memset(r->devs[at], 0, NFT_DEV_NAME);
	memcpy(r->devs[at], name, strlen(name));
	r->devs_n++;
	return 0;
}

/* What holds for every cut, whoever wrote it. */
static int rules_check(const struct nft_rules *r, struct err *err)
{
	if (r->ports_n && r->proto == IPPROTO_ICMP)
		return err_set(err, -EINVAL, "icmp has no ports");
	bool hooked =
	        r->mode == NFT_SILENCE && r->direction != NFT_IN && r->egress != NFT_EGRESS_OUTPUT;
	if (hooked && r->devs_n == 0)
		return err_set(err, -EINVAL, "no device is named for the egress hook");
	if (r->mode == NFT_SHAPE && r->devs_n && !r->confined)
		return err_set(err, -EINVAL, "shaping has no egress hook");
	return 0;
}

int nft_rules_format(const struct nft_rules *r, struct buf *to, struct err *err)
{
	BUF(b, STATE_MAX);
	int code = rules_check(r, err);
	if (code < 0)
		return code;
	if (r->mode == NFT_SHAPE)
		buf_addf(&b, "shape %s", directions[r->direction]);
	else
		buf_addf(&b, "cut %s %s egress=%s", modes[r->mode], directions[r->direction],
		         egresses[r->egress]);
	if (r->proto)
		buf_addf(&b, " proto=%s",
		         r->proto == IPPROTO_TCP   ? "tcp"
		         : r->proto == IPPROTO_UDP ? "udp"
		                                   : "icmp");
	for (size_t i = 0; i < r->addrs_n; i++) {
		char text[INET6_ADDRSTRLEN];
		inet_ntop(r->addrs[i].family, r->addrs[i].bytes, text, sizeof(text));
		buf_addf(&b, "%s%s/%u", i ? "," : " ip=", text, r->addrs[i].length);
	}
	for (size_t i = 0; i < r->ports_n; i++) {
		buf_addf(&b, "%s%u", i ? "," : " port=", r->ports[i].from);
		if (r->ports[i].to != r->ports[i].from)
			buf_addf(&b, "-%u", r->ports[i].to);
	}
	if (r->has_uid)
		buf_addf(&b, " uid=%u", r->uid);
	if (r->has_cgroup)
		buf_addf(&b, " cgroup=%llu:%u", (unsigned long long)r->cgroup, r->cgroup_level);
	for (size_t i = 0; i < r->devs_n; i++)
		buf_addf(&b, "%s%s", i ? "," : (r->confined ? " dev=" : " hooks="), r->devs[i]);
	if (r->mode == NFT_SHAPE) {
		BUF(shape, SHAPE_TEXT_MAX);
		code = shape_format(&r->shape, &shape, err);
		if (code < 0)
			return code;
		buf_addf(&b, "%s%s", shape_mark, shape.data);
	}
	if (b.over)
		return err_hint(
		        err,
		        err_set(err, -E2BIG, "cut names more than fits in %d bytes", STATE_MAX - 1),
		        "Name networks (10.0.0.0/8) and ranges of ports instead of single ones.");
	buf_reset(to);
	buf_add(to, b.data);
	return to->over ? err_set(err, -E2BIG, "no room for the text of a cut") : 0;
}

static int list_parse(struct nft_rules *r, char *list,
                      int (*add)(struct nft_rules *, const char *, struct err *), struct err *err)
{
	for (char *rest = list; rest;) {
		char *one = strsep(&rest, ",");
		int code = add(r, one, err);
		if (code < 0)
			return code;
	}
	return 0;
}

static int cgroup_parse(struct nft_rules *r, char *value, struct err *err)
{
	char *colon = strchr(value, ':');
	uint64_t level;
	if (!colon)
		return err_set(err, -EINVAL, "cgroup must be INODE:LEVEL");
	*colon = 0;
	if (number_read(value, UINT64_MAX, &r->cgroup) < 0 ||
	    number_read(colon + 1, 255, &level) < 0)
		return err_set(err, -EINVAL, "cgroup must be INODE:LEVEL");
	r->cgroup_level = (uint32_t)level;
	r->has_cgroup = true;
	return 0;
}

static int proto_parse(struct nft_rules *r, const char *value, struct err *err)
{
	if (strcmp(value, "tcp") == 0)
		r->proto = IPPROTO_TCP;
	else if (strcmp(value, "udp") == 0)
		r->proto = IPPROTO_UDP;
	else if (strcmp(value, "icmp") == 0)
		r->proto = IPPROTO_ICMP;
	else
		return err_set(err, -EINVAL, "proto must be tcp, udp or icmp");
	return 0;
}

static int pair_parse(struct nft_rules *r, const char *key, char *value, struct err *err)
{
	uint64_t n;
	int i;
	if (strcmp(key, "egress") == 0) {
		if ((i = word_index(value, egresses, ARRAY_SIZE(egresses))) < 0)
			return err_set(err, -EINVAL, "egress must be swallow, drop or output");
		r->egress = (enum nft_egress)i;
		return 0;
	}
	if (strcmp(key, "proto") == 0)
		return proto_parse(r, value, err);
	if (strcmp(key, "ip") == 0)
		return list_parse(r, value, nft_rules_add_addr, err);
	if (strcmp(key, "port") == 0)
		return list_parse(r, value, nft_rules_add_ports, err);
	if (strcmp(key, "cgroup") == 0)
		return cgroup_parse(r, value, err);
	if (strcmp(key, "dev") == 0 || strcmp(key, "hooks") == 0) {
		r->confined = key[0] == 'd';
		return list_parse(r, value, nft_rules_add_dev, err);
	}
	if (strcmp(key, "uid") == 0) {
		if (number_read(value, UINT32_MAX, &n) < 0)
			return err_set(err, -EINVAL, "uid must be a number");
		r->uid = (uint32_t)n;
		r->has_uid = true;
		return 0;
	}
	return err_set(err, -EINVAL, "no such key");
}

int nft_rules_parse(const char *state, struct nft_rules *to, struct err *err)
{
	char text[STATE_MAX];
	struct nft_rules r = {0};
	int mode = -1, direction = -1, place = 0;
	if (text_copy(text, sizeof(text), state) < 0)
		return err_set(err, -EINVAL, "state of an nft table is too long");
	char *shape = strstr(text, shape_mark);
	if (shape) {
		*shape = 0;
		int code = shape_parse(shape + strlen(shape_mark), &r.shape, err);
		if (code < 0)
			return code;
	}
	for (char *rest = text; rest; place++) {
		char *word = strsep(&rest, " ");
		if (place == 0 && strcmp(word, shape ? "shape" : "cut") == 0) {
			if (shape) {
				mode = NFT_SHAPE;
				place++;
			}
			continue;
		}
		if (place == 1 && (mode = word_index(word, modes, ARRAY_SIZE(modes))) >= 0)
			continue;
		if (place == 2 && (direction = word_index(word, directions, 4)) >= 0)
			continue;
		char *value = strchr(word, '=');
		if (place < 3 || !value)
			return err_set(err, -EINVAL, "cannot read the word \"%.64s\" of a cut",
			               word);
		*value++ = 0;
		int code = pair_parse(&r, word, value, err);
		if (code < 0)
			return err_wrap(err, code, "\"%.32s\" of a cut", word);
	}
	if (mode < 0 || direction < 0)
		return err_set(err, -EINVAL, "a cut needs a mode and a direction");
	r.mode = (enum nft_mode)mode;
	r.direction = (enum nft_direction)direction;

	/* One text a meaning: whatever is not canonical (order, host bits, repeats) would compare
	 * as different from what get reads back. */
	BUF(again, STATE_MAX);
	int code = nft_rules_format(&r, &again, err);
	if (code < 0)
		return code;
	if (strcmp(again.data, state) != 0)
		return err_set(err, -EINVAL, "\"%.160s\" is not canonical, expected \"%.160s\"",
		               state, again.data);
	*to = r;
	return 0;
}

bool nft_is_shape(const char *state)
{
	return strncmp(state, "shape ", 6) == 0;
}

const char *nft_rules_seen_by_sender(const struct nft_rules *r)
{
	if (r->mode == NFT_SHAPE)
		return "nothing: packets are treated after they have left it";
	if (r->mode == NFT_REJECT)
		return r->direction == NFT_IN
		               ? "peers are refused (reset, or port unreachable)"
		               : "refused: TCP is reset, a datagram's sendto() fails with EPERM";
	if (r->direction == NFT_IN || r->egress == NFT_EGRESS_SWALLOW)
		return "nothing: packets vanish";
	return r->egress == NFT_EGRESS_DROP
	               ? "nothing: packets vanish (ENOBUFS for sockets with IP_RECVERR, as ping)"
	               : "a datagram's sendto() fails with EPERM, TCP retransmits";
}

int nft_object_format(const struct nft_object *o, struct buf *to, struct err *err)
{
	BUF(b, OBJECT_MAX);
	buf_addf(&b, "%s=%llu/%s", o->netns, (unsigned long long)o->netns_ino, o->table);
	buf_reset(to);
	buf_add(to, b.data);
	if (b.over || to->over)
		return err_set(err, -ENAMETOOLONG, "path of network namespace \"%s\" is too long",
		               o->netns);
	return 0;
}

int nft_object_parse(const char *object, struct nft_object *to, struct err *err)
{
	struct nft_object o = {0};
	char text[OBJECT_MAX];
	char *table = NULL, *ino = NULL;
	bool ok = text_copy(text, sizeof(text), object) == 0 && (table = strrchr(text, '/'));
	if (ok) {
		*table++ = 0;
		ok = (ino = strrchr(text, '=')) != NULL;
	}
	if (ok) {
		*ino++ = 0;
		ok = text[0] == '/' && number_read(ino, UINT64_MAX, &o.netns_ino) == 0 &&
		     text_copy(o.netns, sizeof(o.netns), text) == 0 &&
		     text_copy(o.table, sizeof(o.table), table) == 0 &&
		     (isalpha((unsigned char)table[0]) || table[0] == '_');
	}
	for (const char *c = o.table; ok && *c; c++)
		ok = isalnum((unsigned char)*c) || *c == '_';
	if (!ok)
		return err_set(err, -EINVAL, "\"%s\" is not NETNS_PATH=INODE/TABLE", object);
	*to = o;
	return 0;
}

void nft_table_name(const char *run, unsigned n, char name[NFT_TABLE_MAX])
{
	struct buf b;
	buf_init(&b, name, NFT_TABLE_MAX);
	buf_addf(&b, "squall_%.31s_%u", run, n);
	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
}
