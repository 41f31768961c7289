/*
 * base.h - what every file may use: attributes, sizes, cleanup helpers.
 */
#ifndef SQUALL_BASE_BASE_H
#define SQUALL_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define must_use __attribute__((warn_unused_result))
#define printf_like(f, a) __attribute__((format(printf, f, a)))
#define cleanup(f) __attribute__((cleanup(f)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Closes *fd when it is not negative and sets it to -1; errno is kept. */
void fd_close(int *fd);
#define _cleanup_fd_ cleanup(fd_close)
/* free(*p), for cleanup attributes on any pointer. */
void mem_free(void *p);
#define _cleanup_free_ cleanup(mem_free)
/* Moves the descriptor out: returns *fd and leaves -1. */
int fd_take(int *fd);

/* Damerau-Levenshtein distance, capped at `cap` (returns cap when greater). For "did you mean". */
unsigned text_distance(const char *a, const char *b, unsigned cap);
/* The nearest of a NULL-terminated list to `word`, or NULL when none is near enough to suggest. */
const char *text_nearest(const char *word, const char *const *list);

#endif
