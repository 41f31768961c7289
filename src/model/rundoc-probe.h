/*
 * rundoc-probe.h - what the run document keeps of one probe: exact counts, and a series of bounded
 * length. For rundoc.c alone.
 *
 * Invariants: counts are exact; the series holds each `stride`-th look in the order told, and is
 * halved (stride doubled) when it is full.
 */
#ifndef SQUALL_MODEL_RUNDOC_PROBE_H
#define SQUALL_MODEL_RUNDOC_PROBE_H

#include "model/rundoc.h"

enum rundoc_when { WHEN_BEFORE, WHEN_DURING, WHEN_AFTER, WHEN_N };
extern const char *const rundoc_when_names[WHEN_N];

struct rundoc_point {
	uint64_t t_ns;
	float seconds; /* negative: not known */
	bool hit;
};

struct rundoc_probe {
	char id[128];
	uint64_t looks[WHEN_N], misses[WHEN_N];
	double least, most, sum; /* seconds of the looks that were answered */
	uint64_t timed;
	struct rundoc_point last;
	char last_why[256];
	size_t said;
	struct rundoc_point *series;
	size_t n, cap;
	uint64_t told, stride;
};

void rundoc_probe_init(struct rundoc_probe *, const char *id);
void rundoc_probe_release(struct rundoc_probe *);
/* Counts a `look` entry. most: the greatest length of the series. */
void rundoc_probe_add(struct rundoc_probe *, const json_t *look, size_t most);
/* Counts n looks of the attack that were never answered. */
void rundoc_probe_unanswered(struct rundoc_probe *, uint64_t n);
/* Writes counts and series into its member of doc.probes. */
void rundoc_probe_write(const struct rundoc_probe *, json_t *to);

#endif
