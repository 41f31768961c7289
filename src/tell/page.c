/* A page of text or Markdown. */
#include "tell/page.h"

#include <string.h>

enum { TEXT_BYTES = 4096, INDENT = 2, PAIR = 12 };

static const char *const colours[] = {[SAY_PLAIN] = "",
                                      [SAY_GOOD] = "\033[32m",
                                      [SAY_BAD] = "\033[31m",
                                      [SAY_WARN] = "\033[33m",
                                      [SAY_QUIET] = "\033[2m"};

/* CommonMark, "Backslash escapes": any ASCII punctuation may be escaped; these can mean something,
 * some of them only at the beginning. */
static void escape(struct buf *to, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (strchr("\\`*_[]<>|~&", *p) || (p == text && strchr("#+-", *p)))
			buf_addc(to, '\\');
		buf_addc(to, *p);
	}
}

static size_t cells(const char *text, size_t n)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

/* Words from column `at`, continued at column `indent`. */
static void wrapped(struct page *p, const char *text, size_t at, size_t indent)
{
	size_t column = at;
	bool first = true;
	while (*text) {
		size_t n = strcspn(text, " ");
		size_t wide = cells(text, n);
		if (!first && column + 1 + wide > p->width) {
			fprintf(p->to, "\n%*s", (int)indent, "");
			column = indent;
			first = true;
		}
		fprintf(p->to, "%s%.*s", first ? "" : " ", (int)n, text);
		column += wide + !first;
		first = false;
		text += n;
		text += *text == ' ';
	}
}

static void body(struct page *p, enum say_tone tone, const char *text, size_t at, size_t indent)
{
	BUF(clean, TEXT_BYTES);
	say_text(&clean, text);
	if (p->markdown) {
		BUF(escaped, 2 * TEXT_BYTES);
		escape(&escaped, clean.data);
		fputs(escaped.data, p->to);
	} else {
		fputs(p->colour ? colours[tone] : "", p->to);
		wrapped(p, clean.data, at, indent);
		fputs(p->colour && tone != SAY_PLAIN ? "\033[0m" : "", p->to);
	}
	fputc('\n', p->to);
}

void page_title(struct page *p, const char *text)
{
	fputs(p->markdown ? "# " : p->colour ? "\033[1m" : "", p->to);
	body(p, SAY_PLAIN, text, 0, 0);
	fputs(p->markdown ? "\n" : p->colour ? "\033[0m" : "", p->to);
}

void page_head(struct page *p, const char *text)
{
	fputs(p->markdown ? "\n## " : p->colour ? "\n\033[1m" : "\n", p->to);
	body(p, SAY_PLAIN, text, 0, 0);
	fputs(p->markdown ? "\n" : p->colour ? "\033[0m" : "", p->to);
}

void page_para(struct page *p, const char *text)
{
	if (!p->markdown)
		fprintf(p->to, "%*s", INDENT, "");
	body(p, SAY_PLAIN, text, INDENT, INDENT);
}

void page_item(struct page *p, enum say_tone tone, const char *text)
{
	fputs(p->markdown ? "- " : "  ", p->to);
	body(p, tone, text, INDENT, INDENT + 2);
}

void page_sub(struct page *p, enum say_tone tone, const char *key, const char *text)
{
	if (p->markdown)
		fprintf(p->to, "  - %s: ", key);
	else
		fprintf(p->to, "      %-*s", PAIR, key);
	body(p, tone, text, 6 + PAIR, 6 + PAIR);
}

void page_pair(struct page *p, enum say_tone tone, const char *key, const char *text)
{
	if (p->markdown)
		fprintf(p->to, "- **%s**: ", key);
	else
		fprintf(p->to, "  %-*s", PAIR, key);
	body(p, tone, text, INDENT + PAIR, INDENT + PAIR);
}

void page_command(struct page *p, const char *text)
{
	BUF(clean, TEXT_BYTES);
	say_text(&clean, text);
	fprintf(p->to, p->markdown ? "\n```sh\n%s\n```\n\n" : "      %s\n", clean.data);
}

void page_gap(struct page *p)
{
	fputc('\n', p->to);
}
