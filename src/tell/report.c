/* A run document told to people: formats, and the order of the sections. */
#include "tell/report.h"

#include <errno.h>
#include <string.h>

#include "tell/report-sections.h"

int report_format_parse(const char *word, enum report_format *to, struct err *err)
{
	static const struct {
		const char *word;
		enum report_format format;
	} words[] = {{"text", REPORT_TEXT},
	             {"markdown", REPORT_MARKDOWN},
	             {"md", REPORT_MARKDOWN},
	             {"json", REPORT_JSON}};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, words[i].word)) {
			*to = words[i].format;
			return 0;
		}
	if (!strcmp(word, "html") || !strcmp(word, "xml")) {
		err_set(err, -ENOSYS, "report format \"%s\" is not built in", word);
		return err_hint(err, -ENOSYS, "Formats are text, markdown and json.");
	}
	err_set(err, -EINVAL, "unknown report format \"%s\"", word);
	return err_hint(err, -EINVAL, "Formats are text, markdown and json.");
}

int report_format_of_file(const char *path, enum report_format *to, struct err *err)
{
	const char *slash = strrchr(path, '/');
	const char *dot = strrchr(slash ? slash : path, '.');
	if (!dot || !dot[1]) {
		err_set(err, -EINVAL, "cannot tell the report's format from \"%s\"", path);
		return err_hint(err, -EINVAL, "End the name in .txt, .md or .json.");
	}
	if (!strcmp(dot, ".txt")) {
		*to = REPORT_TEXT;
		return 0;
	}
	return report_format_parse(dot + 1, to, err);
}

int report_write(const json_t *doc, enum report_format format, const struct report_options *o,
                 FILE *to, struct err *err)
{
	if (format == REPORT_JSON) {
		if (json_dumpf(doc, to, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) == 0)
			fputc('\n', to);
	} else {
		struct page page = {.to = to,
		                    .markdown = format == REPORT_MARKDOWN,
		                    .colour = format == REPORT_TEXT && o->colour,
		                    .width = o->width ? o->width : 100};
		report_sections(&page, doc, o->folder);
	}
	if (fflush(to) != 0 || ferror(to))
		return err_sys(err, errno ? errno : EIO, "could not write the report");
	return 0;
}
