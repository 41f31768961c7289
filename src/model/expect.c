/* expect.c - holds a document against an expectation, and says why it misses. */
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "model/expect-node.h"

enum { SHOWN = 60 };

/* Broken: the field is missing or of another type. It stays broken below `not`, and it is a miss.
 */
enum found { MISS, HIT, BROKEN };

static const char *const ops[] = {"", "<", "<=", ">", ">=", "==", "!="};

/* The member at a dotted path. Names may have dots of their own, so the longest name is tried
 * first; a number is an index of a list. */
static const json_t *find(const json_t *doc, const char *path)
{
	if (path[0] == '\0')
		return doc;
	if (json_is_array(doc)) {
		char *end;
		unsigned long i = strtoul(path, &end, 10);
		if (path[0] < '0' || path[0] > '9' || (*end != '\0' && *end != '.'))
			return NULL;
		const json_t *v = json_array_get(doc, i);
		return v != NULL ? find(v, *end == '.' ? end + 1 : end) : NULL;
	}
	if (!json_is_object(doc))
		return NULL;
	for (size_t n = strlen(path); n > 0; n--) {
		if (path[n] != '\0' && path[n] != '.')
			continue;
		const json_t *v = json_object_getn(doc, path, n);
		const json_t *found =
		        v != NULL ? find(v, path[n] == '.' ? path + n + 1 : "") : NULL;
		if (found != NULL)
			return found;
	}
	return NULL;
}

static void number_show(struct buf *to, double x, enum value_form form)
{
	if (x < 0 || x > 1e15)
		form = VALUE_NUMBER;
	if (form == VALUE_SECONDS)
		duration_format_short(to, (uint64_t)(x * (double)NS_PER_S + 0.5));
	else if (form == VALUE_BYTES)
		size_format(to, (uint64_t)(x + 0.5));
	else if (form == VALUE_SHARE)
		share_format(to, (uint64_t)(x * (double)PPM_ALL + 0.5));
	else if (form == VALUE_RATE)
		rate_format_short(to, (uint64_t)(x + 0.5));
	else
		buf_addf(to, "%.15g", x);
}

static void value_show(struct buf *to, const json_t *v, enum value_form form)
{
	if (json_is_string(v)) {
		buf_addc(to, '"');
		buf_add_shown(to, json_string_value(v), SHOWN);
		buf_addc(to, '"');
	} else if (json_is_number(v)) {
		number_show(to, json_number_value(v), form);
	} else if (json_is_boolean(v)) {
		buf_add(to, json_is_true(v) ? "true" : "false");
	} else {
		buf_add(to, json_is_null(v) ? "null" : json_is_array(v) ? "a list" : "an object");
	}
}

static void expected_show(struct buf *to, const struct expect_node *n)
{
	bool text = n->value.form == VALUE_TEXT;
	if (n->op != OP_EQ)
		buf_addf(to, "%s ", n->op == OP_NE ? "not" : ops[n->op]);
	if (text && n->value.text[0] == '\0')
		buf_add(to, "\"\"");
	else
		buf_add_shown(to, n->value.text, SHOWN);
}

static const char *name_of(const struct expect_node *n)
{
	return n->path[0] != '\0' ? n->path : "an element";
}

static bool ordered(double a, enum expect_op op, double b)
{
	switch (op) {
	case OP_LT:
		return a < b;
	case OP_LE:
		return a <= b;
	case OP_GT:
		return a > b;
	case OP_GE:
		return a >= b;
	case OP_NE:
		return a != b;
	default:
		return a == b;
	}
}

static enum found compare(const struct expect_node *n, const json_t *v, struct buf *why)
{
	bool hit, fits = false, same = false;
	switch (n->value.form) {
	case VALUE_TEXT:
		fits = json_is_string(v);
		same = fits && strlen(n->value.text) == json_string_length(v) &&
		       memcmp(json_string_value(v), n->value.text, json_string_length(v)) == 0;
		break;
	case VALUE_BOOL:
		fits = json_is_boolean(v);
		same = fits && json_is_true(v) == n->value.yes;
		break;
	default:
		fits = json_is_number(v);
		break;
	}
	if (!fits) {
		buf_addf(why, "%s is ", name_of(n));
		value_show(why, v, VALUE_NUMBER);
		buf_add(why, ", which cannot be compared with ");
		buf_add_shown(why, n->value.text, SHOWN);
		return BROKEN;
	}
	if (n->value.form == VALUE_TEXT || n->value.form == VALUE_BOOL)
		hit = same == (n->op == OP_EQ);
	else
		hit = ordered(json_number_value(v), n->op, n->value.number);
	if (hit)
		return HIT;
	buf_addf(why, "%s is ", name_of(n));
	value_show(why, v, n->value.form);
	buf_add(why, ", expected ");
	expected_show(why, n);
	return MISS;
}

static enum found match(const struct expect_node *n, const json_t *v, struct buf *why)
{
	if (!json_is_string(v)) {
		buf_addf(why, "%s is not a text", name_of(n));
		return BROKEN;
	}
	int r = regex_matches(n->regex, json_string_value(v), json_string_length(v));
	if (r == 1)
		return HIT;
	buf_addf(why, r < 0 ? "matching %s took too long: \"" : "%s does not match \"", name_of(n));
	buf_add_shown(why, n->value.text, SHOWN);
	buf_addc(why, '"');
	return r < 0 ? BROKEN : MISS;
}

