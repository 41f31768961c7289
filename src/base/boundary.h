/*
 * boundary.h - the places where a process may be killed, or a call be made to fail, by the torture
 * tests.
 *
 * In a normal build both are nothing. In a torture build (meson -Dtorture=true) SQUALL_TORTURE
 * names what happens at the n-th boundary; the unit tests set the hooks instead.
 */
#ifndef SQUALL_BASE_BOUNDARY_H
#define SQUALL_BASE_BOUNDARY_H

#include "base/base.h"

#ifdef SQUALL_TORTURE
extern void (*boundary_hook)(const char *name);
extern int (*boundary_fail_hook)(
        const char *name); /* 0, or the negative errno that the call is to fail with */
#define BOUNDARY(name) ((void)(boundary_hook ? (boundary_hook(name), 0) : 0))
#define BOUNDARY_FAIL(name) (boundary_fail_hook ? boundary_fail_hook(name) : 0)
#else
#define BOUNDARY(name) ((void)0)
#define BOUNDARY_FAIL(name) 0
#endif

#endif
