/* nft.c - holds the one netlink socket that owns a table: when this process ends, the table goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/helper.h"
#include "base/netlink.h"
#include "base/wire.h"
#include "base/world.h"
#include "helper/answer.h"
#include "helper/batch.h"

/*
 * Arguments: path of the network namespace, its inode. Answers "ok", or "err CODE TEXT HINT": once
 * when started, then once for each order. Orders: "batch LENGTH ACKS", followed by one datagram of
 * that many bytes: an nfnetlink transaction, sent to the kernel as it is.
 */
static int socket_open(const char *path, const char *inode, int *fd, struct err *err)
{
	struct world w;
	struct stat st;
	int code = world_open_real(&w, err);
	if (code < 0)
		return code;
	_cleanup_fd_ int ns = world_openat(&w, path, O_RDONLY);
	world_close(&w);
	if (ns < 0)
		return err_sys(err, -ns, "could not open network namespace \"%s\"", path);
	if (fstat(ns, &st) < 0)
		return err_sys(err, errno, "could not look at \"%s\"", path);
	if (st.st_ino != strtoull(inode, NULL, 10))
		return err_set(err, -ESTALE, "network namespace \"%s\" is gone", path);
	return nl_open_in(ns, NETLINK_NETFILTER, fd, err);
}

static int serve(int sock, const char *const *args, char *batch)
{
	_cleanup_fd_ int fd = -1;
	struct err e = ERR_INIT;
	struct wire m;
	int code = 0;
	if (!args[0] || !args[1])
		code = err_set(&e, -EINVAL, "helper needs a network namespace and its inode");
	else if (!batch)
		code = err_set(&e, -ENOMEM, "no memory for a transaction");
	else
		code = socket_open(args[0], args[1], &fd, &e);
	if (answer(sock, code, &e) < 0 || code < 0)
		return 1;
	while (wire_recv(sock, &m, true) == 0) {
		const char *argv[WIRE_ARGS];
		int argc = wire_split(&m, argv);
		if (argc != 3 || strcmp(argv[0], "batch") != 0)
			code = err_set(&e, -EPROTO, "helper does not know this order");
		else
			code = batch_take(sock, fd, batch, argv[1], argv[2], &e);
		BOUNDARY("nft helper: transaction done");
		if (answer(sock, code, &e) < 0)
			break;
	}
	return 0;
}

static int nft_main(int sock, const char *const *args)
{
	char *batch = malloc(BATCH_MAX);
	int status = serve(sock, args, batch);
	free(batch);
	return status;
}

const struct helper_type helper_nft = {.name = "nft", .main = nft_main};
