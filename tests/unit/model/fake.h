/* fake.h - a small catalogue, so that reading is tested without the real tables. */
#ifndef SQUALL_TESTS_UNIT_MODEL_FAKE_H
#define SQUALL_TESTS_UNIT_MODEL_FAKE_H

#include "base/quantity.h"
#undef expect_check /* cmocka has a macro of that name */
#include "model/experiment.h"

struct fake_args {
	uint64_t duration, size, share, rate, count;
	double number;
	bool yes;
	const char *text, *choice;
	struct text_list list;
	struct text_map map;
	json_t *doc;
};

extern const struct kind fake_every; /* one parameter of each kind */
extern const struct catalogue fake_catalogue;

#endif
