/* text.c - the nearest known word, for "did you mean". */
#include "base/base.h"

#include <string.h>

enum { WORD_MAX = 64 };

unsigned text_distance(const char *a, const char *b, unsigned cap)
{
	size_t n = strnlen(a, WORD_MAX), m = strnlen(b, WORD_MAX);
	unsigned row[3][WORD_MAX + 1];
	unsigned *before = row[0], *last = row[1], *now = row[2];

	if (n == WORD_MAX || m == WORD_MAX)
		return cap;
	for (size_t j = 0; j <= m; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *t;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned d = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < d)
				d = last[j] + 1;
			if (now[j - 1] + 1 < d)
				d = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < d)
				d = before[j - 2] + 1;
			now[j] = d;
		}
		t = before;
		before = last;
		last = now;
		now = t;
	}
	return last[m] < cap ? last[m] : cap;
}

const char *text_nearest(const char *word, const char *const *list)
{
	const char *best = NULL;
	unsigned best_distance = (unsigned)strnlen(word, WORD_MAX) / 3 + 2;

	for (; *list; list++) {
		unsigned d = text_distance(word, *list, best_distance);

		if (d < best_distance) {
			best = *list;
			best_distance = d;
		}
	}
	return best;
}
