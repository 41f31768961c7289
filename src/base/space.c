/* space.c - how much room a file system has. */
#include "base/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statfs.h>

static void blocks_to_bytes(struct space *s, uint64_t total, uint64_t left, uint64_t available)
{
	s->total_bytes = total * s->block_bytes;
	s->free_bytes = left * s->block_bytes;
	s->available_bytes = available * s->block_bytes;
}

int space_read_fd(int fd, struct space *s, struct err *err)
{
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return err_sys(err, errno, "could not ask for the space of the file system");
	s->block_bytes = (uint64_t)(st.f_frsize ? st.f_frsize : st.f_bsize);
	blocks_to_bytes(s, st.f_blocks, st.f_bfree, st.f_bavail);
	return 0;
}

int space_read(const struct world *w, const char *path, struct space *s, struct err *err)
{
	unsigned long long block, total, left, available;
	_cleanup_fd_ int fd = -1;
	BUF(key, 512);

	buf_addf(&key, "statfs %s", path);
	if (world_answer(w, key.data) && sscanf(world_answer(w, key.data), "%llu %llu %llu %llu",
	                                        &block, &total, &left, &available) == 4) {
		s->block_bytes = block;
		blocks_to_bytes(s, total, left, available);
		return 0;
	}
	fd = world_openat(w, path, O_PATH);
	if (fd < 0)
		return err_sys(err, -fd, "could not open \"%s\"", path);
	return space_read_fd(fd, s, err);
}
