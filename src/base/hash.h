/*
 * hash.h - SHA-256 (FIPS 180-4) to name content, CRC-32C to notice a torn write, and a small seeded
 * generator.
 */
#ifndef SQUALL_BASE_HASH_H
#define SQUALL_BASE_HASH_H

#include "base/base.h"

enum { SHA256_HEX = 65 };
struct sha256 {
	uint32_t h[8];
	uint64_t n;
	uint8_t block[64];
};
void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t n);
void sha256_end(struct sha256 *s, char hex[SHA256_HEX]);
void sha256_text(const void *data, size_t n, char hex[SHA256_HEX]);
uint32_t crc32c(const void *data, size_t n);

/* splitmix64 (Steele, Lea, Flood 2014): same seed, same draws, on every machine. */
struct rng {
	uint64_t s;
};
uint64_t rng_next(struct rng *r);
/* Uniform in [0, n), n > 0, without modulo bias. */
uint64_t rng_below(struct rng *r, uint64_t n);

#endif
