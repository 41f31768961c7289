/* disk: how full the file system of a path is, and how busy the device below it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "base/buf.h"
#include "base/clock.h"
#include "probe/doc.h"
#include "probe/kept.h"
#include "probe/probe.h"

enum { SECTOR_BYTES = 512 }; /* of the kernel's counters, whatever the device has */

struct disk_args {
	const char *path;
	uint64_t over_ns, timeout_ns;
};

static void space_add(const struct statvfs *s, json_t *doc)
{
	uint64_t unit = s->f_frsize ? s->f_frsize : s->f_bsize;
	uint64_t used = s->f_blocks > s->f_bfree ? s->f_blocks - s->f_bfree : 0;
	uint64_t reach = used + s->f_bavail; /* as df: what is kept for root does not count */
	doc_count(doc, "size", s->f_blocks * unit);
	doc_count(doc, "used", used * unit);
	doc_count(doc, "free", s->f_bfree * unit);
	doc_count(doc, "available", s->f_bavail * unit);
	if (reach)
		doc_share(doc, "used-share", (double)used / (double)reach);
	/* Some file systems have no table of inodes, and so no end of them. */
	if (s->f_files) {
		uint64_t files = s->f_files > s->f_ffree ? s->f_files - s->f_ffree : 0;
		doc_count(doc, "inodes", s->f_files);
		doc_count(doc, "inodes-used", files);
		doc_count(doc, "inodes-free", s->f_ffree);
		doc_share(doc, "inodes-share", (double)files / (double)s->f_files);
	}
	doc_set(doc, "read-only", json_boolean(s->f_flag & ST_RDONLY));
}

/* The mount's line in mountinfo, by the mount's number, and on kernels that do not tell it (before
 * 5.8) by the device's: "31 23 8:1 ROOT DIR OPTIONS … - TYPE SOURCE SUPER-OPTIONS". */
static void mount_add(const struct world *w, int fd, dev_t dev, json_t *doc)
{
	struct statx x;
	bool known =
	        statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &x) == 0 && x.stx_mask & STATX_MNT_ID;
	int info = world_openat(w, "/proc/self/mountinfo", O_RDONLY);
	FILE *f = info < 0 ? NULL : fdopen(info, "re");
	_cleanup_free_ char *line = NULL;
	size_t cap = 0;
	while (f && getline(&line, &cap, f) > 0) {
		unsigned long long id;
		unsigned major_n, minor_n;
		char dir[512], type[64], source[256];
		const char *tail = strstr(line, " - ");
		if (!tail ||
		    sscanf(line, "%llu %*u %u:%u %*s %511s", &id, &major_n, &minor_n, dir) != 4 ||
		    sscanf(tail, " - %63s %255s", type, source) != 2)
			continue;
		if (known ? id != x.stx_mnt_id : makedev(major_n, minor_n) != dev)
			continue;
		doc_text(doc, "mount", dir, strlen(dir), false);
		doc_text(doc, "type", type, strlen(type), false);
		doc_text(doc, "device", source, strlen(source), false);
		break;
	}
	if (f)
		(void)fclose(f);
}

/* Since the look before: what each counter has grown by. */
struct rates {
	const json_t *before;
	json_t *kept;
	double elapsed;
};

static double grown(const struct rates *r, const char *name, unsigned long long now)
{
	doc_set(r->kept, name, json_real((double)now));
	return kept_grown(r->before, name, (double)now);
}

/* The device's counters (kernel, block/stat.rst). A file system that has no device of its own (in
 * memory, over the network, over several) has none. */
static void device_add(const struct world *w, dev_t dev, json_t *doc, const json_t *before)
{
	unsigned long long n[11];
	uint64_t now = clock_boot_ns();
	BUF(text, 512);
	BUF(id, 32);
	buf_addf(&id, "%u:%u", major(dev), minor(dev));
	if (world_readf(w, &text, NULL, "/sys/dev/block/%s/stat", id.data) < 0)
		return;
	char *at = text.data, *end;
	for (size_t i = 0; i < ARRAY_SIZE(n); i++, at = end) {
		n[i] = strtoull(at, &end, 10);
		if (end == at)
			return;
	}
	const char *was = json_string_value(json_object_get(before, "id"));
	if (was && strcmp(was, id.data) != 0)
		before = NULL; /* another device is mounted there now */
	struct rates r = {.before = before,
	                  .kept = json_pack("{s:I, s:s}", "t", (json_int_t)now, "id", id.data),
	                  .elapsed = kept_elapsed(before, now)};
	double reads = grown(&r, "reads", n[0]), writes = grown(&r, "writes", n[4]);
	double in = grown(&r, "in", n[2]), out = grown(&r, "out", n[6]);
	double waited_ms = grown(&r, "waited", n[3] + n[7]), busy_ms = grown(&r, "busy", n[9]);
	doc_count(doc, "in-flight", n[8]);
	if (r.elapsed > 0) {
		double busy = busy_ms / 1e3 / r.elapsed;
		doc_share(doc, "busy", busy < 1 ? busy : 1);
		doc_count(doc, "read", (uint64_t)(in * SECTOR_BYTES / r.elapsed));
		doc_count(doc, "written", (uint64_t)(out * SECTOR_BYTES / r.elapsed));
		doc_set(doc, "reads", json_real(reads / r.elapsed));
		doc_set(doc, "writes", json_real(writes / r.elapsed));
		double done = reads + writes;
		doc_seconds(doc, "wait", done > 0 ? (uint64_t)(waited_ms * 1e6 / done) : 0);
	}
	doc_set(doc, "kept", r.kept);
}

