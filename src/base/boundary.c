/* boundary.c - where the torture tests kill; empty in a normal build. */
#include "base/boundary.h"

#ifdef SQUALL_TORTURE
void (*boundary_hook)(const char *name);
int (*boundary_fail_hook)(const char *name);
#endif
