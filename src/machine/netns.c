/* Network namespaces. */
#include "machine/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/base.h"

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* A recorded machine has no namespaces to open, only their links and inode numbers. */
static int recorded_inode(const struct world *w, const char *path, uint64_t *ino)
{
	unsigned long long n;
	char key[NETNS_PATH_MAX + 8];
	const char *answer;
	BUF(link, 64);

	snprintf(key, sizeof(key), "inode %s", path);
	answer = world_answer(w, key);
	if (answer) {
		*ino = strtoull(answer, NULL, 10);
		return 0;
	}
	if (world_readlink(w, path, &link, NULL) < 0)
		return world_exists(w, path) ? -EINVAL : -ENOENT;
	if (sscanf(link.data, "net:[%llu]", &n) != 1)
		return -EINVAL;
	*ino = n;
	return 0;
}

/* The inode of the namespace that the path opens. */
static int path_inode(const struct world *w, const char *path, uint64_t *ino)
{
	_cleanup_fd_ int fd = -1;
	struct stat st;

	if (!world_is_real(w))
		return recorded_inode(w, path, ino);
	fd = world_openat(w, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return fd;
	/* ioctl_nsfs(2): fails with ENOTTY on what is no namespace. */
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return -EINVAL;
	if (fstat(fd, &st) < 0)
		return -errno;
	*ino = st.st_ino;
	return 0;
}

int netns_find(const struct world *w, const char *name, char path[NETNS_PATH_MAX], uint64_t *ino,
               struct err *err)
{
	char found[NETNS_PATH_MAX];
	uint64_t n = 0;
	int ret, len;

	len = snprintf(found, sizeof(found), "%s%s", *name == '/' ? "" : "/run/netns/", name);
	if (!*name || len >= (int)sizeof(found) || (*name != '/' && strchr(name, '/')))
		return err_set(err, -EINVAL, "cannot be a network namespace: \"%s\"", name);
	ret = path_inode(w, found, &n);
	if (ret == -EINVAL) {
		err_set(err, ret, "\"%s\" is not a network namespace", found);
		return *name == '/' && !ends_with(name, "/net")
		               ? err_hint(err, ret,
		                          "A namespace of a process is at /proc/PID/ns/net.")
		               : ret;
	}
	if (ret == -ENOENT) {
		err_set(err, ret, "no network namespace \"%s\"", name);
		return err_hint(err, ret,
		                "Named ones are listed by \"ls /run/netns\"; a path also works.");
	}
	if (ret < 0)
		return err_sys(err, -ret, "could not open network namespace \"%s\"", found);
	memcpy(path, found, sizeof(found));
	*ino = n;
	return 0;
}

int netns_of_process(const struct world *w, pid_t pid, uint64_t *ino, struct err *err)
{
	unsigned long long n;
	char path[40];
	int ret;
	BUF(link, 64);

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	else
		snprintf(path, sizeof(path), "/proc/self/ns/net");
	/* The link's text is enough, and can be read of more processes than can be opened. */
	ret = world_readlink(w, path, &link, err);
	if (ret == -ENOENT)
		return err_set(err, -ESRCH, "process %d is gone", pid);
	if (ret < 0)
		return ret;
	if (sscanf(link.data, "net:[%llu]", &n) != 1)
		return err_set(err, -EINVAL, "cannot read the network namespace of process %d",
		               pid);
	*ino = n;
	return 0;
}
