/* netns.c - netlink sockets in the network namespace that an object names. */
#include "step/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/netlink.h"

int step_netns_open(const struct world *w, const char *path, uint64_t ino, int protocol, int *fd,
                    struct err *err)
{
	struct stat st = {0};
	_cleanup_fd_ int ns = world_openat(w, path, O_RDONLY);
	if (ns == -ENOENT || ns == -ESRCH)
		return err_set(err, -ESTALE, "network namespace \"%s\" is gone", path);
	if (ns < 0)
		return err_sys(err, -ns, "could not open network namespace \"%s\"", path);
	if (fstat(ns, &st) < 0)
		return err_sys(err, errno, "could not look at \"%s\"", path);
	if (st.st_ino != ino)
		return err_set(err, -ESTALE,
		               "network namespace \"%s\" is gone, another has its "
		               "name",
		               path);
	int code = nl_open_in(ns, protocol, fd, err);
	return code < 0 ? err_wrap(err, code, "\"%s\"", path) : 0;
}
