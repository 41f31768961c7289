/*
 * param.h - parameters as data: one table feeds parser, command line, help, lint, man page, schema
 * and web form.
 *
 * A kind (fault, probe, action, command) is a struct whose parameters carry the offset of the
 * member of its args struct that they set. Storage by param_kind: DURATION SIZE SHARE RATE
 * COUNT: uint64_t (ns, bytes, ppm, bits a second, plain); NUMBER: double; BOOL: bool; TEXT ENUM:
 * const char * (NULL when left out without default); LIST: struct text_list; MAP: struct text_map;
 * DOC: json_t * (borrowed, NULL when left out).
 */
#ifndef SQUALL_MODEL_PARAM_H
#define SQUALL_MODEL_PARAM_H

#include <stddef.h>

#include "base/base.h"
#include "base/err.h"

enum param_kind {
	PARAM_DURATION,
	PARAM_SIZE,
	PARAM_SHARE,
	PARAM_RATE,
	PARAM_COUNT,
	PARAM_NUMBER,
	PARAM_BOOL,
	PARAM_TEXT,
	PARAM_ENUM, /* choices: words separated by "|" */
	PARAM_LIST, /* of texts; a single scalar is a list of one */
	PARAM_MAP,  /* of texts */
	PARAM_DOC,  /* any value */
};

enum param_flag {
	PARAM_REQUIRED = 1,
	PARAM_POSITIONAL = 2, /* on the command line also without its name, in table order */
	PARAM_RAMP = 4,       /* may carry levels */
	PARAM_SECRET = 8,     /* masked wherever shown */
	PARAM_PATH = 16,
	PARAM_HOSTS =
	        32, /* a list of addresses, where host names may stand, "^" before one or not */
};

struct text_list {
	size_t n;
	const char *const *v;
};
struct text_map {
	size_t n;
	const struct text_pair {
		const char *key, *value;
	} * v;
};

struct param {
	const char *name;
	enum param_kind kind;
	size_t offset;
	const char *dflt;      /* as text; NULL: none */
	const char *min, *max; /* as text, inclusive; NULL: none */
	const char *choices;   /* PARAM_ENUM: "a|b|c" */
	const char *help;      /* one line, no full stop */
	unsigned flags;
	const char *needs; /* faults: what the machine must be able to do (fault.h) when this is
	                      given; of PARAM_SHARE only */
};

/* A field of the document that a probe answers with; expectations are checked against it. */
enum field_kind {
	FIELD_NUMBER,
	FIELD_SECONDS,
	FIELD_BYTES,
	FIELD_SHARE,
	FIELD_RATE, /* bits a second */
	FIELD_TEXT,
	FIELD_BOOL,
	FIELD_LIST,
	FIELD_ANY
};
struct field {
	const char *name; /* dotted; "headers.*" matches one level of free names */
	enum field_kind kind;
	const char *help;
};

/* The head of every fault, probe and action. Tables end with a NULL name. */
struct kind {
	const char *name;    /* "net.delay", "http" */
	const char *summary; /* one line, no full stop */
	const char *man;     /* paragraphs for the manual and `squall faults NAME` */
	const struct param *params;
	size_t args_size;
	const struct field *fields;  /* probes: the documented answer; else NULL */
	const char *const *examples; /* command lines, NULL-terminated; may be NULL */
	const char *class_;          /* faults: "resource", "network", "state" */
	bool instant;                /* faults: done when applied (proc.kill), needs no `for` */
	bool irreversible;           /* faults: needs allow */
	const char *targets;         /* faults: selector kinds it takes, "host|process|cgroup" */
	/* faults on processes: of a unit or a container, all of its processes, planned one by one;
	 * else its main process */
	bool whole;
	/* What a table cannot say (two parameters that exclude each other). Returns 0, or -EINVAL
	 * with err. NULL: none. */
	int (*check)(const void *args, struct err *err);
};

/* Handed to model_read(); arrays end with NULL. */
struct catalogue {
	const struct kind *const *faults, *const *probes, *const *actions;
};

#endif
