/* SPDX-License-Identifier: MIT */
/* SHA-256 by libcrypto, and what the product cuts from it. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_BYTES 32
/* First 12 hex digits of SHA-256 and a NUL: how a token is named to people. */
#define FINGERPRINT_BYTES 13

void digest_sha256(const void *data, size_t size, uint8_t ret[static DIGEST_BYTES]);
/* The first 8 bytes of SHA-256, as a big-endian number. */
uint64_t digest_id(const void *data, size_t size);
void digest_fingerprint(const char *token, size_t length, char ret[static FINGERPRINT_BYTES]);

/* The digest as it stands in HTTP and HTML headers: base64 with padding and a NUL. */
#define DIGEST_BASE64_BYTES 45
void digest_sha256_base64(const void *data, size_t size, char ret[static DIGEST_BASE64_BYTES]);

#endif
