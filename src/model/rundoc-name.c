/*
 * The words for the three answers, and the exit code that they give.
 */
#include "model/rundoc.h"

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = {"none", "held", "refuted", "inconclusive", "no-effect"};

	return (size_t)v < ARRAY_SIZE(names) ? names[v] : "none";
}

const char *outcome_name(enum outcome o)
{
	static const char *const names[] = {"completed", "aborted", "expired",
	                                    "lost",      "errored", "refused"};

	return (size_t)o < ARRAY_SIZE(names) ? names[o] : "errored";
}

const char *cleanup_name(enum cleanup_state c)
{
	static const char *const names[] = {"clean", "residue", "unknown"};

	return (size_t)c < ARRAY_SIZE(names) ? names[c] : "unknown";
}

enum exit_code rundoc_exit(enum verdict v, enum outcome o, enum cleanup_state c,
                           bool nothing_achieved)
{
	if (c == CLEANUP_RESIDUE)
		return EXIT_RESIDUE;
	if (o == OUTCOME_ERRORED || c == CLEANUP_UNKNOWN)
		return EXIT_BROKEN;
	if (v == VERDICT_REFUTED)
		return EXIT_REFUTED;
	if (o == OUTCOME_REFUSED)
		return EXIT_REFUSED;
	if (o == OUTCOME_ABORTED)
		return EXIT_ABORTED;
	if (v == VERDICT_INCONCLUSIVE || v == VERDICT_NO_EFFECT || o == OUTCOME_EXPIRED ||
	    o == OUTCOME_LOST || nothing_achieved)
		return EXIT_NOTHING;
	return EXIT_HELD;
}
