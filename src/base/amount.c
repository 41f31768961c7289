/* amount.c - how much is to be held of what runs out. */
#include "base/amount.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"

static const char *const words[] = {
        [AMOUNT_BYTES] = "bytes=", [AMOUNT_SHARE] = "share=", [AMOUNT_LEAVE] = "leave="};

void amount_format(const struct amount *a, struct buf *to)
{
	buf_addf(to, "%s%" PRIu64 " floor=%" PRIu64, words[a->kind], a->value, a->floor_bytes);
}

/* A number behind its word; NULL when it is not there. */
static const char *number_parse_after(const char *text, const char *word, uint64_t *n)
{
	size_t len = strlen(word);
	char *end = NULL;

	if (strncmp(text, word, len) != 0 || text[len] < '0' || text[len] > '9')
		return NULL;
	*n = strtoull(text + len, &end, 10);
	return end;
}

int amount_parse(const char *text, struct amount *a, const char **rest, struct err *err)
{
	struct amount found = {.kind = AMOUNT_BYTES};
	const char *at = NULL;

	for (size_t i = 0; !at && i < ARRAY_SIZE(words); i++) {
		found.kind = (enum amount_kind)i;
		at = number_parse_after(text, words[i], &found.value);
	}
	if (at)
		at = number_parse_after(at, " floor=", &found.floor_bytes);
	if (!at || (found.kind == AMOUNT_SHARE && found.value > PPM_ALL))
		return err_set(err, -EINVAL, "cannot read the amount \"%s\"", text);
	*a = found;
	*rest = at;
	return 0;
}

uint64_t amount_asked(const struct amount *a, uint64_t held_bytes, uint64_t free_bytes)
{
	uint64_t room = held_bytes + free_bytes;

	switch (a->kind) {
	case AMOUNT_BYTES:
		break;
	case AMOUNT_SHARE:
		return room / PPM_ALL * a->value + room % PPM_ALL * a->value / PPM_ALL;
	case AMOUNT_LEAVE:
		return room > a->value ? room - a->value : 0;
	}
	return a->value;
}

uint64_t amount_goal(const struct amount *a, uint64_t held_bytes, uint64_t free_bytes)
{
	uint64_t room = held_bytes + free_bytes;
	uint64_t asked = amount_asked(a, held_bytes, free_bytes);
	uint64_t most = room > a->floor_bytes ? room - a->floor_bytes : 0;

	return !a->floor_bytes || asked < most ? asked : most;
}
