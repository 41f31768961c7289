/* Quantities, one a line: what was read is written so that it reads back the same. */
#include "base/quantity.h"

#include "fuzz.h"

void fuzz_begin(void)
{
}

static void duration_check(const char *text)
{
	uint64_t ns, again;
	BUF(out, 64);

	if (duration_parse(text, &ns, NULL) < 0)
		return;
	duration_format(&out, ns);
	assert(!out.over && duration_parse(out.data, &again, NULL) == 0 && again == ns);
	buf_reset(&out);
	duration_format_short(&out, ns);
	assert(!out.over && out.len);
}

static void size_check(const char *text)
{
	uint64_t bytes, again;
	BUF(out, 64);

	if (size_parse(text, &bytes, NULL) < 0)
		return;
	size_format(&out, bytes);
	assert(!out.over && size_parse(out.data, &again, NULL) == 0 && again == bytes);
}

static void share_check(const char *text)
{
	uint64_t ppm, again;
	BUF(out, 64);

	if (share_parse(text, &ppm, NULL) < 0)
		return;
	share_format(&out, ppm);
	assert(!out.over && share_parse(out.data, &again, NULL) == 0 && again == ppm);
}

static void rate_check(const char *text)
{
	uint64_t bits, again;
	BUF(out, 64);

	if (rate_parse(text, &bits, NULL) < 0)
		return;
	rate_format(&out, bits);
	assert(!out.over && rate_parse(out.data, &again, NULL) == 0 && again == bits);
}

static void line_check(const char *text)
{
	enum quantity_kind kind;
	struct err err = ERR_INIT;
	double x;
	uint64_t count;

	duration_check(text);
	size_check(text);
	share_check(text);
	rate_check(text);
	(void)!count_parse(text, &count, NULL);
	(void)!number_parse(text, &x, NULL);
	assert(quantity_parse_any(text, &kind, &x, &err) == 0 || err.what[0]);
}

void fuzz_one(const char *text, size_t n)
{
	for (char *line; (line = fuzz_part(&text, &n, "\n"));) {
		line_check(line);
		free(line);
	}
}
