/* Files of recorded machines: laid out below their own folder whatever they say, and read. */
#include "fuzz.h"

#include <fcntl.h>
#include <unistd.h>

#include "machine-read.h"
#include "machine/recorded.h"

static int folder;

void fuzz_begin(void)
{
	setenv("TMPDIR", fuzz_folder(), 1);
	folder = open(fuzz_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(folder >= 0);
}

void fuzz_one(const char *text, size_t n)
{
	struct recorded r = {0};
	struct err err = ERR_INIT;
	char path[96];
	int code;

	assert(file_put(folder, "machine", text, n, false, NULL) == 0);
	snprintf(path, sizeof(path), "%s/machine", fuzz_folder());
	code = recorded_open(&r, path, &err);
	assert(code == 0 || err.what[0]);
	if (code == 0)
		machine_read(&r.world, n);
	recorded_close(&r);
}
