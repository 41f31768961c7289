/*
 * nft-words.h - what the files that read and write an nft table's words share. Not for anyone else.
 */
#ifndef SQUALL_STEP_NFT_WORDS_H
#define SQUALL_STEP_NFT_WORDS_H

#include "step/nft.h"

/* Decimal digits only: no sign, no blank, no leading zero. -EINVAL, -ERANGE. */
int nft_number_read(const char *text, uint64_t max, uint64_t *n) must_use;
/* Is there a filter of which exclusions leave nothing? -EINVAL. */
int nft_rules_check_left(const struct nft_rules *, struct err *) must_use;

#endif
