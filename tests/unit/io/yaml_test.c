/* Nodes with their places, what is refused, and hostile text within a second and 100 MB. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "io/yaml.h"

enum { MIB = 1 << 20 };

/* Sanitizers need room of their own, and are slow. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

struct parsed {
	struct arena arena;
	const struct node *root;
	struct where at;
	struct err err;
	int r;
};

static struct parsed parse(const char *text, size_t n)
{
	struct parsed p = {.err = ERR_INIT};
	arena_init(&p.arena, 64 * MIB);
	p.r = yaml_read(text, n, &p.arena, &p.root, &p.at, &p.err);
	return p;
}

static void places(void **state)
{
	static const char text[] = "# comment\n"
	                           "a: 1\n"
	                           "list:\n"
	                           "  - x\n"
	                           "  - {k: 'v', q: \"two\"}\n"
	                           "empty:\n"
	                           "block: |\n"
	                           "  two\n"
	                           "  lines\n"
	                           "\xc3\xa4: {b: [true, ~]}\n";
	struct parsed p = parse(text, sizeof(text) - 1);
	assert_int_equal(p.r, 0);
	const struct node *n = node_get(p.root, "a");
	assert_int_equal(n->type, NODE_SCALAR);
	assert_int_equal(n->at.line, 2);
	assert_int_equal(n->at.col, 4);
	assert_false(n->quoted);
	n = node_get(p.root, "list");
	assert_int_equal(n->type, NODE_LIST);
	assert_int_equal(n->n, 2);
	assert_int_equal(n->v[0].value->at.line, 4);
	assert_int_equal(n->v[0].value->at.col, 5);
	n = n->v[1].value;
	assert_string_equal(n->v[0].key, "k");
	assert_int_equal(n->v[0].key_at.col, 6);
	assert_true(n->v[0].value->quoted);
	assert_string_equal(node_get(n, "q")->text, "two");
	assert_int_equal(node_get(n, "q")->at.col, 17);
	n = node_get(p.root, "empty");
	assert_int_equal(n->type, NODE_NULL);
	assert_int_equal(n->at.line, 6);
	assert_string_equal(node_get(p.root, "block")->text, "two\nlines\n");
	n = node_get(node_get(p.root, "\xc3\xa4"), "b");
	assert_int_equal(n->at.line, 10);
	assert_int_equal(n->at.col, 8);
	assert_int_equal(n->v[1].value->type, NODE_NULL);
	assert_null(node_get(p.root, "none"));
	assert_null(node_get(n, "none"));
	arena_release(&p.arena);
}

static void to_json(void **state)
{
	static const struct {
		const char *yaml, *json;
	} v[] = {
	        {"[true, false, null, ~, '']", "[true,false,null,null,\"\"]"},
	        {"[1, -2, +3, 0x10, 0o17, 1.5, -2e3, .5]", "[1,-2,3,16,15,1.5,-2000.0,0.5]"},
	        {"['1', \"true\", 1.2.3, 5s, 1e, .inf, 0x]",
	         "[\"1\",\"true\",\"1.2.3\",\"5s\",\"1e\",\".inf\",\"0x\"]"},
	        {"{a: {b: [c]}, d: }", "{\"a\":{\"b\":[\"c\"]},\"d\":null}"},
	        {"[99999999999999999999, 1e999]", "[\"99999999999999999999\",\"1e999\"]"},
	        {"{\"a\":\t[1,\n\t2]}", "{\"a\":[1,2]}"},
	        {"[!!str 5]", "[\"5\"]"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct parsed p = parse(v[i].yaml, strlen(v[i].yaml));
		if (p.r != 0)
			fail_msg("%s: %s", v[i].yaml, p.err.what);
		json_t *j = node_to_json(p.root);
		char *text = json_dumps(j, JSON_COMPACT);
		assert_string_equal(text, v[i].json);
		free(text);
		json_decref(j);
		arena_release(&p.arena);
	}
}

static void refused(void **state)
{
	static const struct {
		const char *text, *what;
		uint32_t line, col;
	} v[] = {
	        {"", "the file is empty", 1, 1},
	        {"# nothing\n", "the file is empty", 1, 1},
	        {"a: &x 1\n", "anchors and aliases are not allowed", 1, 5},
	        {"a: *x\n", "anchors and aliases are not allowed", 1, 5},
	        {"a: !!int 5\n", "tags are not allowed", 1, 4},
	        {"a: !mine {}\n", "tags are not allowed", 1, 4},
	        {"a: 1\nb: 2\na: 3\n", "key \"a\" is repeated", 3, 1},
	        {"{a: 1, b: {c: 1, c: 2}}", "key \"c\" is repeated", 1, 18},
	        {"a: 1\n---\nb: 2\n", "the file holds more than one document", 2, 1},
	        {"a: b\x01\n", "control character 0x01 is not allowed", 1, 5},
	        {"a: \xff\n", "byte 0xff is not UTF-8", 1, 4},
	        {"a: \xed\xa0\x80\n", "byte 0xed is not UTF-8", 1, 4},
	        {"a: \xc0\x80\n", "byte 0xc0 is not UTF-8", 1, 4},
	        {"a: \"\\0\"\n", "a NUL byte is not text", 1, 4},
	        {"%YAML 1.2\n---\na: 1\n",
	         "directives (a line that begins with \"%\") are not allowed", 1, 1},
	        {"? [a]\n: b\n", "a key must be a word, not a list", 1, 3},
	        {"a:\n  : b\n", "a key is empty", 2, 3},
	        {"a: [1, 2\n", NULL, 2, 1},
	        {"a: 'x\n", NULL, 1, 5},
	        {"a: b: c\n", NULL, 1, 5},
	        {"a:\n\t- b\n", NULL, 2, 1},
	};
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct parsed p = parse(v[i].text, strlen(v[i].text));
		if (p.r >= 0 || (v[i].what != NULL && strcmp(p.err.what, v[i].what) != 0) ||
		    p.at.line != v[i].line || p.at.col != v[i].col)
			fail_msg("\"%s\": %d, %u:%u, %s", v[i].text, p.r, p.at.line, p.at.col,
			         p.err.what);
		arena_release(&p.arena);
	}
	struct parsed p = parse("a: b\0c\n", 7);
	assert_int_equal(p.r, -EINVAL);
	assert_string_equal(p.err.what, "a NUL byte is not text");
	arena_release(&p.arena);
	p = parse("\xef\xbb\xbf"
	          "a: 1\n",
	          8);
	assert_int_equal(p.r, 0);
	arena_release(&p.arena);
}

static void arena_full(void **state)
{
	static const char text[] = "a: [b, c, {d: e, f: g, h: [i, j, k]}]\n";
	for (size_t bound = 0; bound < 4096; bound += 16) {
		struct parsed p = {.err = ERR_INIT};
		arena_init(&p.arena, bound);
		p.r = yaml_read(text, sizeof(text) - 1, &p.arena, &p.root, &p.at, &p.err);
		assert_true(p.r == 0 ? p.root != NULL : p.err.what[0] != '\0');
		arena_release(&p.arena);
	}
}

/* head, then `unit` again and again up to n bytes, then tail. */
struct hostile {
	const char *name, *head, *unit, *tail;
	size_t n;
};

