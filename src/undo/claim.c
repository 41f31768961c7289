/* claim.c - who has changed an object, machine-wide. */
#include "undo/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/clock.h"
#include "base/hash.h"
#include "undo/cell.h"

static void claim_name(const char *type, const char *object, char name[CLAIM_NAME])
{
	char hex[SHA256_HEX];
	struct sha256 s;

	sha256_init(&s);
	sha256_add(&s, type, strlen(type) + 1);
	sha256_add(&s, object, strlen(object));
	sha256_end(&s, hex);
	memcpy(name, hex, CLAIM_NAME - 1);
	name[CLAIM_NAME - 1] = '\0';
}

static int lock_within(int fd, uint64_t wait_ns)
{
	uint64_t until = clock_boot_ns() + wait_ns;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (clock_boot_ns() >= until)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
	}
	return 0;
}

static int claim_allocate(int fd)
{
	off_t size = (off_t)(2 * cell_size(sizeof(struct claim_body)));
	int r = posix_fallocate(fd, 0, size);

	return -r;
}

int claim_open(struct claim_file *c, int claims_dir, const char *type, const char *object,
               uint64_t wait_ns, struct err *err)
{
	struct claim_file f = {.dir = claims_dir};
	struct stat st;
	int r;

	claim_name(type, object, f.name);
	for (;;) {
		_cleanup_fd_ int fd =
		        openat(claims_dir, f.name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd < 0)
			return err_sys(err, errno, "could not open the claim on %s \"%s\"", type,
			               object);
		r = lock_within(fd, wait_ns);
		if (r < 0)
			return err_sys(err, r, "could not lock the claim on %s \"%s\"", type,
			               object);
		if (fstat(fd, &st) < 0)
			return err_sys(err, errno, "could not look at the claim on \"%s\"", object);
		if (st.st_nlink == 0)
			continue; /* its last run removed it while we waited: take the next one */
		if (st.st_uid != geteuid() || !S_ISREG(st.st_mode))
			return err_set(err, -EPERM, "the claim on \"%s\" is another user's",
			               object);
		r = st.st_size ? 0 : claim_allocate(fd);
		if (r < 0)
			return err_sys(err, r, "could not write the claim on \"%s\"", object);
		r = cell_read(fd, 0, &f.body, sizeof(f.body), &f.seq);
		if (r < 0)
			return err_sys(err, r, "could not read the claim on \"%s\"", object);
		if (f.body.n > CLAIMS_MAX || (f.seq && (strcmp(f.body.type, type) != 0 ||
		                                        strcmp(f.body.object, object) != 0)))
			return err_set(err, -EBADMSG, "the claim on \"%s\" is not readable",
			               object);
		f.fd = fd_take(&fd);
		break;
	}
	text_copy(f.body.type, sizeof(f.body.type), type);
	text_copy(f.body.object, sizeof(f.body.object), object);
	*c = f;
	return 0;
}

int claim_save(struct claim_file *c, struct err *err)
{
	int r = 0;

	BOUNDARY("before claim save");
	if (c->body.n == 0) {
		if (unlinkat(c->dir, c->name, 0) < 0 && errno != ENOENT)
			r = -errno;
	} else {
		r = cell_write(c->fd, 0, &c->body, sizeof(c->body), ++c->seq);
	}
	if (r < 0)
		return err_sys(err, r, "could not write the claim on \"%s\"", c->body.object);
	BOUNDARY("after claim save");
	return 0;
}

void claim_close(struct claim_file *c)
{
	fd_close(&c->fd);
}

size_t claim_find(const struct claim_file *c, const char *run)
{
	for (size_t i = 0; i < c->body.n; i++)
		if (strcmp(c->body.v[i].run, run) == 0)
			return i;
	return SIZE_MAX;
}

int claim_set(struct claim_file *c, const char *run, const char *claim, struct err *err)
{
	size_t i = claim_find(c, run);

	if (i == SIZE_MAX) {
		if (c->body.n == CLAIMS_MAX)
			return err_set(err, -ENOSPC, "%d runs already claim %s \"%s\"", CLAIMS_MAX,
			               c->body.type, c->body.object);
		i = c->body.n++;
		text_copy(c->body.v[i].run, sizeof(c->body.v[i].run), run);
	}
	text_copy(c->body.v[i].claim, sizeof(c->body.v[i].claim), claim);
	return 0;
}

void claim_drop(struct claim_file *c, const char *run)
{
	size_t i = claim_find(c, run);

	if (i == SIZE_MAX)
		return;
	memmove(&c->body.v[i], &c->body.v[i + 1], (c->body.n - i - 1) * sizeof(c->body.v[0]));
	c->body.n--;
}

int claim_merge(const struct claim_file *c, const struct step_type *type, char to[STATE_MAX],
                struct err *err)
{
	const char *claims[CLAIMS_MAX];
	struct buf b;
	int r;

	if (c->body.n == 0) {
		text_copy(to, STATE_MAX, c->body.base);
		return 0;
	}
	if (c->body.n == 1 && !type->merge) {
		text_copy(to, STATE_MAX, c->body.v[0].claim);
		return 0;
	}
	for (size_t i = 0; i < c->body.n; i++)
		claims[i] = c->body.v[i].claim;
	buf_init(&b, to, STATE_MAX);
	r = type->merge ? type->merge(c->body.object, c->body.base, claims, c->body.n, &b, err)
	                : -EBUSY;
	if (r == -EBUSY && c->body.n == 1) {
		text_copy(to, STATE_MAX, c->body.v[0].claim);
		return 0;
	}
	if (r == -EBUSY)
		return err_hint(err,
		                err_set(err, -EBUSY, "%s \"%s\" is claimed by run \"%s\"",
		                        c->body.type, c->body.object, c->body.v[0].run),
		                "Wait until that run has ended; `squall status` shows it.");
	return r;
}
