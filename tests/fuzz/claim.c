/* A claim file of any content, with a good checksum ("C") or raw ("R"): opened, merged, changed,
 * swept. */
#include "fuzz.h"

#include <fcntl.h>
#include <unistd.h>

#include "fake-steps.h"
#include "base/hash.h"
#include "undo/cell.h"
#include "undo/claim.h"

static const char type_name[] = "mem", object[] = "thing";
static struct paths paths;
static char name[SHA256_HEX];
static int dir;

void fuzz_begin(void)
{
	struct sha256 sum;

	fuzz_paths(&paths);
	dir = dir_open_owned(paths.claims, geteuid(), true, NULL);
	assert(dir >= 0);
	/* see claim_name() in undo/claim.c */
	sha256_init(&sum);
	sha256_add(&sum, type_name, sizeof(type_name));
	sha256_add(&sum, object, strlen(object));
	sha256_end(&sum, name);
	name[CLAIM_NAME - 1] = '\0';
}

/* After the letter: how many claims, then the bytes of base, landed and the claims in order. */
static void file_lay(const char *text, size_t n)
{
	struct claim_body body = {0};
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t take;

	assert(fd >= 0);
	if (text[0] == 'R' || n < 2) {
		assert(write_all(fd, text + 1, n - 1) == 0);
	} else {
		body.n = (uint8_t)text[1];
		take = n - 2 < sizeof(body.v) ? n - 2 : sizeof(body.v);
		memcpy(body.v, text + 2, take);
		memcpy(body.base, text + 2, take < sizeof(body.base) ? take : sizeof(body.base));
		strcpy(body.type, type_name);
		strcpy(body.object, object);
		assert(cell_write(fd, 0, &body, sizeof(body), 1) == 0);
		assert(ftruncate(fd, (off_t)(2 * cell_size(sizeof(body)))) == 0);
	}
	close(fd);
}

static bool lives(void *ctx, const char *run)
{
	return run[0] & 1;
}

void fuzz_one(const char *text, size_t n)
{
	const struct step_type *type = __wrap_step_type_find(type_name);
	struct claim_file c;
	char to[STATE_MAX];

	if (!n)
		return;
	file_lay(text, n);
	(void)!claim_sweep(dir, lives, NULL, NULL);
	if (claim_open(&c, dir, type_name, object, 0, NULL) == 0) {
		assert(c.body.n <= CLAIMS_MAX);
		if (claim_merge(&c, type, to, NULL) == 0)
			assert(memchr(to, 0, sizeof(to)));
		if (claim_set(&c, "20261122-210000-3f9a", "30000", NULL) == 0) {
			assert(claim_find(&c, "20261122-210000-3f9a") != SIZE_MAX);
			(void)!claim_merge(&c, type, to, NULL);
			assert(claim_save(&c, NULL) == 0);
			claim_drop(&c, "20261122-210000-3f9a");
		}
		assert(claim_save(&c, NULL) == 0);
		claim_close(&c);
	}
	unlinkat(dir, name, 0);
}
