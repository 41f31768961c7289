/* fuzz.c - what the fuzz targets share. */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Also in fuzz_world(): boot_id_read() finds it there. */
static const char boot_id[] = "6f1d7a52-8f0e-4b64-9f3a-0d7c5b8f2a11\n";

static char folder[64];

static void tree_remove(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	for (struct dirent *e; dir && (e = readdir(dir));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    unlinkat(fd, e->d_name, 0) < 0)
			tree_remove(fd, e->d_name);
	if (dir)
		closedir(dir);
	unlinkat(parent, name, AT_REMOVEDIR);
}

static void folder_remove(void)
{
	tree_remove(AT_FDCWD, folder);
}

const char *fuzz_folder(void)
{
	/* in memory where there is such a place: thousands of files a second are written */
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	if (folder[0])
		return folder;
	snprintf(folder, sizeof(folder), "%s/squall-fuzz-XXXXXX", base);
	assert(mkdtemp(folder));
	assert(atexit(folder_remove) == 0);
	return folder;
}

void fuzz_paths(struct paths *p)
{
	assert(setenv("SQUALL_DIR", fuzz_folder(), 1) == 0);
	assert(paths_find(p, NULL) == 0 && paths_make(p, NULL) == 0);
	assert(dir_open_owned(p->runs, geteuid(), true, NULL) >= 0);
	assert(dir_open_owned(p->claims, geteuid(), true, NULL) >= 0);
}

void fuzz_world(struct world *w)
{
	static const struct answers none;
	static const char *const dirs[] = {"world", "world/proc", "world/proc/sys",
	                                   "world/proc/sys/kernel", "world/proc/sys/kernel/random"};
	int top = open(fuzz_folder(), O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	assert(top >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		assert(mkdirat(top, dirs[i], 0700) == 0);
	fd = openat(top, "world/proc/sys/kernel/random/boot_id",
	            O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert(fd >= 0 && write_all(fd, boot_id, sizeof(boot_id) - 1) == 0);
	close(fd);
	*w = (struct world){.root = openat(top, "world", O_PATH | O_DIRECTORY | O_CLOEXEC),
	                    .fake = &none};
	assert(w->root >= 0);
	close(top);
}

char *fuzz_part(const char **text, size_t *n, const char *end)
{
	size_t len = strlen(end);
	const char *at = *n ? memmem(*text, *n, end, len) : NULL;
	size_t take = at ? (size_t)(at - *text) : *n;
	char *part;

	if (!*n)
		return NULL;
	part = malloc(take + 1);
	assert(part);
	memcpy(part, *text, take);
	part[take] = '\0';
	if (at)
		take += len;
	*text += take;
	*n -= take;
	return part;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_begin();
	return 0;
}

/* A copy of exactly that size, so that a byte read beyond is seen. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n ? n : 1);

	assert(text);
	if (n)
		memcpy(text, data, n);
	fuzz_one(text, n);
	free(text);
	return 0;
}
