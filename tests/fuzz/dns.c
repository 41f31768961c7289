/* Packets that come from a name server, of which the shaper makes others: a byte that says how,
 * then the packet. */
#include "fuzz.h"
#include "helper/shape-bytes.h"
#include "helper/shape-dns.h"

void fuzz_begin(void)
{
}

static struct dns_rule rule_of(uint8_t draw)
{
	struct dns_rule r = {.how = DNS_SLOW + draw % (DNS_HOWS - DNS_SLOW), .share_ppm = 1000000};

	if (draw & 0x80)
		assert(dns_rule_add_name(&r, "*.test", NULL) == 0 &&
		       dns_rule_add_name(&r, "^a*.?.test", NULL) == 0);
	if (r.how == DNS_ANSWER)
		assert(dns_rule_add_address(&r, "192.0.2.1", NULL) == 0 &&
		       dns_rule_add_address(&r, "::1", NULL) == 0);
	assert(!dns_rule_check(&r));
	return r;
}

/* What is made of an answer is one to the same question, and nothing more can be made of it. */
static void answer_check(const struct dns_rule *r, const struct shape_parts *was,
                         const struct shape_parts *is)
{
	struct dns_message before, after;
	uint8_t again[DNS_FORGED_MAX];
	const uint8_t *m = is->at + is->header;
	size_t n = is->n - is->header;

	assert(dns_message_read(was->at + was->header, was->n - was->header, &before));
	assert(dns_message_read(m, n, &after));
	assert(memcmp(before.at, m, 2) == 0);
	assert(before.question_end == after.question_end && before.type == after.type);
	assert(memcmp(before.at + 12, m + 12, before.question_end - 12) == 0);
	assert(strcmp(before.name, after.name) == 0 && dns_rule_has_name(r, after.name));
	assert(!before.opt_n == !after.opt_n && (!after.opt_n || after.opt + after.opt_n == n));
	assert(dns_message_forge(&after, r, again) == n && memcmp(again, m, n) == 0);
}

void fuzz_one(const char *text, size_t n)
{
	uint8_t to[SHAPE_DNS_MAX];
	struct shape_parts was, is;
	struct shape_dns d;
	struct dns_rule r;
	size_t to_n = 0;

	if (!n--)
		return;
	r = rule_of((uint8_t)text[0]);
	/* in memory of its own size, so that a byte too far is seen */
	_cleanup_free_ uint8_t *packet = malloc(n ? n : 1);

	assert(packet);
	memcpy(packet, text + 1, n);
	shape_dns_init(&d, 1);
	enum dns_fate fate = shape_dns_next(&d, &r, packet, n, to, &to_n);

	assert(memcmp(packet, text + 1, n) == 0 && fate != DNS_SPARED);
	assert(fate != DNS_HELD || r.how == DNS_SLOW);
	assert(fate != DNS_LOST || r.how == DNS_TIMEOUT);
	if (fate != DNS_CHANGED)
		return;
	_cleanup_free_ uint8_t *made = malloc(to_n);

	assert(made && to_n <= sizeof(to));
	memcpy(made, to, to_n);
	assert(shape_bytes_split(packet, n, &was) && shape_bytes_split(made, to_n, &is));
	assert(!is.part && !is.later && is.protocol == was.protocol);
	assert(shape_bytes_sum(made, to_n) && memcmp(made, to, to_n) == 0);
	if (is.protocol == 17)
		answer_check(&r, &was, &is);
	else
		assert(is.protocol == 6 && is.n == is.header);
}
