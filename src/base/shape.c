/* shape.c - what the shaper is told, as text. */
#include "base/shape.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum word_kind {
	WORD_U64,
	WORD_PPM,
	WORD_U32,
	WORD_FLAG,
	WORD_DIST,
	WORD_BURST,
	WORD_HOW,
	WORD_NAMES,
	WORD_TYPES,
	WORD_ADDRESSES
};

static const char *const dists[] = {"uniform", "normal", "pareto"};

/* In the order of the text. flag: what a flag says when it is set. */
static const struct word {
	const char *key;
	enum word_kind kind;
	size_t offset;
	const char *flag;
} words[] = {
        {"seed", WORD_U64, offsetof(struct shape, seed), NULL},
        {"delay", WORD_U64, offsetof(struct shape, delay_ns), NULL},
        {"jitter", WORD_U64, offsetof(struct shape, jitter_ns), NULL},
        {"dist", WORD_DIST, offsetof(struct shape, dist), NULL},
        {"delay-corr", WORD_PPM, offsetof(struct shape, delay_corr_ppm), NULL},
        {"order", WORD_FLAG, offsetof(struct shape, order_free), "free"},
        {"loss", WORD_PPM, offsetof(struct shape, loss_ppm), NULL},
        {"loss-corr", WORD_PPM, offsetof(struct shape, loss_corr_ppm), NULL},
        {"burst", WORD_BURST, offsetof(struct shape, burst), NULL},
        {"every", WORD_U32, offsetof(struct shape, every), NULL},
        {"duplicate", WORD_PPM, offsetof(struct shape, duplicate_ppm), NULL},
        {"duplicate-corr", WORD_PPM, offsetof(struct shape, duplicate_corr_ppm), NULL},
        {"corrupt", WORD_PPM, offsetof(struct shape, corrupt_ppm), NULL},
        {"corrupt-corr", WORD_PPM, offsetof(struct shape, corrupt_corr_ppm), NULL},
        {"mend", WORD_FLAG, offsetof(struct shape, mend), "yes"},
        {"reorder", WORD_PPM, offsetof(struct shape, reorder_ppm), NULL},
        {"reorder-corr", WORD_PPM, offsetof(struct shape, reorder_corr_ppm), NULL},
        {"gap", WORD_U32, offsetof(struct shape, gap), NULL},
        {"rate", WORD_U64, offsetof(struct shape, rate_bits), NULL},
        {"queue", WORD_U64, offsetof(struct shape, queue_bytes), NULL},
        {"down", WORD_U64, offsetof(struct shape, down_ns), NULL},
        {"up", WORD_U64, offsetof(struct shape, up_ns), NULL},
        {"mtu", WORD_U32, offsetof(struct shape, mtu), NULL},
        {"tell", WORD_FLAG, offsetof(struct shape, tell), "yes"},
        {"dns", WORD_HOW, offsetof(struct shape, dns), NULL},
        {"dns-share", WORD_PPM, offsetof(struct shape, dns.share_ppm), NULL},
        {"names", WORD_NAMES, offsetof(struct shape, dns), NULL},
        {"types", WORD_TYPES, offsetof(struct shape, dns), NULL},
        {"addresses", WORD_ADDRESSES, offsetof(struct shape, dns), NULL},
        {"ttl", WORD_U32, offsetof(struct shape, dns.ttl_s), NULL},
};

bool shape_holds(const struct shape *s)
{
	return s->delay_ns || s->jitter_ns || s->rate_bits;
}

bool shape_counts(const struct shape *s)
{
	return s->loss_ppm || s->burst || s->every || s->duplicate_ppm || s->corrupt_ppm ||
	       s->reorder_ppm || s->jitter_ns || s->rate_bits || s->mtu || s->dns.how;
}

static bool is_turn(uint64_t ns)
{
	return ns >= SHAPE_TURN_MIN_NS && ns <= SHAPE_DELAY_MAX_NS;
}

/* Is there anything but what dns=slow has? */
static bool has_more(const struct shape *s)
{
	return s->loss_ppm || s->burst || s->every || s->duplicate_ppm || s->corrupt_ppm ||
	       s->reorder_ppm || s->rate_bits || s->down_ns || s->mtu;
}

