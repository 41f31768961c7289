/*
 * sarif.h - problems of files as SARIF 2.1.0 (Static Analysis Results Interchange Format).
 *
 * Owns the log until sarif_take. Invariants: a rule for each code, the index of which each result
 * names; locations are relative as the path was given, percent-encoded (RFC 3986); columns count
 * code points, and the log says so.
 */
#ifndef SQUALL_CLI_SARIF_H
#define SQUALL_CLI_SARIF_H

#include <jansson.h>

#include "model/problem.h"

struct sarif {
	json_t *results, *notifications;
};

void sarif_init(struct sarif *);
void sarif_add(struct sarif *, const char *path, const struct problem *);
/* A file that could not be read. */
void sarif_unread(struct sarif *, const char *path, const char *what);
/* The whole log, new reference. */
json_t *sarif_take(struct sarif *) must_use;

#endif
