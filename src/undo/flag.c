/* flag.c - a sign that all users of this machine can see. */
#include "undo/flag.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/ident.h"
#include "undo/claim.h"

/* So many keepers may have their flag up for one object at the same time. */
enum { FLAGS = 16, FLAG_BACKLOG = 4096 };

static socklen_t flag_address(const char *hash, int i, struct sockaddr_un *a)
{
	int n;

	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "squall/%s/%d", hash, i);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

static int flag_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Which of the flags is ours now; FLAGS when there is none to be had. */
static int flag_put(const char *hash, int *fd)
{
	_cleanup_fd_ int s = flag_socket();

	for (int i = 0; s >= 0 && i < FLAGS; i++) {
		struct sockaddr_un a;
		socklen_t n = flag_address(hash, i, &a);

		if (bind(s, (struct sockaddr *)&a, n) < 0)
			continue;
		/* Each look stays in the queue; where it is full, one cannot be looked at. */
		if (listen(s, FLAG_BACKLOG) < 0)
			break;
		*fd = fd_take(&s);
		return i;
	}
	return FLAGS;
}

/* Who listens there. */
static bool address_look(const struct sockaddr_un *a, socklen_t n, struct ucred *who)
{
	_cleanup_fd_ int s = flag_socket();
	socklen_t size = sizeof(*who);

	return s >= 0 && connect(s, (const struct sockaddr *)a, n) == 0 &&
	       getsockopt(s, SOL_SOCKET, SO_PEERCRED, who, &size) == 0;
}

static bool flag_look(const char *hash, int i, struct ucred *who)
{
	struct sockaddr_un a;
	socklen_t n = flag_address(hash, i, &a);

	return address_look(&a, n, who);
}

/* Who has the same claims, by process. */
static socklen_t home_address(int claims_dir, pid_t pid, struct sockaddr_un *a)
{
	struct stat st = {0};
	int n;

	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	(void)fstat(claims_dir, &st);
	n = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "squall/claims/%llu.%llu/%d",
	             (unsigned long long)st.st_dev, (unsigned long long)st.st_ino, pid);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

int flag_home(int claims_dir)
{
	_cleanup_fd_ int s = flag_socket();
	struct sockaddr_un a;
	socklen_t n = home_address(claims_dir, getpid(), &a);

	if (s < 0 || bind(s, (struct sockaddr *)&a, n) < 0 || listen(s, FLAG_BACKLOG) < 0)
		return -1;
	return fd_take(&s);
}

/* Do this keeper's claims lie where ours do? */
static bool is_at_home(int claims_dir, const struct ucred *who)
{
	struct sockaddr_un a;
	socklen_t n = home_address(claims_dir, who->pid, &a);
	struct ucred seen;

	if (who->pid == getpid())
		return true;
	return who->uid == geteuid() && address_look(&a, n, &seen) && seen.pid == who->pid &&
	       seen.uid == who->uid;
}

static int other_claims(const struct step_type *type, const char *object, const struct ucred *who,
                        struct err *err)
{
	(void)err_set(err, -EBUSY,
	              "%s \"%s\" is in use by a run of yours in another folder (process %d)",
	              type->name, object, who->pid);
	return err_hint(err, -EBUSY,
	                "Wait until it has ended, or run this with the same SQUALL_DIR, HOME and "
	                "XDG_STATE_HOME, so that the two know of each other.");
}

int flag_raise(const struct world *w, const struct step_type *type, const char *object,
               int claims_dir, int *fd, struct err *err)
{
	_cleanup_fd_ int own = -1;
	char hash[CLAIM_NAME];
	int mine;

	*fd = -1;
	if (!type->may || !world_is_real(w))
		return 0;
	claim_name(type->name, object, hash);
	/* raised before it looks: of two that come at once, at least one sees the other */
	mine = flag_put(hash, &own);
	for (int i = 0; i < FLAGS; i++) {
		struct ucred who;

		/* those with the same claims do not shut each other out: the claims do that */
		if (i == mine || !flag_look(hash, i, &who) || is_at_home(claims_dir, &who))
			continue;
		if (who.uid == geteuid())
			return other_claims(type, object, &who, err);
		if (who.uid != 0 && !user_is_stranger(who.uid) && !type->may(w, object, who.uid))
			continue;
		(void)err_set(err, -EBUSY,
		              "%s \"%s\" is in use by the squall of another user (uid %u, process "
		              "%d)",
		              type->name, object, who.uid, who.pid);
		return err_hint(err, -EBUSY,
		                "Wait until that run has ended; root can end it by \"squall halt "
		                "--everyone\", or the process by kill.");
	}
	*fd = fd_take(&own);
	return 0;
}
