/* nft-rules.c - the text of a cut: parse and format. */
#include "step/nft-words.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sockmark.h"

static const char *const modes[] = {"silence", "reject", "unreachable"};
static const char shape_mark[] = " : "; /* between the filters and what the shaper does */
static const char *const directions[] = {"", "in", "out", "both"};
static const char *const conns[] = {"", "new", "established"};
static const char *const flags[] = {"", [NFT_FIN] = "fin", [NFT_RST] = "rst",
                                    [NFT_FIN | NFT_RST] = "fin,rst"};
static const char *const egresses[] = {"swallow", "drop", "output"};

static int word_index(const char *word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] && list[i][0] && strcmp(word, list[i]) == 0)
			return (int)i;
	return -1;
}

/* What holds for every cut, whoever wrote it. */
static int rules_check(const struct nft_rules *r, struct err *err)
{
	if (r->ports_n && r->proto == IPPROTO_ICMP)
		return err_set(err, -EINVAL, "icmp has no ports");
	if (r->conn && r->proto != IPPROTO_TCP)
		return err_set(err, -EINVAL, "only tcp has connections");
	if (r->flows_ppm > SHAPE_PPM || r->packets_ppm > SHAPE_PPM)
		return err_set(err, -EINVAL, "a share is at most %d of a million", SHAPE_PPM);
	if (r->tcp_flags >= ARRAY_SIZE(flags) || !flags[r->tcp_flags] ||
	    (r->tcp_flags && r->proto != IPPROTO_TCP))
		return err_set(err, -EINVAL, "flags are fin and rst, of tcp");
	bool hooked =
	        r->mode == NFT_SILENCE && r->direction != NFT_IN && r->egress != NFT_EGRESS_OUTPUT;
	if (hooked && r->devs_n == 0)
		return err_set(err, -EINVAL, "no device is named for the egress hook");
	if (r->mode == NFT_SHAPE && r->devs_n && !r->confined)
		return err_set(err, -EINVAL, "shaping has no egress hook");
	if (r->mode == NFT_SHAPE && r->shape.dns.how &&
	    (r->direction != NFT_IN || !nft_rules_ports(r)))
		return err_set(err, -EINVAL, "answers of DNS come in, from a port that is named");
	return nft_rules_check_left(r, err);
}

static void lists_format(const struct nft_rules *r, struct buf *b)
{
	for (size_t i = 0; i < r->addrs_n; i++) {
		char text[INET6_ADDRSTRLEN];
		inet_ntop(r->addrs[i].family, r->addrs[i].bytes, text, sizeof(text));
		buf_addf(b, "%s%s%s/%u", i ? "," : " ip=", r->addrs[i].except ? "^" : "", text,
		         r->addrs[i].length);
	}
	for (size_t i = 0; i < r->ports_n; i++) {
		buf_addf(b, "%s%s%u", i ? "," : " port=", r->ports[i].except ? "^" : "",
		         r->ports[i].from);
		if (r->ports[i].to != r->ports[i].from)
			buf_addf(b, "-%u", r->ports[i].to);
	}
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
	if (r->conn)
		buf_addf(&b, " conn=%s", conns[r->conn]);
	if (r->tcp_flags)
		buf_addf(&b, " flags=%s", flags[r->tcp_flags]);
	lists_format(r, &b);
	if (r->has_uid)
		buf_addf(&b, " uid=%u", r->uid);
	if (r->has_cgroup)
		buf_addf(&b, " cgroup=%llu:%u", (unsigned long long)r->cgroup, r->cgroup_level);
	if (r->mark)
		buf_addf(&b, " mark=0x%04x", r->mark);
	if (r->flows_ppm)
		buf_addf(&b, " flows=%u:%u", r->flows_ppm, r->flows_seed);
	if (r->packets_ppm)
		buf_addf(&b, " packets=%u", r->packets_ppm);
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
	if (nft_number_read(value, UINT64_MAX, &r->cgroup) < 0 ||
	    nft_number_read(colon + 1, 255, &level) < 0)
		return err_set(err, -EINVAL, "cgroup must be INODE:LEVEL");
	r->cgroup_level = (uint32_t)level;
	r->has_cgroup = true;
	return 0;
}

