/* Lines of a log: mended, matched, counted, and the last ones kept. */
#include "probe/log-lines.h"

#include <errno.h>
#include <string.h>

#include "io/regex.h"

enum { SHOWN = 60 }; /* of a line in an error text */

/* Bytes of the well-formed character at s (RFC 3629), 0: there is none. */
static size_t character(const unsigned char *s, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] > 0xf4 || len > n)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	if (s[0] == 0xed)
		high = 0x9f;
	if (s[0] == 0xf0)
		low = 0x90;
	if (s[0] == 0xf4)
		high = 0x8f;
	if (len > 1 && (s[1] < low || s[1] > high))
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* Into text without anything that is not UTF-8, NUL included; cut. Returns its length. */
static size_t mend(const char *line, size_t n, char to[LINE_MAX_BYTES])
{
	size_t len = 0;
	for (size_t i = 0; i < n;) {
		size_t c = line[i] ? character((const unsigned char *)line + i, n - i) : 0;
		if (len + (c ? c : 1) > LINE_MAX_BYTES)
			break;
		if (c)
			memcpy(to + len, line + i, c);
		else
			to[len] = '?';
		len += c ? c : 1;
		i += c ? c : 1;
	}
	return len;
}

int log_lines_add(struct log_lines *l, const char *line, size_t n, struct err *err)
{
	char text[LINE_MAX_BYTES];
	if (n && line[n - 1] == '\r')
		n--;
	size_t len = mend(line, n, text);
	int matches = l->regex ? regex_matches(l->regex, text, len) : 1;
	if (matches < 0) {
		(void)err_set(err, matches, "the pattern needs too much time on line \"%.*s\"",
		              len < SHOWN ? (int)len : SHOWN, text);
		return err_hint(err, matches, "Repeat less within what is repeated.");
	}
	l->read++;
	if (!matches)
		return 0;
	l->count++;
	if (!l->keep)
		return 0;
	if (json_array_size(l->kept) == l->keep)
		(void)json_array_remove(l->kept, 0);
	(void)json_array_append_new(l->kept, json_stringn(text, len));
	return 0;
}
