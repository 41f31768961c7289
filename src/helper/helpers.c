/* helpers.c - the helpers that the keeper can start. A new one gets a line here. */
#include "helper/helpers.h"

#include <stddef.h>

extern const struct helper_type helper_cpu;
extern const struct helper_type helper_hand;
extern const struct helper_type helper_mark;
extern const struct helper_type helper_memory;
extern const struct helper_type helper_nft;
extern const struct helper_type helper_shaper;
extern const struct helper_type helper_space;

const struct helper_type *const helpers[] = {
        &helper_cpu, &helper_hand,   &helper_mark,  &helper_memory,
        &helper_nft, &helper_shaper, &helper_space, NULL,
};
