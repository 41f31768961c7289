/*
 * fuzz.h - what the fuzz targets share: the text they are given, and a folder to lay files in.
 *
 * A target is a file with fuzz_one(), and fuzz_begin() when there is something to make ready once.
 * It is linked with libFuzzer (make fuzz), or with replay.c, which gives it each file of its corpus
 * (make check). Invariants: a target reads and changes nothing but its input and its own folder;
 * what it checks it checks with assert(), so that a broken promise is a crash. Not to be assumed:
 * that the input ends with a NUL or holds none.
 */
#ifndef SQUALL_FUZZ_FUZZ_H
#define SQUALL_FUZZ_FUZZ_H

#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/paths.h"
#include "base/world.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

void fuzz_begin(void);
void fuzz_one(const char *text, size_t n);

/* The path of this process's own folder, made at the first call and removed when it ends. */
const char *fuzz_folder(void);
/* The places of squall in that folder, made. */
void fuzz_paths(struct paths *);
/* A machine without anything but a boot id, in that folder; it counts as a recorded one. */
void fuzz_world(struct world *);

/* The part of the text up to `end` ("\n---\n"), as a string of its own; what is left stays in *text
 * and *n. NULL when nothing is left. The caller frees it. */
char *fuzz_part(const char **text, size_t *n, const char *end);

#endif
