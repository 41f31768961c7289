/*
 * helpers.h - the helpers that the keeper can start, by name.
 */
#ifndef SQUALL_HELPER_HELPERS_H
#define SQUALL_HELPER_HELPERS_H

#include "base/helper.h"

extern const struct helper_type *const helpers[]; /* ends with NULL */

#endif
