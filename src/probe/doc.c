/* Fields of the documents that probes answer with. */
#include "probe/doc.h"

#include <string.h>

void doc_set(json_t *doc, const char *name, json_t *value)
{
	if (value)
		(void)json_object_set_new_nocheck(doc, name, value); /* names are ours: ASCII */
}

void doc_seconds(json_t *doc, const char *name, uint64_t ns)
{
	doc_set(doc, name, json_real((double)ns / 1e9));
}

void doc_share(json_t *doc, const char *name, double share)
{
	doc_set(doc, name, json_real((double)(int64_t)(share * 1e6 + 0.5) / 1e6));
}

void doc_count(json_t *doc, const char *name, uint64_t n)
{
	doc_set(doc, name, json_integer((json_int_t)n));
}

/* Without the bytes of a character that was cut in two (at most three). */
static size_t whole_characters(const char *text, size_t n)
{
	size_t i = n;
	while (i && n - i < 3 && ((unsigned char)text[i - 1] & 0xc0) == 0x80)
		i--;
	if (!i || !((unsigned char)text[i - 1] & 0x80))
		return n;
	unsigned char lead = (unsigned char)text[i - 1];
	size_t needs = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
	return n - (i - 1) < needs ? i - 1 : n;
}

/* Eight bytes at a time: jansson's own check goes through every character of every body. */
static bool is_ascii(const char *text, size_t n)
{
	uint64_t word, high = 0;
	size_t i = 0;
	for (; i + sizeof(word) <= n; i += sizeof(word)) {
		memcpy(&word, text + i, sizeof(word));
		high |= word;
	}
	for (; i < n; i++)
		high |= (unsigned char)text[i];
	return !(high & 0x8080808080808080);
}

void doc_text(json_t *doc, const char *name, const char *text, size_t n, bool cut)
{
	if (cut)
		n = whole_characters(text, n);
	if (memchr(text, '\0', n))
		return;
	if (is_ascii(text, n))
		doc_set(doc, name, json_stringn_nocheck(text, n));
	else
		doc_set(doc, name, json_stringn(text, n)); /* NULL when it is not UTF-8 */
}

void doc_json(json_t *doc, const char *text, size_t n, bool meant)
{
	size_t i = 0;
	while (i < n && strchr(" \t\r\n", text[i]))
		i++;
	if (i == n || (!meant && text[i] != '{' && text[i] != '['))
		return;
	doc_set(doc, "json", json_loadb(text, n, JSON_DECODE_ANY, NULL));
}
