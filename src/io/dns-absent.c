/* Built without c-ares: no questions. */
#include <errno.h>

#include "io/dns.h"

const char *dns_library(void)
{
	return NULL;
}

int dns_server_check(const char *server, struct err *err)
{
	return 0;
}

int dns_start(struct loop *loop, const struct dns_question *q, dns_done *done, void *ctx,
              struct dns **out, struct err *err)
{
	(void)err_set(err, -ENOSYS, "cannot ask a name server: not built in");
	return err_hint(err, -ENOSYS, "This squall was built without the library c-ares.");
}

void dns_cancel(struct dns *d)
{
}
