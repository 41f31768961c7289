/* replay.c - gives a fuzz target every file of the folders that are named. TAP. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "fuzz.h"

enum { INPUT_MAX = 1 << 20 };

/* Said before it is read, so that a crash names its file. False: it is a folder. */
static bool file_replay(int dir, const char *name)
{
	char *text = NULL;
	size_t n = 0;
	int code = file_take(dir, name, INPUT_MAX, &text, &n, NULL);

	if (code == -EISDIR)
		return false;
	assert(code == 0);
	printf("# %s\n", name);
	fflush(stdout);
	LLVMFuzzerTestOneInput((const uint8_t *)text, n);
	free(text);
	return true;
}

int main(int argc, char **argv)
{
	size_t files = 0;

	LLVMFuzzerInitialize(&argc, &argv);
	LLVMFuzzerTestOneInput(NULL, 0);
	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);

		assert(dir);
		for (struct dirent *e; (e = readdir(dir));)
			if (e->d_name[0] != '.' && file_replay(dirfd(dir), e->d_name))
				files++;
		closedir(dir);
	}
	assert(files);
	printf("ok 1 - %zu files\n1..1\n", files);
	return 0;
}
