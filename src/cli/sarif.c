/* sarif.c - problems of files as SARIF 2.1.0. */
#include "cli/sarif.h"

#include <stdio.h>
#include <string.h>

enum { URI_MAX = 4096 * 3, MESSAGE_MAX = 1600 };

/* Every byte that may not stand in a path of a URI as %XX (RFC 3986, pchar and "/"). */
static void uri_of(const char *path, char *uri)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	                           "-._~!$&'()*+,;=@/";
	char *to = uri;

	if (strcmp(path, "-") == 0)
		path = "stdin";
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	if (path[0] == '/')
		to = stpcpy(uri, "file://");
	for (; *path && to - uri < URI_MAX - 4; path++)
		to += strchr(good, *path) ? sprintf(to, "%c", *path)
		                          : sprintf(to, "%%%02X", (unsigned char)*path);
	*to = '\0';
}

static size_t rule_index(const char *code)
{
	size_t i = 0;

	while (problem_rules[i].code && strcmp(problem_rules[i].code, code) != 0)
		i++;
	return i;
}

static json_t *rules(void)
{
	json_t *list = json_array();

	for (const struct problem_rule *r = problem_rules; r->code; r++)
		json_array_append_new(
		        list, json_pack("{s:s, s:{s:s}, s:{s:s}, s:{s:s}}", "id", r->code,
		                        "shortDescription", "text", r->says, "help", "text",
		                        r->help, "defaultConfiguration", "level",
		                        r->severity == PROBLEM_ERROR ? "error" : "warning"));
	return list;
}

void sarif_init(struct sarif *s)
{
	*s = (struct sarif){json_array(), json_array()};
}

static json_t *place(const char *path, const struct where *at)
{
	char uri[URI_MAX];
	json_t *physical;

	uri_of(path, uri);
	physical = json_pack("{s:{s:s}}", "artifactLocation", "uri", uri);
	/* Without a line the place is the file. */
	if (at && at->line)
		json_object_set_new(physical, "region",
		                    json_pack("{s:i, s:i}", "startLine", (int)at->line,
		                              "startColumn", at->col ? (int)at->col : 1));
	return json_pack("[{s:o}]", "physicalLocation", physical);
}

void sarif_add(struct sarif *s, const char *path, const struct problem *p)
{
	char text[MESSAGE_MAX];

	snprintf(text, sizeof(text), "%s.%s%s", p->text, p->hint ? " " : "",
	         p->hint ? p->hint : "");
	json_array_append_new(s->results,
	                      json_pack("{s:s, s:i, s:s, s:{s:s}, s:o}", "ruleId", p->code,
	                                "ruleIndex", (int)rule_index(p->code), "level",
	                                p->severity == PROBLEM_ERROR ? "error" : "warning",
	                                "message", "text", text, "locations", place(path, &p->at)));
}

void sarif_unread(struct sarif *s, const char *path, const char *what)
{
	json_t *text = json_string(what); /* a path need not be UTF-8 */

	json_array_append_new(s->notifications,
	                      json_pack("{s:s, s:{s:o}, s:o}", "level", "error", "message", "text",
	                                text ? text : json_string("could not read the file"),
	                                "locations", place(path, NULL)));
}

json_t *sarif_take(struct sarif *s)
{
	bool good = json_array_size(s->notifications) == 0;
	json_t *invocation = json_pack("{s:b, s:o}", "executionSuccessful", good,
	                               "toolExecutionNotifications", s->notifications);
	json_t *driver =
	        json_pack("{s:s, s:s, s:s, s:o}", "name", "squall", "version", SQUALL_VERSION,
	                  "semanticVersion", SQUALL_VERSION, "rules", rules());
	json_t *run =
	        json_pack("{s:{s:o}, s:[o], s:s, s:o}", "tool", "driver", driver, "invocations",
	                  invocation, "columnKind", "unicodeCodePoints", "results", s->results);

	*s = (struct sarif){0};
	return json_pack("{s:s, s:s, s:[o]}", "$schema",
	                 "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0",
	                 "runs", run);
}
