/*
 * load.h - an experiment file (or, for lint, a policy) from the command line, read and checked.
 *
 * Owns: text, experiment and problems. Bounded: a file larger than LOAD_MAX is refused before it is
 * read whole.
 */
#ifndef SQUALL_CLI_LOAD_H
#define SQUALL_CLI_LOAD_H

#include "cli/command.h"
#include "model/policy.h"

enum { LOAD_MAX = 8 << 20 };

struct loaded {
	const char *path; /* as given; "-" is standard input */
	char *text;
	size_t n;
	struct arena arena; /* of the problems */
	struct problems problems;
	struct experiment *x; /* NULL when the text is no YAML, or a policy */
	struct policy *policy;
};

/* Reads the file. Negative: it could not be opened or is too large; problems are not failures. The
 * struct must not be moved afterwards. values_may_lack: a variable without a value is no error. */
int load(struct cli *, const char *path, const struct text_map *vars, bool values_may_lack,
         struct loaded *, struct err *) must_use;
void load_release(struct loaded *);
#define _cleanup_loaded_ cleanup(load_release)
/* As load, but errors are shown: EXIT_HELD when it may be used. allow: bits of enum allow that the
 * command line gave, added to the file's. */
enum exit_code load_good(struct cli *, const char *path, const struct text_map *vars,
                         unsigned allow, struct loaded *);
/* "irreversible,host-wide" and repeated: bits of enum allow. -EINVAL names the nearest word. */
int allow_parse(const struct text_list *, unsigned *allow, struct err *) must_use;
/* Features that the file asks for and this build lacks, named on standard error: EXIT_CANNOT, or
 * EXIT_HELD when there are none. */
enum exit_code unbuilt_refuse(const struct experiment *);

#endif
