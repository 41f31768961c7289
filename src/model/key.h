/*
 * key.h - the keys of squall's own files as data: one table feeds reader, schema, completion and
 * manual.
 *
 * What faults and probes take is said by their own tables (param.h); these are the words around
 * them. Tables end with a NULL name. Not to be assumed: that the kind of a key says all about its
 * value; the reader of a section also knows what goes together.
 */
#ifndef SQUALL_MODEL_KEY_H
#define SQUALL_MODEL_KEY_H

#include "model/param.h"

enum key_kind {
	KEY_TEXT,
	KEY_ID,
	KEY_DURATION,
	KEY_TIME,  /* a duration that is not 0 */
	KEY_SHARE, /* at most 100% */
	KEY_PID,
	KEY_PORT,
	KEY_CGROUP, /* begins with "/" */
	KEY_PICK,   /* a count, a share or "all" */
	KEY_BOOL,
	KEY_WORD,   /* one of `words` */
	KEY_WORDS,  /* a list of `words` */
	KEY_TEXTS,  /* a list */
	KEY_LABELS, /* a map of free names to texts */
	KEY_MAP,    /* of `keys` */
	/* The rest have a reader of their own. */
	KEY_VERSION, /* of the format */
	KEY_VARS,
	KEY_STEADY,   /* a list of keys_steady and a probe */
	KEY_MONITORS, /* a list of keys_monitor and a probe */
	KEY_ABORTS,   /* a list of one of keys_misses, keys_slo, keys_look */
	KEY_STEPS,    /* a list of steps of the method */
	KEY_FAULT,    /* a fault's name */
	KEY_WITH,     /* the fault's parameters */
	KEY_CONTROL,  /* some of the probe's parameters */
	KEY_PROBE,    /* a map of one probe's name to its parameters */
	KEY_EXPECT,   /* an expectation on the probe's answer */
	KEY_JUDGE,    /* an expectation on the run, run_fields */
	KEY_TARGET,   /* "host", or a map of keys_target */
	KEY_HOST,     /* takes no value */
	KEY_NOT,      /* a map of keys_term, or a list of such */
	KEY_VALUES,   /* the levels of a parameter */
	KEY_LIMIT,    /* a value of the variable's type */
};

struct key {
	const char *name;
	enum key_kind kind;
	const char *help;         /* one line, no full stop */
	const char *dflt;         /* as text; NULL: none */
	const char *const *words; /* KEY_WORD, KEY_WORDS */
	const struct key *keys;   /* KEY_MAP */
	bool required;
	bool later; /* read and checked, but no build can do it yet */
};

extern const struct key keys_experiment[], keys_var[], keys_hypothesis[], keys_steady[],
        keys_monitor[], keys_misses[], keys_slo[], keys_budget[], keys_look[], keys_blast[],
        keys_attack[], keys_wait[], keys_together[], keys_action[], keys_levels[], keys_target[],
        keys_term[], keys_recovery[];
/* Words by the order of the enums that they stand for, after a NONE where there is one. */
extern const char *const words_layer[],
        *const words_allow[], *const words_on_miss[], *const words_on_error[],
                                                              *const words_verdict[],
                                                                      *const words_type[],
                                                                              *const words_bool[];
/* The run as `success` and `failure` see it. */
extern const struct field run_fields[];

const struct key *key_find(const struct key *keys, const char *name);

#endif