static int shape_check(const struct shape *s, struct err *err)
{
	const char *wrong = NULL;

	if (!shape_holds(s) && !shape_counts(s) && !s->down_ns)
		wrong = "nothing is asked of the shaper";
	else if (s->delay_ns > SHAPE_DELAY_MAX_NS || s->jitter_ns > SHAPE_DELAY_MAX_NS)
		wrong = "delay and jitter are at most 10 minutes";
	else if (s->dns.how && (has_more(s) || (s->dns.how == DNS_SLOW) != shape_holds(s)))
		wrong = "dns=slow has a delay or a jitter, no other dns has anything besides";
	else if (!s->jitter_ns && (s->dist || s->delay_corr_ppm || s->order_free))
		wrong = "dist, delay-corr and order belong to a jitter";
	else if ((s->loss_ppm > 0) + s->burst + (s->every > 0) > 1)
		wrong = "one of loss, burst and every";
	else if (s->every == 1)
		wrong = "every is at least 2";
	else if (s->burst && (!s->burst_p_ppm || !s->burst_r_ppm))
		wrong = "a burst begins and ends";
	else if ((s->loss_corr_ppm && !s->loss_ppm) ||
	         (s->duplicate_corr_ppm && !s->duplicate_ppm) ||
	         (s->corrupt_corr_ppm && !s->corrupt_ppm) ||
	         (s->reorder_corr_ppm && !s->reorder_ppm))
		wrong = "a correlation belongs to a share";
	else if (s->mend && !s->corrupt_ppm)
		wrong = "mend belongs to corrupt";
	else if (s->gap && !s->reorder_ppm)
		wrong = "gap belongs to reorder";
	else if (s->reorder_ppm && !s->delay_ns)
		wrong = "without a delay nothing can be overtaken";
	else if (!s->rate_bits != !s->queue_bytes)
		wrong = "rate and queue belong together";
	else if (s->rate_bits && (s->rate_bits < SHAPE_RATE_MIN || s->rate_bits > SHAPE_RATE_MAX ||
	                          s->queue_bytes > SHAPE_QUEUE_MAX))
		wrong = "rate is 1 kbit/s to 100 Gbit/s, queue at most 256 MiB";
	else if (!s->down_ns != !s->up_ns)
		wrong = "down and up belong together";
	else if (s->down_ns && (!is_turn(s->down_ns) || !is_turn(s->up_ns)))
		wrong = "down and up are 1 ms to 10 minutes";
	else if (s->mtu && (s->mtu < SHAPE_MTU_MIN || s->mtu > SHAPE_MTU_MAX))
		wrong = "mtu is 68 to 65535";
	else if (s->tell && !s->mtu)
		wrong = "tell belongs to mtu";
	wrong = wrong ? wrong : dns_rule_check(&s->dns);
	return wrong ? err_set(err, -EINVAL, "%s", wrong) : 0;
}

static void dns_word_add(const struct word *w, const struct dns_rule *r, struct buf *to)
{
	BUF(value, SHAPE_TEXT_MAX);

	if (w->kind == WORD_HOW)
		buf_add(&value, dns_how_name(r->how));
	else if (w->kind == WORD_NAMES)
		buf_add(&value, r->names);
	else if (w->kind == WORD_TYPES)
		dns_rule_types(r, &value);
	else
		dns_rule_addresses(r, &value);
	if (value.len)
		buf_addf(to, " %s=%s", w->key, value.data);
}

static void word_add(const struct word *w, const void *at, const struct shape *s, struct buf *to)
{
	switch (w->kind) {
	case WORD_U64:
		if (*(const uint64_t *)at || w->offset == offsetof(struct shape, seed))
			buf_addf(to, " %s=%" PRIu64, w->key, *(const uint64_t *)at);
		break;
	case WORD_PPM:
	case WORD_U32:
		if (*(const uint32_t *)at)
			buf_addf(to, " %s=%" PRIu32, w->key, *(const uint32_t *)at);
		break;
	case WORD_FLAG:
		if (*(const bool *)at)
			buf_addf(to, " %s=%s", w->key, w->flag);
		break;
	case WORD_DIST:
		if (s->dist)
			buf_addf(to, " %s=%s", w->key, dists[s->dist]);
		break;
	case WORD_BURST:
		if (s->burst)
			buf_addf(to, " %s=%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32, w->key,
			         s->burst_p_ppm, s->burst_r_ppm, s->burst_h_ppm, s->burst_k_ppm);
		break;
	case WORD_HOW:
	case WORD_NAMES:
	case WORD_TYPES:
	case WORD_ADDRESSES:
		dns_word_add(w, at, to);
		break;
	}
}

