/* A run folder as undo may find it: the log's head and slots, and the claims of that run, valid in
 * their checksums and anything in their content (or, after "R", a log of raw bytes). Records end
 * with the byte 0xfe, their fields with 0xff:
 *
 *   H flags run boot keeper-pid   the head; flag 1: of this boot, 2: ended
 *   S index phase type object base claim landed note      a slot
 *   C type object base landed run claim …                 a claim file
 *   M state                       what the type "mem" reads
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake-steps.h"
#include "base/hash.h"
#include "undo/cell.h"
#include "undo/claim.h"
#include "undo/undo.h"

static struct paths paths;
static struct world world;
static char boot[BOOT_ID_MAX];
static int run_dir, claims_dir;
static size_t seen;

struct fields {
	const char *at;
	size_t n;
};

void fuzz_begin(void)
{
	char path[PATH_CAP + 32];

	fuzz_paths(&paths);
	fuzz_world(&world);
	assert(boot_id_read(&world, boot, NULL) == 0);
	snprintf(path, sizeof(path), "%s/20261122-210000-3f9a", paths.runs);
	run_dir = dir_open_owned(path, geteuid(), true, NULL);
	claims_dir = dir_open_owned(paths.claims, geteuid(), true, NULL);
	assert(run_dir >= 0 && claims_dir >= 0);
}

/* The next field, as much as fits; without a NUL when it is longer: such bytes may be in a log. */
static void field(struct fields *f, char *to, size_t cap)
{
	const char *end = f->n ? memchr(f->at, 0xff, f->n) : NULL;
	size_t n = end ? (size_t)(end - f->at) : f->n;

	memset(to, 0, cap);
	memcpy(to, f->at, n < cap ? n : cap);
	n += end != NULL;
	f->at += n;
	f->n -= n;
}

static unsigned number(struct fields *f)
{
	char digits[8];

	field(f, digits, sizeof(digits));
	digits[7] = '\0';
	return (unsigned)strtoul(digits, NULL, 10);
}

static void head_lay(int fd, struct fields f)
{
	struct log_head head = {.slots = UNDO_SLOTS, .uid = geteuid()};
	unsigned flags = number(&f);

	field(&f, head.run, sizeof(head.run));
	field(&f, head.boot, sizeof(head.boot));
	if (flags & 1)
		memcpy(head.boot, boot, sizeof(boot));
	head.ended = flags >> 1 & 1;
	head.keeper.pid = (pid_t)number(&f);
	assert(cell_write(fd, 0, &head, sizeof(head), 1 + (flags >> 2 & 1)) == 0);
}

static void slot_lay(int fd, struct fields f)
{
	struct slot s = {0};
	size_t i = number(&f) % UNDO_SLOTS;
	off_t at = (off_t)(2 * cell_size(sizeof(struct log_head)) + i * 2 * cell_size(sizeof(s)));

	s.phase = number(&f);
	s.order = (uint32_t)i;
	field(&f, s.type, sizeof(s.type));
	field(&f, s.object, sizeof(s.object));
	field(&f, s.base, sizeof(s.base));
	field(&f, s.claim, sizeof(s.claim));
	field(&f, s.landed, sizeof(s.landed));
	field(&f, s.note, sizeof(s.note));
	assert(cell_write(fd, at, &s, sizeof(s), 1) == 0);
}

/* By its right name, so that it is found: see claim_name() in undo/claim.c. */
static void claim_lay(struct fields f)
{
	struct claim_body body = {0};
	char hex[SHA256_HEX];
	struct sha256 sum;
	int fd;

	field(&f, body.type, sizeof(body.type));
	field(&f, body.object, sizeof(body.object));
	field(&f, body.base, sizeof(body.base));
	field(&f, body.landed, sizeof(body.landed));
	for (; f.n && body.n < CLAIMS_MAX; body.n++) {
		field(&f, body.v[body.n].run, sizeof(body.v[0].run));
		field(&f, body.v[body.n].claim, sizeof(body.v[0].claim));
	}
	sha256_init(&sum);
	sha256_add(&sum, body.type, strnlen(body.type, sizeof(body.type) - 1) + 1);
	sha256_add(&sum, body.object, strnlen(body.object, sizeof(body.object)));
	sha256_end(&sum, hex);
	hex[CLAIM_NAME - 1] = '\0';
	fd = openat(claims_dir, hex, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert(fd >= 0 && cell_write(fd, 0, &body, sizeof(body), 1) == 0);
	assert(ftruncate(fd, (off_t)(2 * cell_size(sizeof(body)))) == 0);
	close(fd);
}

static void records_lay(int fd, const char *text, size_t n)
{
	while (n) {
		const char *end = memchr(text, 0xfe, n);
		size_t len = end ? (size_t)(end - text) : n;
		struct fields f = {text + 1, len ? len - 1 : 0};

		if (len && text[0] == 'H')
			head_lay(fd, f);
		else if (len && text[0] == 'S')
			slot_lay(fd, f);
		else if (len && text[0] == 'C')
			claim_lay(f);
		else if (len && text[0] == 'M')
			field(&f, fake_memory, sizeof(fake_memory) - 1);
		len += end != NULL;
		text += len;
		n -= len;
	}
}

static void log_lay(const char *text, size_t n)
{
	off_t size = (off_t)(2 * cell_size(sizeof(struct log_head)) +
	                     2 * UNDO_SLOTS * cell_size(sizeof(struct slot)));
	int fd = openat(run_dir, UNDO_LOG_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert(fd >= 0 && ftruncate(fd, size) == 0);
	memset(fake_memory, 0, sizeof(fake_memory));
	if (n && text[0] == 'R')
		assert(pwrite(fd, text + 1, n - 1, 0) == (ssize_t)n - 1);
	else
		records_lay(fd, text, n);
	close(fd);
}

static void told(void *ctx, const char *run, const struct slot *s)
{
	const struct step_type *t = __wrap_step_type_find(s->type);
	BUF(hand, 1024);
	BUF(state, STATE_MAX);

	seen++;
	assert(memchr(s->note, 0, sizeof(s->note)));
	undo_by_hand(s, &hand);
	if (t && t->get(&world, s->object, &state, NULL) == 0)
		(void)step_same(t, s->landed, state.data);
}

static int claim_remove(void *ctx, const char *name)
{
	return unlinkat(claims_dir, name, 0);
}

void fuzz_one(const char *text, size_t n)
{
	const struct world claims = {.root = claims_dir};
	struct undo_result listed = {0}, done = {0}, again = {0};
	size_t said;

	log_lay(text, n);
	(void)!undo_list(&world, &paths, told, NULL, &listed, NULL);
	assert(!listed.back && !listed.gone); /* a list touches nothing */
	said = seen;
	(void)!undo_all(&world, &paths, told, NULL, &done, NULL);
	/* told of each that was dealt with; of one that did not stay back twice, and of one that
	 * has no way back too */
	assert(done.unreadable || seen - said >= done.back + done.gone + done.residue);
	if (!done.unreadable && !done.residue && !done.alive) {
		(void)!undo_all(&world, &paths, NULL, NULL, &again, NULL);
		assert(!again.runs && !again.back && !again.residue);
	}
	assert(world_list(&claims, "/", claim_remove, NULL, NULL) == 0);
}