static enum found check(const struct expect_node *n, const json_t *doc, struct buf *why);

static enum found has(const struct expect_node *n, const json_t *list, struct buf *why)
{
	char none[1];
	struct buf unsaid;
	size_t i;
	json_t *v;
	if (!json_is_array(list)) {
		buf_addf(why, "%s is not a list", name_of(n));
		return BROKEN;
	}
	json_array_foreach (list, i, v) {
		buf_init(&unsaid, none, sizeof(none));
		if (check(n->v[0], v, &unsaid) == HIT)
			return HIT;
	}
	buf_addf(why, "%s has no such element", name_of(n));
	return MISS;
}

static void describe(const struct expect_node *n, struct buf *to);

static enum found check_any(const struct expect_node *n, const json_t *doc, struct buf *why)
{
	enum found found = MISS;
	BUF(each, 1024);
	for (size_t i = 0; i < n->n; i++) {
		if (i > 0)
			buf_add(&each, "; ");
		enum found f = check(n->v[i], doc, &each);
		if (f == HIT)
			return HIT;
		if (f == BROKEN)
			found = BROKEN;
	}
	buf_add(why, each.data);
	return found;
}

static enum found check_all(const struct expect_node *n, const json_t *doc, struct buf *why)
{
	enum found found = HIT;
	for (size_t i = 0; i < n->n; i++) {
		BUF(one, 512);
		enum found f = check(n->v[i], doc, &one);
		if (f == HIT)
			continue;
		if (found != HIT)
			buf_add(why, "; ");
		buf_add(why, one.data);
		if (f == BROKEN || found == HIT)
			found = f;
	}
	return found;
}

static enum found check_not(const struct expect_node *n, const json_t *doc, struct buf *why)
{
	BUF(inner, 512);
	enum found f = check(n->v[0], doc, &inner);
	if (f == MISS)
		return HIT;
	if (f == BROKEN) {
		buf_add(why, inner.data);
		return BROKEN;
	}
	buf_add(why, "unexpectedly ");
	describe(n->v[0], why);
	return MISS;
}

static enum found check(const struct expect_node *n, const json_t *doc, struct buf *why)
{
	switch (n->type) {
	case EXPECT_ALL:
		return check_all(n, doc, why);
	case EXPECT_ANY:
		return check_any(n, doc, why);
	case EXPECT_NOT:
		return check_not(n, doc, why);
	default:
		break;
	}
	const json_t *v = find(doc, n->path);
	if (v == NULL) {
		buf_addf(why, "%s is missing", name_of(n));
		return BROKEN;
	}
	if (n->type == EXPECT_HAS)
		return has(n, v, why);
	return n->type == EXPECT_MATCHES ? match(n, v, why) : compare(n, v, why);
}

bool expect_check(const struct expect *e, const json_t *doc, int jq_said, struct buf *why)
{
	if (doc == NULL) {
		buf_add(why, "the look failed");
		return false;
	}
	size_t before = why->len;
	bool hit = check(e->root, doc, why) == HIT;
	if (e->jq != NULL && jq_said != 1) {
		if (why->len > before)
			buf_add(why, "; ");
		buf_add(why, jq_said == 0 ? "the jq filter says false" : "the jq filter failed");
		hit = false;
	}
	return hit;
}

bool expect_is_broken(const struct expect *e, const json_t *doc, int jq_said)
{
	BUF(unsaid, 16);
	if (doc == NULL || check(e->root, doc, &unsaid) == BROKEN)
		return true;
	return e->jq != NULL && jq_said != 0 && jq_said != 1;
}

static void group_describe(const struct expect_node *n, const char *between, struct buf *to)
{
	for (size_t i = 0; i < n->n; i++) {
		if (i > 0)
			buf_add(to, between);
		describe(n->v[i], to);
	}
}

static void describe(const struct expect_node *n, struct buf *to)
{
	switch (n->type) {
	case EXPECT_ALL:
		group_describe(n, ", ", to);
		break;
	case EXPECT_ANY:
		group_describe(n, " or ", to);
		break;
	case EXPECT_NOT:
		buf_add(to, "not (");
		describe(n->v[0], to);
		buf_addc(to, ')');
		break;
	case EXPECT_HAS:
		buf_addf(to, "%s has (", n->path);
		describe(n->v[0], to);
		buf_addc(to, ')');
		break;
	case EXPECT_COMPARE:
		buf_addf(to, "%s%s", n->path, n->path[0] != '\0' ? " " : "");
		expected_show(to, n);
		break;
	case EXPECT_MATCHES:
		buf_addf(to, "%s matches \"", n->path);
		buf_add_shown(to, n->value.text, SHOWN);
		buf_addc(to, '"');
		break;
	}
}

void expect_describe(const struct expect *e, struct buf *to)
{
	describe(e->root, to);
	if (e->jq == NULL)
		return;
	if (e->root->n > 0)
		buf_add(to, ", ");
	buf_add(to, "jq ");
	buf_add_shown(to, e->jq, SHOWN);
}
