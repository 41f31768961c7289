/* helpers.c - the helpers that the keeper can start. A new one gets a line here. */
#include "helper/helpers.h"

#include <stddef.h>

extern const struct helper_type helper_hand;
extern const struct helper_type helper_nft;

const struct helper_type *const helpers[] = {
        &helper_hand,
        &helper_nft,
        NULL,
};
