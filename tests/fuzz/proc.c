/* Files below /proc and /etc as a kernel or a container could give them: the first byte says which
 * file of a recorded machine holds the rest of the input. */
#include "fuzz.h"

#include <fcntl.h>
#include <unistd.h>

#include "machine-read.h"
#include "machine/recorded.h"

static const char *const files[] = {
        "proc/1300/mountinfo",
        "proc/1300/cgroup",
        "proc/1200/stat",
        "proc/1200/status",
        "proc/1200/cmdline",
        "proc/1200/cgroup",
        "proc/1300/net/tcp",
        "proc/1300/net/tcp6",
        "proc/1300/net/udp",
        "proc/1300/net/udp6",
        "etc/passwd",
        "proc/1200/net/tcp",
        "proc/1200/comm",
        "proc/meminfo",
        "proc/loadavg",
        "proc/stat",
        "sys/fs/cgroup/unified/cgroup.procs",
        "proc/1300/net/unix",
};

static struct recorded machine;

static void machine_close(void)
{
	recorded_close(&machine);
}

void fuzz_begin(void)
{
	setenv("TMPDIR", fuzz_folder(), 1);
	assert(recorded_open(&machine, FUZZ_SOURCE "/tests/fuzz/proc.machine", NULL) == 0);
	assert(atexit(machine_close) == 0);
}

static bool file_lay(const char *name, const void *data, size_t n)
{
	_cleanup_fd_ int fd = openat(machine.world.root, name,
	                             O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd >= 0 && write_all(fd, data, n) == 0;
}

void fuzz_one(const char *text, size_t n)
{
	const char *name = n ? files[(uint8_t)text[0] % ARRAY_SIZE(files)] : NULL;
	_cleanup_free_ char *was = NULL;
	size_t was_n = 0;
	bool had;

	if (!name)
		return;
	had = file_take(machine.world.root, name, 1 << 20, &was, &was_n, NULL) == 0;
	if (!file_lay(name, text + 1, n - 1))
		return; /* this machine has no such folder */
	machine_read(&machine.world, n);
	if (had)
		assert(file_lay(name, was, was_n));
	else
		unlinkat(machine.world.root, name, 0);
}