static const struct hostile hostiles[] = {
        {"20,000 levels of flow", "", "[", "", 20000},
        {"20,000 maps", "", "{a: ", "", 80000},
        {"nothing but brackets", "", "[", "", MIB},
        {"brackets below the limit", "", "[{", "", 99000},
        {"20,000 dashes", "", "- ", "x", 40000},
        {"a line of dashes", "", "- ", "", MIB},
        {"question marks", "", "? ", "", 99000},
        {"a million lines", "", "a: 1\n", "", 5000000},
        {"a million empty lines", "", "\n", "", 1000000},
        {"comments", "", "#\n", "", MIB},
        {"a long list", "", "- 1\n", "", MIB},
        {"a long flow", "[", "1,", "]", 190000},
        {"flow of pairs", "[", "a: 1,", "]", 240000},
        {"colons in a flow", "[", ": ", "]", 190000},
        {"dashes in a flow", "[", "- ", "]", MIB - 2},
        {"commas", "[", ",", "]", 99000},
        {"anchors", "", "&a ", "", MIB},
        {"aliases", "", "- *a\n", "", MIB},
        {"tags", "", "! ", "", MIB},
        {"a tag of escapes", "!<", "%41", "> x", MIB - 8},
        {"a tag of escapes in a flow", "[,!<", "%41", "> x]", MIB - 10},
        {"a directive", "%YAML ", "1", "\n", MIB - 8},
        {"percent signs", "", "%", "", MIB},
        {"a huge plain text", "a: ", "x", "", MIB - 3},
        {"a huge quoted text", "a: \"", "\\n", "\"", MIB - 6},
        {"a huge single-quoted text", "a: '", "''", "'", MIB - 6},
        {"a huge block", "a: |\n", "  x\n", "", MIB - 8},
        {"a huge folded block", "a: >\n", "  x\n", "", MIB - 8},
        {"a folded block of blanks", "a: >\n", "  \n", "", MIB - 8},
        {"a block of empty lines", "a: |\n", "\n", "", MIB - 8},
        {"a plain text over lines", "", "a\n", "", MIB},
        {"empty lines in a plain text", "a: x", "\n", "  y", MIB - 8},
        {"a huge key", "", "x", ": 1", MIB - 4},
        {"an open quote", "a: \"", "x", "", MIB - 4},
        {"an open flow", "{a: ", "x\n", "", MIB - 4},
        {"tabs", "", "\t", "", MIB},
        {"carriage returns", "", "a: 1\r", "", MIB},
        {"bars", "", "a: |\n", "", MIB},
        {"larger than allowed", "", "a", "", 8 * MIB},
};

