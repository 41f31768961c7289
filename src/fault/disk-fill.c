/* disk.fill: takes disk space away. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/quantity.h"
#include "base/space.h"
#include "fault/held-plan.h"

struct disk_args {
	struct fill_args fill;
	const char *path;
	bool reserved;
};

enum { FOLDER_MAX = 320 };

/* The folder to take the space in: the path, or the folder of the file that it names. A process
 * sees its own files. */
static int folder_find(const struct world *w, const struct target *t, const char *path,
                       char folder[FOLDER_MAX], struct err *err)
{
	BUF(full, FOLDER_MAX);
	_cleanup_fd_ int fd = -1;
	char *slash;

	if (t->kind == TARGET_PROCESS && !proc_id_alive(w, t->proc))
		return err_set(err, -ESRCH, "%s has ended", t->name);
	if (t->kind == TARGET_PROCESS)
		buf_addf(&full, "/proc/%d/root", t->proc.pid);
	buf_add(&full, path);
	while (full.len > 1 && full.data[full.len - 1] == '/')
		full.data[--full.len] = '\0';
	if (full.over)
		return err_sys(err, ENAMETOOLONG, "cannot use \"%s\"", path);
	fd = world_openat(w, full.data, O_PATH | O_DIRECTORY);
	if (fd == -ENOTDIR) {
		slash = strrchr(full.data, '/');
		slash[slash == full.data] = '\0';
		fd = world_openat(w, full.data, O_PATH | O_DIRECTORY);
	}
	if (fd < 0)
		return err_hint(err, err_sys(err, -fd, "could not open \"%s\"", path),
		                "Name a folder of the file system that is to be filled.");
	return text_copy(folder, FOLDER_MAX, full.data);
}

static int plan_fill(const void *args, const struct target *t, const struct moment *moment,
                     const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                     struct err *err)
{
	const struct disk_args *a = args;
	struct space space = {.block_bytes = 0};
	struct amount amount;
	char folder[FOLDER_MAX];
	struct fill_floor owner = {.bytes = 0};
	uint64_t left = 0;
	int ret;
	BUF(what, SAYS_MAX);
	BUF(to, STATE_MAX);
	BUF(says, SAYS_MAX);

	if (t->kind != TARGET_HOST && t->kind != TARGET_PROCESS)
		return err_set(err, -EINVAL, "disk.fill cannot be aimed at %s", t->name);
	ret = folder_find(w, t, a->path, folder, err);
	if (ret == 0)
		ret = space_read(w, folder, &space, err);
	if (ret == 0 && !space.total_bytes)
		ret = err_set(err, -EOPNOTSUPP, "the file system of \"%s\" has no space to fill",
		              a->path);
	if (ret < 0)
		return ret;
	left = a->reserved ? space.free_bytes : space.available_bytes;
	buf_addf(&what, "space on the file system of \"%s\"", a->path);
	if (moment->floors)
		owner = (struct fill_floor){moment->floors->disk_bytes, moment->floors->disk_by};
	ret = fill_amount(&a->fill, space.total_bytes, left, owner, what.data, moment, &amount,
	                  err);
	if (ret < 0)
		return ret;
	amount_format(&amount, &to);
	if (a->reserved)
		buf_add(&to, " reserved");
	fill_says(&amount, left, &says);
	*again_ns = 0;
	return held_plan(out, "space", run, t, moment, folder, w, to.data, says.data, err);
}

static int dose_fill(const void *args, const struct counters *before, const struct counters *after,
                     struct dose *dose, struct err *err)
{
	const struct disk_args *a = args;
	BUF(extra, DOSE_TEXT);

	if (counters_get(after, "full"))
		buf_add(&extra, "; then the file system was full");
	if (counters_get(after, "quota"))
		buf_add(&extra, "; a quota allowed no more");
	if (counters_get(after, "refused"))
		buf_addf(&extra, "; more was refused: %s",
		         err_text((int)counters_get(after, "refused")));
	if (counters_get(after, "written"))
		buf_add(&extra, "; written, as the file system cannot allocate");
	fill_dose(&a->fill, after, "space", extra.data, dose);
	return 0;
}

static int check_fill(const void *args, struct err *err)
{
	const struct disk_args *a = args;

	if (a->path[0] != '/')
		return err_hint(err, err_set(err, -EINVAL, "path \"%s\" is not absolute", a->path),
		                "Give the whole path, from \"/\".");
	return fill_check(&a->fill, err);
}

static const struct param params[] = {
        {.name = "path",
         .kind = PARAM_TEXT,
         .offset = offsetof(struct disk_args, path),
         .help = "a folder of the file system that is to be filled",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL | PARAM_PATH},
        {.name = "bytes",
         .kind = PARAM_SIZE,
         .offset = offsetof(struct disk_args, fill.bytes),
         .help = "so much",
         .flags = PARAM_RAMP | PARAM_POSITIONAL},
        {.name = "share",
         .kind = PARAM_SHARE,
         .offset = offsetof(struct disk_args, fill.share_ppm),
         .max = "100%",
         .help = "this share of what is free",
         .flags = PARAM_RAMP},
        {.name = "leave",
         .kind = PARAM_SIZE,
         .offset = offsetof(struct disk_args, fill.leave_bytes),
         .help = "all but so much, which stays free; no other floor holds then",
         .flags = PARAM_RAMP},
        {.name = "floor",
         .kind = PARAM_SHARE,
         .offset = offsetof(struct disk_args, fill.floor_ppm),
         .dflt = "5%",
         .max = "100%",
         .help = "share of the file system that stays free whatever is asked"},
        {.name = "reserved",
         .kind = PARAM_BOOL,
         .offset = offsetof(struct disk_args, reserved),
         .help = "take also what the file system keeps for root"},
        {NULL},
};

static const char *const needs[] = {NULL};
static const char *const steps[] = {"held", NULL};

static const char *const examples[] = {
        "squall attack disk.fill /var/lib/shop 5GB --target host --for 1m",
        "squall attack disk.fill /var/log --leave 100MB --target host --for 10m",
        "squall attack disk.fill /data --share 100% --floor 0% --target process.name=shop --for "
        "30s --dry-run",
        NULL,
};

const struct fault fault_disk_fill = {
        .kind =
                {
                        .name = "disk.fill",
                        .summary = "takes disk space away",
                        .man = "Takes space on the file system of a path, as logs that nobody "
                               "rotates do: others meet ENOSPC. With a process as the target the "
                               "path is the one that it sees, in its own mounts.\n\n"
                               "How much is said by bytes, by a share of what is free, or by "
                               "what to leave. A share and a rest are followed: when others "
                               "free space more is taken, when they need more some is given "
                               "back. The space is allocated at once where the file system can "
                               "do that (ext4, XFS, Btrfs, tmpfs), and written where it cannot, "
                               "which takes its time.\n\n"
                               "The floor stays free whatever was asked, also when others take "
                               "more meanwhile; more bytes than that are refused. What the file "
                               "system keeps for root is not taken unless told (reserved). A "
                               "full disk, a quota or another refusal is no error: the dose "
                               "says how far it came, and why no further.\n\n"
                               "The files have no name: the kernel frees them when the process "
                               "that holds them ends, however it ends, on a full disk as well.",
                        .params = params,
                        .args_size = sizeof(struct disk_args),
                        .examples = examples,
                        .class_ = "resource",
                        .targets = "host|process",
                        .check = check_fill,
                },
        .needs = needs,
        .steps = steps,
        .plan = plan_fill,
        .dose = dose_fill,
};
