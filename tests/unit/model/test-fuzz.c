/* test-fuzz.c - good and bad files with bytes changed: never a crash, never without an answer. The
 * seed of a failure is its name. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"
#include "fake.h"

enum { FILES_MAX = 64, TEXT_MAX = 16384 };

static const char *folder;
static struct corpus {
	size_t n;
	char *text[FILES_MAX];
	size_t len[FILES_MAX];
} corpus;

static int corpus_read(void **state)
{
	struct dirent **v;
	int n = scandir(folder, &v, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char path[512];
		const char *dot = strrchr(v[i]->d_name, '.');
		bool wanted = dot != NULL && strcmp(dot, ".out") != 0 && corpus.n < FILES_MAX;
		snprintf(path, sizeof(path), "%s/%s", folder, v[i]->d_name);
		FILE *f = wanted ? fopen(path, "r") : NULL;
		if (f != NULL) {
			corpus.text[corpus.n] = malloc(TEXT_MAX);
			corpus.len[corpus.n] = fread(corpus.text[corpus.n], 1, TEXT_MAX, f);
			corpus.n++;
			fclose(f);
		}
		free(v[i]);
	}
	free(v);
	return corpus.n > 0 ? 0 : -1;
}

static int corpus_free(void **state)
{
	for (size_t i = 0; i < corpus.n; i++)
		free(corpus.text[i]);
	return 0;
}

static size_t mutate(struct rng *rng, char *text, size_t n)
{
	static const char *const words[] = {
	        "${slow}",  "${",
	        "$${x}",    "null",
	        "~",        "[]",
	        "{}",       "- ",
	        ": ",       "\n",
	        "\t",       "\"",
	        "'",        "*a",
	        "&a ",      "!x ",
	        "all",      "host",
	        "-1",       "1e99",
	        "0",        "999999999999999999999",
	        "100%",     "5s",
	        "1MiB",     "any",
	        "not",      "levels: [1ms, 2ms]",
	        "jq: .",    "matches: (",
	        "#",        "|\n",
	        ">\n",      "\xff",
	        "\xc3\xa4",
	};
	for (uint64_t times = 1 + rng_below(rng, 6); times > 0 && n > 0; times--) {
		size_t at = rng_below(rng, n), len = 1 + rng_below(rng, 20);
		len = len < n - at ? len : n - at;
		const char *word = words[rng_below(rng, ARRAY_SIZE(words))];
		size_t word_n = strlen(word);
		switch (rng_below(rng, 6)) {
		case 0: /* a byte */
			text[at] = (char)rng_below(rng, 256);
			break;
		case 1: /* cut out */
			memmove(text + at, text + at + len, n - at - len);
			n -= len;
			break;
		case 2: /* twice */
			memmove(text + at + len, text + at, n - at);
			n += len;
			break;
		case 3: /* a word over what is there */
			for (size_t i = 0; i < word_n && at + i < n; i++)
				text[at + i] = word[i];
			break;
		case 4: /* a word between */
			memmove(text + at + word_n, text + at, n - at);
			memcpy(text + at, word, word_n);
			n += word_n;
			break;
		default: /* swap two bytes */
			len = rng_below(rng, n);
			char c = text[at];
			text[at] = text[len];
			text[len] = c;
			break;
		}
	}
	return n;
}

static void read_one(const char *text, size_t n, uint64_t seed)
{
	static const struct var_override overrides[] = {{"slow", "300ms"}};
	struct arena arena;
	struct problems p;
	arena_init(&arena, 4 << 20);
	problems_init(&p, &arena);
	p.values_may_lack = seed % 2 == 0;
	struct experiment *x =
	        experiment_read(text, n, "fuzz", &fake_catalogue, overrides, seed % 3 == 0, &p);
	problems_sort(&p);
	if (x == NULL && p.errors == 0)
		fail_msg("seed %llu: neither an experiment nor a problem",
		         (unsigned long long)seed);
	for (size_t i = 0; i < p.n; i++)
		if (strpbrk(p.v[i].text, "\n\r\x1b") != NULL || p.v[i].code == NULL)
			fail_msg("seed %llu: \"%s\"", (unsigned long long)seed, p.v[i].text);
	/* What the engine takes for granted. */
	for (size_t i = 0; x != NULL && p.errors == 0 && i < x->attacks_n; i++) {
		const struct method *m = x->attacks[i];
		if (m->id == NULL || m->id[0] == '\0' || m->selector.says == NULL ||
		    (m->call.kind != NULL && m->call.args == NULL) || m->call.levels == 0)
			fail_msg("seed %llu: attack %zu", (unsigned long long)seed, i);
		for (size_t l = 0; m->call.kind != NULL && l < m->call.levels; l++)
			assert_non_null(call_bind(x, &m->call, l, &arena, &p));
	}
	for (size_t i = 0; x != NULL && p.errors == 0 && i < x->steady_n; i++)
		if (x->steady[i].expect == NULL || x->steady[i].every_ns == 0)
			fail_msg("seed %llu: steady %zu", (unsigned long long)seed, i);
	experiment_free(x);
	arena_release(&arena);
}

static void mutations(void **state)
{
	const char *times = getenv("SQUALL_FUZZ");
	uint64_t most = times != NULL ? strtoull(times, NULL, 10) : 6000;
	for (uint64_t seed = 1; seed <= most; seed++) {
		struct rng rng = {seed};
		char text[TEXT_MAX + 512];
		size_t i = rng_below(&rng, corpus.n), n = corpus.len[i];
		memcpy(text, corpus.text[i], n);
		n = mutate(&rng, text, n);
		/* a copy of its own length, so that a sanitizer sees a read past the end */
		char *own = malloc(n > 0 ? n : 1);
		memcpy(own, text, n);
		read_one(own, n, seed);
		free(own);
	}
}

static void any_memory(void **state)
{
	/* The problems' arena full at any point: fewer problems, never a crash. */
	for (size_t bound = 0; bound < 20000; bound += 400) {
		struct arena arena;
		struct problems p;
		arena_init(&arena, bound);
		problems_init(&p, &arena);
		for (size_t i = 0; i < corpus.n; i++) {
			struct experiment *x = experiment_read(corpus.text[i], corpus.len[i], "x",
			                                       &fake_catalogue, NULL, 0, &p);
			experiment_free(x);
		}
		assert_true(p.errors > 0);
		arena_release(&arena);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(mutations),
	        cmocka_unit_test(any_memory),
	};
	folder = argc > 1 ? argv[1] : "tests/lint";
	return cmocka_run_group_tests(tests, corpus_read, corpus_free);
}
