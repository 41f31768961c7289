/*
 * answer.h - how a helper answers an order: "ok", or "err CODE TEXT HINT".
 */
#ifndef SQUALL_HELPER_ANSWER_H
#define SQUALL_HELPER_ANSWER_H

#include "base/err.h"

/* code 0: ok; negative: what err says. */
int answer(int sock, int code, const struct err *err);

#endif
