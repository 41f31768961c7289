/* Built without libsystemd: no journal. */
#include <errno.h>

#include "io/journal.h"

static int absent(struct err *err)
{
	(void)err_set(err, -ENOSYS, "cannot read the journal: not built in");
	return err_hint(err, -ENOSYS, "This squall was built without the library libsystemd.");
}

int journal_end(const struct journal_filter *f, struct journal_place *place, struct err *err)
{
	return absent(err);
}

int journal_read(const struct journal_filter *f, struct journal_place *place, uint64_t max_bytes,
                 int (*each)(void *ctx, const char *message, size_t n), void *ctx, bool *more,
                 struct err *err)
{
	return absent(err);
}
