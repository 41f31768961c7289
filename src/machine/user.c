/* Users, from /etc/passwd. */
#include "machine/user.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASSWD_MAX = 1 << 20 };

/* Calls `each` for every line of /etc/passwd until it returns true. */
static int passwd_each(const struct world *w, bool (*each)(void *, const char *, uid_t), void *ctx)
{
	_cleanup_free_ char *text = NULL;
	struct buf b;
	char *line, *rest;

	text = malloc(PASSWD_MAX);
	if (!text)
		return -ENOMEM;
	buf_init(&b, text, PASSWD_MAX);
	if (world_read(w, "/etc/passwd", &b, NULL) < 0)
		return 0;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *colon = strchr(line, ':');
		unsigned uid;

		if (!colon || sscanf(colon, ":%*[^:]:%u:", &uid) != 1)
			continue;
		*colon = '\0';
		if (each(ctx, line, uid))
			return 1;
	}
	return 0;
}

struct user_walk {
	const char *name;
	uid_t uid;
	struct buf *to;
};

static bool user_is_named(void *ctx, const char *name, uid_t uid)
{
	struct user_walk *walk = ctx;

	if (strcmp(name, walk->name) != 0)
		return false;
	walk->uid = uid;
	return true;
}

static bool user_has_uid(void *ctx, const char *name, uid_t uid)
{
	struct user_walk *walk = ctx;

	if (uid != walk->uid)
		return false;
	buf_add(walk->to, name);
	return true;
}

int user_find(const struct world *w, const char *user, uid_t *uid, struct err *err)
{
	struct user_walk walk = {.name = user};
	char *end;
	unsigned long n;
	int ret;

	errno = 0;
	n = strtoul(user, &end, 10);
	if (*user >= '0' && *user <= '9' && *end == '\0') {
		if (errno || n >= UINT32_MAX)
			return err_set(err, -EINVAL, "\"%s\" is not a user number", user);
		*uid = (uid_t)n;
		return 0;
	}
	ret = passwd_each(w, user_is_named, &walk);
	if (ret < 0)
		return err_sys(err, -ret, "could not look up user \"%s\"", user);
	if (ret == 0) {
		err_set(err, -ENOENT, "no user \"%s\" in \"/etc/passwd\"", user);
		return err_hint(err, -ENOENT,
		                "A user that is kept elsewhere can be given by number.");
	}
	*uid = walk.uid;
	return 0;
}

void user_format(const struct world *w, uid_t uid, struct buf *to)
{
	struct user_walk walk = {.uid = uid, .to = to};

	if (passwd_each(w, user_has_uid, &walk) <= 0)
		buf_addf(to, "%u", uid);
}
