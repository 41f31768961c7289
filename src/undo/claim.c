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

void claim_name(const char *type, const char *object, char name[CLAIM_NAME])
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

/* Opens, locks and reads the file `name`. *again: its last run removed it while we waited for the
 * lock. */
static int claim_read(struct claim_file *c, const char *name, int flags, uint64_t wait_ns,
                      bool *again)
{
	_cleanup_fd_ int fd = openat(c->dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
	struct stat st;
	int r;

	*again = false;
	if (fd < 0)
		return -errno;
	r = lock_within(fd, wait_ns);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_nlink == 0) {
		*again = true;
		return -EAGAIN;
	}
	if (st.st_uid != geteuid() || !S_ISREG(st.st_mode))
		return -EPERM;
	r = st.st_size ? 0 : claim_allocate(fd);
	if (r == 0)
		r = cell_read(fd, 0, &c->body, sizeof(c->body), &c->seq);
	if (r < 0)
		return r;
	if (c->body.n > CLAIMS_MAX)
		return -EBADMSG;
	c->fd = fd_take(&fd);
	return 0;
}

static int claim_take(struct claim_file *c, int claims_dir, const char *type, const char *object,
                      int flags, uint64_t wait_ns, struct err *err)
{
	struct claim_file f = {.fd = -1, .dir = claims_dir};
	bool again;
	int r;

	claim_name(type, object, f.name);
	do
		r = claim_read(&f, f.name, flags, wait_ns, &again);
	while (again);
	if (r == 0 && f.seq &&
	    (strcmp(f.body.type, type) != 0 || strcmp(f.body.object, object) != 0)) {
		claim_close(&f);
		r = -EBADMSG;
	}
	if (r < 0)
		return err_sys(err, r, "could not open the claim on %s \"%s\"", type, object);
	text_copy(f.body.type, sizeof(f.body.type), type);
	text_copy(f.body.object, sizeof(f.body.object), object);
	*c = f;
	return 0;
}

int claim_open(struct claim_file *c, int claims_dir, const char *type, const char *object,
               uint64_t wait_ns, struct err *err)
{
	return claim_take(c, claims_dir, type, object, O_CREAT, wait_ns, err);
}

int claim_open_existing(struct claim_file *c, int claims_dir, const char *type, const char *object,
                        uint64_t wait_ns, struct err *err)
{
	return claim_take(c, claims_dir, type, object, 0, wait_ns, err);
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

struct sweep {
	int dir;
	bool (*lives)(void *ctx, const char *run);
	void *ctx;
};

static int sweep_one(void *ctx, const char *name)
{
	struct sweep *sweep = ctx;
	struct claim_file c = {.fd = -1, .dir = sweep->dir};
	uint32_t before;
	bool again;

	if (text_copy(c.name, sizeof(c.name), name) < 0 || claim_read(&c, name, 0, 0, &again) < 0)
		return 0;
	before = c.body.n;
	for (size_t i = c.body.n; i-- > 0;)
		if (!sweep->lives(sweep->ctx, c.body.v[i].run))
			claim_drop(&c, c.body.v[i].run);
	if (c.body.n != before || c.body.n == 0)
		(void)!claim_save(&c, NULL);
	claim_close(&c);
	return 0;
}

int claim_sweep(int claims_dir, bool (*lives)(void *ctx, const char *run), void *ctx,
                struct err *err)
{
	struct sweep sweep = {claims_dir, lives, ctx};
	const struct world w = {.root = claims_dir};

	return world_list(&w, "/", sweep_one, &sweep, err);
}