static char *hostile_make(const struct hostile *h, size_t *n)
{
	size_t head = strlen(h->head), unit = strlen(h->unit), tail = strlen(h->tail);
	char *text = malloc(h->n + head + unit + tail + 1), *p = text;
	assert_non_null(text);
	p = mempcpy(p, h->head, head);
	while ((size_t)(p - text) + unit <= h->n)
		p = mempcpy(p, h->unit, unit);
	p = mempcpy(p, h->tail, tail);
	*n = (size_t)(p - text);
	return text;
}

/* In a child with little memory: what it used is then its own. Returns milliseconds of processor
 * time. */
static long child_parse(const char *name, const char *text, size_t n)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit room = {160 * MIB, 160 * MIB};
		if (!SANITIZED)
			setrlimit(RLIMIT_AS, &room);
		struct rlimit time = {20, 20};
		setrlimit(RLIMIT_CPU, &time);
		struct parsed p = parse(text, n);
		_exit(p.r == 0 ? 0 : p.err.what[0] != '\0' && p.at.line > 0 && p.r < 0 ? 1 : 2);
	}
	int status;
	struct rusage used;
	assert_int_equal(wait4(pid, &status, 0, &used), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
		fail_msg("%s: ended with 0x%x", name, (unsigned)status);
	if (!SANITIZED && used.ru_maxrss > 100 * 1024)
		fail_msg("%s: took %ld kB", name, used.ru_maxrss);
	return used.ru_utime.tv_sec * 1000 + used.ru_utime.tv_usec / 1000 +
	       used.ru_stime.tv_sec * 1000 + used.ru_stime.tv_usec / 1000;
}

static void hostile_text(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(hostiles); i++) {
		size_t n;
		char *text = hostile_make(&hostiles[i], &n);
		long ms = child_parse(hostiles[i].name, text, n);
		if (!SANITIZED && ms > 1000)
			fail_msg("%s: took %ld ms", hostiles[i].name, ms);
		free(text);
	}
}

/* Every seed gives the same bytes; a failure names it. */
static void random_bytes(void **state)
{
	static const char marks[] = "abc: -[]{}#&*!|>'\"%@`\n\n \t,?0";
	for (uint64_t seed = 1; seed <= 4000; seed++) {
		struct rng rng = {seed};
		char text[256];
		size_t n = rng_below(&rng, sizeof(text));
		for (size_t i = 0; i < n; i++)
			text[i] = seed % 4 == 0 ? (char)rng_below(&rng, 256)
			                        : marks[rng_below(&rng, sizeof(marks) - 1)];
		struct parsed p = parse(text, n);
		if (p.r == 0 ? p.root == NULL : (p.err.what[0] == '\0' || p.at.line == 0))
			fail_msg("seed %llu", (unsigned long long)seed);
		if (p.r == 0)
			json_decref(node_to_json(p.root));
		arena_release(&p.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(places),       cmocka_unit_test(to_json),
	        cmocka_unit_test(refused),      cmocka_unit_test(arena_full),
	        cmocka_unit_test(hostile_text), cmocka_unit_test(random_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
