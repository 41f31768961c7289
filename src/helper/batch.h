/*
 * batch.h - an nfnetlink transaction that comes by the order channel, sent to the kernel as it is.
 */
#ifndef SQUALL_HELPER_BATCH_H
#define SQUALL_HELPER_BATCH_H

#include "base/base.h"
#include "base/err.h"

enum { BATCH_MAX = 256 * 1024 };

/* One datagram of `length` bytes, read into batch (BATCH_MAX bytes); fd: the socket that it is sent
 * by. */
int batch_take(int sock, int fd, char *batch, const char *length, const char *acks,
               struct err *) must_use;

#endif