static int mark_parse(struct nft_rules *r, const char *value, struct err *err)
{
	unsigned long n = strtoul(value, NULL, 16);
	if (n == 0 || n > SOCKMARK_MASK)
		return err_set(err, -EINVAL, "mark must be 0x0001 to 0x%04x", SOCKMARK_MASK);
	r->mark = (uint16_t)n;
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

/* PPM, or with seed PPM:SEED. */
static int share_parse(char *value, uint32_t *ppm, uint32_t *seed, struct err *err)
{
	char *colon = seed ? strchr(value, ':') : NULL;
	uint64_t n = 0, s = 0;
	if (colon)
		*colon++ = 0;
	if (nft_number_read(value, SHAPE_PPM, &n) < 0 || n == 0 || !seed != !colon ||
	    (colon && nft_number_read(colon, UINT32_MAX, &s) < 0))
		return err_set(err, -EINVAL, "a share must be 1 to %d%s", SHAPE_PPM,
		               seed ? ":SEED" : "");
	*ppm = (uint32_t)n;
	if (seed)
		*seed = (uint32_t)s;
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
	if (strcmp(key, "conn") == 0) {
		if ((i = word_index(value, conns, ARRAY_SIZE(conns))) < 0)
			return err_set(err, -EINVAL, "conn must be new or established");
		r->conn = (enum nft_conn)i;
		return 0;
	}
	if (strcmp(key, "flows") == 0)
		return share_parse(value, &r->flows_ppm, &r->flows_seed, err);
	if (strcmp(key, "packets") == 0)
		return share_parse(value, &r->packets_ppm, NULL, err);
	if (strcmp(key, "flags") == 0) {
		if ((i = word_index(value, flags, ARRAY_SIZE(flags))) < 0)
			return err_set(err, -EINVAL, "flags must be fin, rst or fin,rst");
		r->tcp_flags = (uint8_t)i;
		return 0;
	}
	if (strcmp(key, "ip") == 0)
		return list_parse(r, value, nft_rules_add_addr, err);
	if (strcmp(key, "port") == 0)
		return list_parse(r, value, nft_rules_add_ports, err);
	if (strcmp(key, "cgroup") == 0)
		return cgroup_parse(r, value, err);
	if (strcmp(key, "mark") == 0)
		return mark_parse(r, value, err);
	if (strcmp(key, "dev") == 0 || strcmp(key, "hooks") == 0) {
		r->confined = key[0] == 'd';
		return list_parse(r, value, nft_rules_add_dev, err);
	}
	if (strcmp(key, "uid") == 0) {
		if (nft_number_read(value, UINT32_MAX, &n) < 0)
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

bool nft_mode_answers(enum nft_mode mode)
{
	return mode == NFT_REJECT || mode == NFT_UNREACHABLE;
}

bool nft_rules_has_owner(const struct nft_rules *r)
{
	return r->has_uid || r->has_cgroup || r->mark;
}

bool nft_is_shape(const char *state)
{
	return strncmp(state, "shape ", 6) == 0;
}

const char *nft_rules_seen_by_sender(const struct nft_rules *r)
{
	if (r->mode == NFT_SHAPE && r->shape.tell)
		return "ICMP: \"fragmentation needed\", or \"packet too big\"";
	if (r->mode == NFT_SHAPE)
		return "nothing: packets are treated after they have left it";
	if (r->mode == NFT_REJECT)
		return r->direction == NFT_IN
		               ? "peers are refused (reset, or port unreachable)"
		               : "refused: TCP is reset, a datagram's sendto() fails with EPERM";
	if (r->mode == NFT_UNREACHABLE)
		return r->direction == NFT_IN ? "peers are told that the host cannot be reached"
		                              : "host unreachable: connect() fails with "
		                                "EHOSTUNREACH, a datagram's "
		                                "sendto() with EPERM";
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
		ok = text[0] == '/' && nft_number_read(ino, UINT64_MAX, &o.netns_ino) == 0 &&
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
