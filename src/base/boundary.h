/*
 * boundary.h - the places where a process may be killed, or a call be made to fail, by the torture
 * tests.
 *
 * In a normal build all of it is nothing. In a torture build (meson -Dtorture=true) the environment
 * says what happens: SQUALL_TORTURE=WHO@WHERE:N sends SIGKILL to WHO (runner, keeper, both,
 * helpers, all) at the N-th boundary (from 1) that process WHERE (runner, keeper, undo) passes; WHO
 * "stop" stops that process there (and the runner of a keeper), as if time stood still, for a test
 * that cuts the power; SQUALL_TORTURE_FAIL=N:EIO makes the N-th call of the keeper that may fail,
 * fail with EIO, EPERM, ENOSPC or ENOMEM; N:SHORT lets its N-th write write only half.
 * SQUALL_TORTURE_COUNT=FILE gets a line "WHERE boundaries N fails M writes K" at the end of each
 * process, SQUALL_TORTURE_NAMES=FILE a line "WHERE N NAME" at each boundary. Unit tests set the
 * hooks instead.
 */
#ifndef SQUALL_BASE_BOUNDARY_H
#define SQUALL_BASE_BOUNDARY_H

#include "base/base.h"

#ifdef SQUALL_TORTURE
extern void (*boundary_hook)(const char *name);
extern int (*boundary_fail_hook)(
        const char *name); /* 0, or the negative errno that the call is to fail with */
extern size_t (*boundary_part_hook)(const char *name, size_t n); /* how many of n bytes */
#define BOUNDARY(name) ((void)(boundary_hook ? (boundary_hook(name), 0) : 0))
#define BOUNDARY_FAIL(name) (boundary_fail_hook ? boundary_fail_hook(name) : 0)
/* The length of a write. */
#define BOUNDARY_PART(name, n) (boundary_part_hook ? boundary_part_hook(name, n) : (n))
/* Reads the environment and sets the hooks of this process; once, at its start. */
void boundary_torture(const char *where);
#else
#define BOUNDARY(name) ((void)0)
#define BOUNDARY_FAIL(name) 0
#define BOUNDARY_PART(name, n) (n)
#define boundary_torture(where) ((void)0)
#endif

#endif
