/* batch.c - an nfnetlink transaction that comes by the order channel. */
#include "helper/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/netlink.h"

int batch_take(int sock, int fd, char *batch, const char *length, const char *acks, struct err *err)
{
	size_t want = strtoul(length, NULL, 10);
	ssize_t n;
	do
		n = recv(sock, batch, BATCH_MAX, MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, errno, "could not read the transaction");
	if ((size_t)n != want || want > BATCH_MAX)
		return err_set(err, -EPROTO, "transaction has %zd bytes, %zu were announced", n,
		               want);
	return nl_ask(fd, batch, want, (unsigned)strtoul(acks, NULL, 10), NULL, NULL, err);
}
