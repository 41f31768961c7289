/* Reads the policies that hold here, and finds out who asks. */
#include "run/policies.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ident.h"

static const char machine_etc[] = "/etc/squall", name[] = "policy.yaml";
enum { POLICY_BYTES_MAX = 1 << 20 };

static int untrusted(struct err *err, const char *path, const char *why)
{
	err_set(err, -EPERM, "policy \"%s\" is not safe to trust: %s", path, why);
	return err_hint(err, -EPERM,
	                "Runs are refused until it is a regular file that its owner alone can "
	                "write, in a folder of the same kind.");
}

static bool is_own(const struct stat *st, uid_t owner)
{
	return (st->st_uid == 0 || st->st_uid == owner) && !(st->st_mode & 022);
}

/* 1: *text is the file; 0: there is none. dir: descriptor of its folder, or negative errno. */
static int text_read(int dir, const char *path, uid_t owner, bool real, char **text, size_t *n,
                     struct err *err)
{
	struct stat st;
	int ret;

	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return untrusted(err, path, "its folder cannot be opened");
	if (real && (fstat(dir, &st) < 0 || !is_own(&st, owner)))
		return untrusted(err, path, "others own or can write its folder");
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : untrusted(err, path, err_text(errno));
	if (!S_ISREG(st.st_mode))
		return untrusted(err, path, "it is no regular file");
	if (real && !is_own(&st, owner))
		return untrusted(err, path, "others own it or can write it");
	/* Nobody but the owner can have changed the name since. */
	ret = file_take(dir, name, POLICY_BYTES_MAX, text, n, NULL);
	if (ret == -EACCES) {
		err_set(err, -EPERM, "policy \"%s\" cannot be read by you", path);
		return err_hint(err, -EPERM,
		                "It binds every user, so every user must be able to read it: mode "
		                "644, in a folder of mode 755.");
	}
	return ret < 0 ? untrusted(err, path, err_text(-ret)) : 1;
}

static void floor_add(uint64_t *to, char by[PATH_CAP + 32], uint64_t bytes,
                      const struct policy *policy, const char *key)
{
	if (bytes <= *to)
		return;
	*to = bytes;
	snprintf(by, PATH_CAP + 32, "%s:%u", policy->path, policy_said(policy, key).line);
}

static void floors_add(struct policies *p, const struct policy *policy)
{
	const struct floors *f = &policy->floors;
	struct floors *to = &p->floors;

	floor_add(&to->mem_bytes, p->mem_by, f->mem_bytes, policy, "floors.memory");
	floor_add(&to->disk_bytes, p->disk_by, f->disk_bytes, policy, "floors.disk");
	to->mem_by = to->mem_bytes ? p->mem_by : NULL;
	to->disk_by = to->disk_bytes ? p->disk_by : NULL;
	to->pids = f->pids > to->pids ? f->pids : to->pids;
}

static int policy_add(struct policies *p, int dir, const char *etc, uid_t owner, bool real,
                      const struct catalogue *catalogue, struct problems *problems, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct arena cleanup(arena_release) arena = {.head = NULL};
	struct problems own;
	struct policy *policy;
	size_t n = 0;
	int ret;

	arena_init(&arena, 1 << 20);
	problems_init(&own, &arena);
	if (!problems)
		problems = &own;
	snprintf(p->path, sizeof(p->path), "%s/%s", etc, name);
	ret = text_read(dir, p->path, owner, real, &text, &n, err);
	if (ret > 0) {
		policy = policy_read(text, n, p->path, catalogue, problems);
		if (policy)
			p->v[p->n++] = policy;
		if (!policy || problems->errors) {
			problems_sort(problems);
			err_set(err, -EPERM, "policy \"%s\" cannot be used: %zu %s", p->path,
			        problems->errors, problems->errors == 1 ? "error" : "errors");
			return err_hint(err, -EPERM,
			                "Runs are refused until its owner has mended it; \"squall "
			                "lint %s\" shows every problem.",
			                p->path);
		}
		floors_add(p, policy);
	}
	if (ret >= 0)
		p->path[0] = '\0';
	return ret < 0 ? ret : 0;
}

static void user_add(struct caller *c, uid_t uid, bool self)
{
	struct caller_user *u = &c->v[c->n++];
	const struct passwd *pw = getpwuid(uid);
	int n = CALLER_GROUPS_MAX;

	*u = (struct caller_user){.uid = uid};
	if (pw)
		(void)text_copy(u->name, sizeof(u->name), pw->pw_name);
	else
		snprintf(u->name, sizeof(u->name), "%u", (unsigned)uid);
	if (self) {
		n = getgroups(CALLER_GROUPS_MAX - 1, u->groups);
		u->groups_n = n > 0 ? (size_t)n : 0;
		u->groups[u->groups_n++] = getegid();
	} else if (pw && getgrouplist(u->name, pw->pw_gid, u->groups, &n) >= 0) {
		u->groups_n = (size_t)n;
	}
}

static void caller_find(struct caller *c)
{
	static const char *const by[] = {"SUDO_UID", "PKEXEC_UID"};

	user_add(c, geteuid(), true);
	for (size_t i = 0; geteuid() == 0 && i < ARRAY_SIZE(by) && c->n < 2; i++) {
		const char *text = getenv(by[i]);
		char *end;
		unsigned long uid = text ? strtoul(text, &end, 10) : 0;

		if (uid && uid < UINT32_MAX && !*end)
			user_add(c, (uid_t)uid, false);
	}
}

/* Root as it is seen from here: in a user namespace the machine's root may be a stranger. */
static uid_t machine_owner(int etc)
{
	struct stat st;

	return geteuid() == 0 && !user_is_root() && etc >= 0 && fstat(etc, &st) == 0 ? st.st_uid
	                                                                             : 0;
}

int policies_load(struct policies *p, const struct world *w, const struct paths *paths,
                  const struct catalogue *catalogue, struct problems *problems, struct err *err)
{
	static const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
	_cleanup_fd_ int machine = world_openat(w, machine_etc, flags);
	int ret;

	*p = (struct policies){.n = 0};
	caller_find(&p->caller);
	ret = policy_add(p, machine, machine_etc, machine_owner(machine), world_is_real(w),
	                 catalogue, problems, err);
	if (ret == 0 && strcmp(paths->etc, machine_etc) != 0) {
		_cleanup_fd_ int own = open(paths->etc, flags | O_CLOEXEC);

		ret = policy_add(p, own < 0 ? -errno : own, paths->etc, geteuid(), true, catalogue,
		                 problems, err);
	}
	return ret;
}

bool policies_halt_anyone(const struct policies *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (strncmp(p->v[i]->path, machine_etc, strlen(machine_etc)) == 0)
			return strcmp(p->v[i]->halt, "anyone") == 0;
	return true;
}

void policies_release(struct policies *p)
{
	for (size_t i = 0; i < p->n; i++)
		policy_free(p->v[i]);
	p->n = 0;
}
