/*
 * policy.h - the machine owner's word, read and checked. No machine is touched.
 *
 * Owns: everything below `struct policy`, in one arena; policy_free releases all. Invariants: every
 * rule only forbids, so that two policies hold at once when each of them is asked; what a file does
 * not say restricts nothing. A rule knows the line that it stands in. A floor is what must be left
 * to the machine whatever a file or a flag says; 0: no floor. Not to be assumed: that a policy with
 * errors may be used (whoever finds one refuses to run), or that a fault's own caution is a floor;
 * a user may tell a fault to go lower than its default, never lower than these.
 *
 * policy_keys is the format as data: reader, lint, manual, schema and completion read the one
 * table.
 */
#ifndef SQUALL_MODEL_POLICY_H
#define SQUALL_MODEL_POLICY_H

#include <stdint.h>

#include "model/experiment.h"

struct floors {
	uint64_t mem_bytes;  /* memory that stays available (MemAvailable) */
	uint64_t disk_bytes; /* space that stays free on each file system */
	uint64_t pids;       /* process ids that stay free */
	/* Whose word memory and disk are, "FILE:LINE"; NULL: not known. */
	const char *mem_by, *disk_by;
};

/* What may stand under a key. */
enum policy_kind {
	POLICY_VERSION,  /* the number 1 */
	POLICY_TEXT,     /* one text */
	POLICY_WORD,     /* one of the choices */
	POLICY_BOOL,     /* true or false */
	POLICY_DURATION, /* more than 0 */
	POLICY_SIZE,
	POLICY_COUNT,
	POLICY_PICK,    /* a number, a share or "all" */
	POLICY_ADDRESS, /* 10.0.0.1, 10.0.0.0/8, fd00::/8 */
	POLICY_PORTS,   /* 22, 8000-8010 */
	POLICY_TIME,    /* a time of day: 09:00, 24:00 */
	POLICY_DAYS,    /* list of days and spans of days: [mon-fri, sun] */
	POLICY_WORDS,   /* list of the choices */
	POLICY_GLOBS,   /* list of texts, * and ? allowed */
	POLICY_FAULTS,  /* list of faults, families ("net"), classes ("network") and globs ("net.*")
	                 */
	POLICY_LIMITS,  /* map: fault -> map: parameter -> "80%", "at most 80%", "at least 10%", or
	                   for texts a glob or a list of globs */
	POLICY_LIST,    /* list of maps; the keys of each are "NAME[].KEY" */
};

/* A key of the file, in the order of the manual. `name` is its path from the top: "times.zone" is
 * `zone:` in the map `times:`; "times.windows[].from" is `from:` in each map of that list. */
struct policy_key {
	const char *name;
	enum policy_kind kind;
	size_t offset; /* of the member that it sets, in struct policy or in the list's element */
	size_t size;   /* POLICY_LIST: of an element */
	const char *choices; /* POLICY_WORD, POLICY_WORDS: "a|b" */
	const char *dflt;    /* what holds when it is left out, for people */
	const char *example; /* a value as it is written in a file */
	const char *help;    /* one line, no full stop */
};
extern const struct policy_key policy_keys[]; /* ends with a NULL name */

/* Lists begin alike, so that the table can fill any of them. */
struct policy_texts {
	struct policy_text {
		struct where at;
		const char *text;
	} * v;
	size_t n;
	bool said; /* an empty list is a rule too */
};

struct policy_limit {
	struct where at;
	const char *fault, *param;
	const struct kind *kind; /* NULL: this build has no such fault */
	const struct param *of;
	bool at_least;          /* else at most */
	const char *says;       /* "80%" */
	uint64_t value;         /* in the parameter's unit */
	double number;          /* PARAM_NUMBER */
	const char *const *any; /* texts: one of these globs must match; NULL-terminated */
};

/* A process that matches every term of one entry is never harmed. */
struct policy_process {
	struct where at;
	const char *name, *exe, *user, *listens, *unit, *cgroup, *pid_file;
};

/* Traffic that may never be cut: what matches every term of one entry. */
struct policy_way {
	struct where at;
	struct policy_address {
		uint8_t family; /* 0: any */
		uint8_t length; /* of the prefix, in bits; host bits are 0 */
		uint8_t bytes[16];
	} address;
	struct policy_ports {
		uint16_t from, to; /* to 0: any */
	} ports;
	const char *interface; /* NULL: any; glob */
};

/* When runs may be made. Minutes of the day, local time; to <= from: over midnight. */
struct policy_window {
	struct where at;
	unsigned days; /* bit 0 is Sunday; 0: every day */
	struct policy_time {
		bool said;
		unsigned minute;
	} from, to; /* left out: 00:00, 24:00 */
};

struct policy {
	struct arena arena;
	const char *path;

	struct policy_texts faults_allowed, faults_denied;
	struct {
		struct policy_limit *v;
		size_t n;
		bool said;
	} limits;
	unsigned allow; /* bits of enum allow that a file or flag may say; all when left out */
	bool commands;  /* experiments may carry commands of their own (exec, custom) */
	struct pick targets;
	uint64_t max_duration_ns; /* UINT64_MAX: not said */
	struct {
		struct policy_process *v;
		size_t n;
		bool said;
	} processes;
	struct policy_texts units, cgroups;
	struct {
		struct policy_way *v;
		size_t n;
		bool said;
	} ways;
	const char *zone; /* NULL: the machine's own */
	struct {
		struct policy_window *v;
		size_t n;
		bool said;
	} windows;
	struct policy_texts users, groups;
	struct floors floors;
	const char *halt; /* "anyone" or "root" */

	struct where *said_at; /* by index in policy_keys; line 0: not said */
};

/* Is this text meant to be a policy (it says "squall-policy" at its top)? False for what is no
 * YAML. */
bool policy_is_meant(const char *text, size_t n);
/* Always returns a policy when the text parses as YAML (problems->errors tells whether it may be
 * used); NULL with one problem when it does not. */
struct policy *policy_read(const char *text, size_t n, const char *path, const struct catalogue *,
                           struct problems *) must_use;
void policy_free(struct policy *); /* NULL is allowed */
/* Where a key of the table was said; line 0: it was not. */
struct where policy_said(const struct policy *, const char *key);
/* How many keys of the table were said, the version not counted. */
size_t policy_rules(const struct policy *);

/* Does a word of `faults:` mean this fault? */
bool policy_fault_matches(const char *word, const struct kind *);
/* A moment of local time is inside one of the windows. wday: 0 is Sunday. True without windows. */
bool policy_is_open(const struct policy *, unsigned wday, unsigned minute);
/* policy_is_open for a moment of wall time, in the policy's zone. *change_ns: the next moment at
 * which that changes (to the minute), UINT64_MAX: not within eight days. */
bool policy_open_at(const struct policy *, uint64_t wall_ns, uint64_t *change_ns);

#endif
