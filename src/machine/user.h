/*
 * user.h - user names and numbers of a machine.
 *
 * Reads the machine's /etc/passwd and nothing else: users that are kept elsewhere (LDAP) have only
 * their numbers here.
 */
#ifndef SQUALL_MACHINE_USER_H
#define SQUALL_MACHINE_USER_H

#include <sys/types.h>

#include "base/err.h"
#include "base/world.h"

/* Name or number. -ENOENT: no such name. */
int user_find(const struct world *w, const char *user, uid_t *uid, struct err *err) must_use;
/* The name of a user, or its number when it has none. */
void user_format(const struct world *w, uid_t uid, struct buf *to);

#endif