int shape_format(const struct shape *s, struct buf *to, struct err *err)
{
	BUF(text, SHAPE_TEXT_MAX);
	int code = shape_check(s, err);

	if (code < 0)
		return code;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		word_add(&words[i], (const char *)s + words[i].offset, s, &text);
	buf_reset(to);
	buf_add(to, text.data + 1);
	return text.over || to->over ? err_set(err, -E2BIG, "no room for the shaper's words") : 0;
}

/* Decimal digits, at most `most`; what is not canonical otherwise is found by writing it again. */
static int number_read(const char **at, uint64_t most, uint64_t *to)
{
	uint64_t n = 0;
	const char *p = *at;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (n > (most - digit) / 10)
			return -ERANGE;
		n = n * 10 + digit;
	}
	*at = p;
	*to = n;
	return 0;
}

static int burst_read(const char **at, struct shape *s)
{
	uint32_t *const parts[] = {&s->burst_p_ppm, &s->burst_r_ppm, &s->burst_h_ppm,
	                           &s->burst_k_ppm};
	int code = 0;

	for (size_t i = 0; code == 0 && i < ARRAY_SIZE(parts); i++) {
		uint64_t n = 0;

		if (i && *(*at)++ != ',')
			return -EINVAL;
		code = number_read(at, SHAPE_PPM, &n);
		*parts[i] = (uint32_t)n;
	}
	s->burst = true;
	return code;
}

static int dns_word_read(enum word_kind kind, const char **at, struct dns_rule *r)
{
	bool more = true;
	int code = 0;

	while (code == 0 && more) {
		size_t n = strcspn(*at, ", ");
		char one[DNS_NAME_TEXT + 2];

		if (n >= sizeof(one))
			return -E2BIG;
		memcpy(one, *at, n);
		one[n] = 0;
		*at += n;
		if (kind == WORD_HOW)
			code = (r->how = dns_how_find(one)) ? 0 : -EINVAL;
		else if (kind == WORD_NAMES)
			code = dns_rule_add_name(r, one, NULL);
		else if (kind == WORD_TYPES)
			code = dns_rule_add_type(r, one, NULL);
		else
			code = dns_rule_add_address(r, one, NULL);
		more = kind != WORD_HOW && **at == ',';
		*at += more;
	}
	return code;
}

static int value_read(const struct word *w, const char **at, struct shape *s)
{
	void *to = (char *)s + w->offset;
	uint64_t n = 0;
	int code = -EINVAL;

	switch (w->kind) {
	case WORD_U64:
		return number_read(at, UINT64_MAX, to);
	case WORD_PPM:
	case WORD_U32:
		code = number_read(at, w->kind == WORD_PPM ? SHAPE_PPM : UINT32_MAX, &n);
		*(uint32_t *)to = (uint32_t)n;
		return code;
	case WORD_FLAG:
		if (strncmp(*at, w->flag, strlen(w->flag)) != 0)
			return -EINVAL;
		*at += strlen(w->flag);
		*(bool *)to = true;
		return 0;
	case WORD_DIST:
		for (size_t i = 0; i < ARRAY_SIZE(dists); i++) {
			if (strncmp(*at, dists[i], strlen(dists[i])) != 0)
				continue;
			*at += strlen(dists[i]);
			s->dist = (enum shape_dist)i;
			return 0;
		}
		return -EINVAL;
	case WORD_BURST:
		return burst_read(at, s);
	case WORD_HOW:
	case WORD_NAMES:
	case WORD_TYPES:
	case WORD_ADDRESSES:
		return dns_word_read(w->kind, at, to);
	}
	return code;
}

int shape_parse(const char *text, struct shape *to, struct err *err)
{
	struct shape s = {0};
	BUF(again, SHAPE_TEXT_MAX);
	const char *at = text;

	for (bool more = true; more;) {
		const struct word *found = NULL;
		size_t n = strcspn(at, "= ");
		const char *word = at;

		for (size_t i = 0; !found && i < ARRAY_SIZE(words); i++)
			if (strlen(words[i].key) == n && strncmp(words[i].key, at, n) == 0)
				found = &words[i];
		at += n;
		if (!found || *at++ != '=' || value_read(found, &at, &s) < 0 || (*at && *at != ' '))
			return err_set(err, -EINVAL, "cannot read \"%.40s\" of the shaper's words",
			               word);
		more = *at;
		at += more;
	}
	int code = shape_format(&s, &again, err);

	if (code < 0)
		return code;
	if (strcmp(again.data, text) != 0)
		return err_set(err, -EINVAL, "\"%.120s\" is not canonical, expected \"%.120s\"",
		               text, again.data);
	*to = s;
	return 0;
}
