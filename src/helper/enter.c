/* enter.c - goes into a network namespace, for good. */
#include "helper/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/world.h"

static int refused(const char *path, struct err *err)
{
	(void)err_set(err, -EPERM, "not allowed in network namespace \"%s\"", path);
	return err_hint(err, -EPERM,
	                "Be root, or whoever made its user namespace (\"unshare -Urn\").");
}

/* Who enters a user namespace has new rights, and with those the kernel forgets the death signal
 * (PR_SET_PDEATHSIG, prctl(2)). */
static int owner_enter(int ns, const char *path, struct err *err)
{
	pid_t parent = getppid();
	_cleanup_fd_ int user = ioctl(ns, NS_GET_USERNS);

	if (user < 0 || setns(user, CLONE_NEWUSER) < 0 || setns(ns, CLONE_NEWNET) < 0)
		return refused(path, err);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		return err_set(err, -ESRCH, "who started this helper is gone");
	return 0;
}

int netns_enter(const char *path, const char *inode, struct err *err)
{
	struct stat want, here;
	struct world w;
	int code = world_open_real(&w, err);

	if (code < 0)
		return code;
	_cleanup_fd_ int ns = world_openat(&w, path, O_RDONLY);
	world_close(&w);
	if (ns < 0)
		return err_sys(err, -ns, "could not open network namespace \"%s\"", path);
	if (fstat(ns, &want) < 0 || stat("/proc/self/ns/net", &here) < 0)
		return err_sys(err, errno, "could not look at \"%s\"", path);
	if (want.st_ino != strtoull(inode, NULL, 10))
		return err_set(err, -ESTALE, "network namespace \"%s\" is gone", path);
	if (here.st_ino == want.st_ino && here.st_dev == want.st_dev)
		return 0;
	if (setns(ns, CLONE_NEWNET) == 0)
		return 0;
	return errno == EPERM ? owner_enter(ns, path, err)
	                      : err_sys(err, errno, "could not enter \"%s\"", path);
}