static json_t *disk_read(const struct world *w, const void *args, const json_t *before,
                         struct err *err)
{
	const struct disk_args *a = args;
	_cleanup_fd_ int fd = world_openat(w, a->path, O_PATH);
	struct stat st;
	struct statvfs s;
	if (fd == -ENOENT || fd == -ENOTDIR)
		return json_pack("{s:b}", "exists", 0);
	if (fd < 0 || fstat(fd, &st) < 0 || fstatvfs(fd, &s) < 0) {
		(void)err_sys(err, fd < 0 ? -fd : errno, "could not look at \"%s\"", a->path);
		return NULL;
	}
	json_t *doc = json_object();
	doc_set(doc, "exists", json_true());
	space_add(&s, doc);
	mount_add(w, fd, st.st_dev, doc);
	device_add(w, st.st_dev, doc, before);
	return doc;
}

static int disk_look(struct loop *loop, const struct world *w, const void *args, struct span when,
                     look_done *done, void *ctx, struct look **out, struct err *err)
{
	const struct disk_args *a = args;
	BUF(what, 300);
	buf_addf(&what, "the file system of \"%.250s\"", a->path);
	struct kept_spec spec = {.read = disk_read,
	                         .what = what.data,
	                         .over_ns = a->over_ns,
	                         .timeout_ns = a->timeout_ns};
	return kept_start(loop, w, &spec, args, when, done, ctx, out, err);
}

static int disk_check(const void *args, struct err *err)
{
	const struct disk_args *a = args;
	if (a->path[0] != '/') {
		(void)err_set(err, -EINVAL, "\"%.200s\" is not an absolute path", a->path);
		return err_hint(err, -EINVAL, "Start it with /.");
	}
	if (a->over_ns >= a->timeout_ns)
		return err_set(err, -EINVAL, "`over` must be less than `timeout`");
	return 0;
}

#define AT(member) offsetof(struct disk_args, member)
static const struct param disk_params[] = {
        {"path", PARAM_TEXT, AT(path), .flags = PARAM_REQUIRED | PARAM_POSITIONAL | PARAM_PATH,
         .help = "absolute path of anything on the file system; links are followed"},
        {"over", PARAM_DURATION, AT(over_ns), "100ms", "10ms", "10s",
         .help = "how long the first look measures the device"},
        {"timeout", PARAM_DURATION, AT(timeout_ns), "2s", "1ms", "10m",
         .help = "greatest time for the look, counted from when it was due"},
        {NULL},
};

static const struct field disk_fields[] = {
        {"exists", FIELD_BOOL,
         "whether the path is there; the fields below are absent when it is not"},
        {"size", FIELD_BYTES, "size of the file system"},
        {"used", FIELD_BYTES, "what is taken"},
        {"free", FIELD_BYTES, "what is free, with what is kept for root"},
        {"available", FIELD_BYTES, "what is free for everybody"},
        {"used-share", FIELD_SHARE, "how full it is for everybody, as df tells it"},
        {"inodes", FIELD_NUMBER,
         "files that it can hold; this and the next three are absent where there is no such bound"},
        {"inodes-used", FIELD_NUMBER, "files that it holds"},
        {"inodes-free", FIELD_NUMBER, "files that can still be made"},
        {"inodes-share", FIELD_SHARE, "part of the inodes in use"},
        {"read-only", FIELD_BOOL,
         "whether it is mounted read-only; a file system turns so when its device fails"},
        {"mount", FIELD_TEXT, "where it is mounted"},
        {"type", FIELD_TEXT, "its type, ext4"},
        {"device", FIELD_TEXT, "what is mounted, /dev/sda1"},
        {"in-flight", FIELD_NUMBER,
         "requests that the device works on now; this and all below are absent where the file "
         "system is not on one block device"},
        {"busy", FIELD_SHARE,
         "part of the time since the look before in which it had something to do"},
        {"read", FIELD_BYTES, "bytes a second read since the look before"},
        {"written", FIELD_BYTES, "bytes a second written since the look before"},
        {"reads", FIELD_NUMBER, "requests a second, reading"},
        {"writes", FIELD_NUMBER, "requests a second, writing"},
        {"wait", FIELD_SECONDS,
         "mean time of a request that ended since the look before, with its time in the queue; 0 "
         "when there was none"},
        {"seconds", FIELD_SECONDS, "how long the look took, from when it was due"},
        {NULL},
};

static const char *const disk_examples[] = {
        "squall probe disk /var/lib/postgresql",
        "squall probe disk / --over 2s",
        "squall probe disk /mnt/share --timeout 500ms",
        NULL,
};

const struct probe probe_disk = {
        .kind =
                {
                        .name = "disk",
                        .summary = "shows how full a file system is and how busy its device",
                        .man = "Asks the file system that a path is on for its space and inodes, "
                               "and the kernel "
                               "for the counters of the block device below. It is asked in a "
                               "process of its own "
                               "with a time limit, so that a dead mount is a failed look and "
                               "nothing worse.\n"
                               "\n"
                               "Rates are of the time since the look before. A first look has none "
                               "before it, so "
                               "it reads twice, as far apart as over says. The counters are of the "
                               "whole device, "
                               "not of one service. A device that serves many requests at once can "
                               "be busy all "
                               "the time and still have room: look at wait.\n"
                               "\n"
                               "A path that is not there is an answer: exists is false.",
                        .params = disk_params,
                        .args_size = sizeof(struct disk_args),
                        .fields = disk_fields,
                        .examples = disk_examples,
                        .check = disk_check,
                },
        .start = disk_look,
        .cancel = kept_cancel,
};
