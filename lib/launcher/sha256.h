/* SHA-256 as FIPS 180-4 defines it. */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_HEX 65 /* 64 digits and the final zero */

typedef struct {
  uint32_t state[8];
  uint64_t length;          /* bytes taken in */
  unsigned char block[64];  /* the unfinished block: its first `length % 64` bytes */
} sha256;

void sha256_begin(sha256 *hash);
void sha256_add(sha256 *hash, const void *bytes, size_t size);
void sha256_end(sha256 *hash, char hex[SHA256_HEX]);

#endif
