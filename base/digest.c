/* SPDX-License-Identifier: MIT */
#include "base/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

void digest_sha256(const void *data, size_t size, uint8_t ret[static DIGEST_BYTES])
{
	/* Fails only without memory or without SHA-256 in libcrypto: no name could be trusted then.
	 */
	if (EVP_Digest(data, size, ret, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

uint64_t digest_id(const void *data, size_t size)
{
	uint8_t digest[DIGEST_BYTES];
	uint64_t id = 0;

	digest_sha256(data, size, digest);
	for (size_t i = 0; i < sizeof(id); i++)
		id = id << 8 | digest[i];
	return id;
}

void digest_fingerprint(const char *token, size_t length, char ret[static FINGERPRINT_BYTES])
{
	uint8_t digest[DIGEST_BYTES];

	digest_sha256(token, length, digest);
	for (size_t i = 0; i < (FINGERPRINT_BYTES - 1) / 2; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

void digest_sha256_base64(const void *data, size_t size, char ret[static DIGEST_BASE64_BYTES])
{
	uint8_t digest[DIGEST_BYTES];

	digest_sha256(data, size, digest);
	(void)EVP_EncodeBlock((unsigned char *)ret, digest, sizeof(digest));
}
