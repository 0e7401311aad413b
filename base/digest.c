/* SPDX-License-Identifier: MIT */
/*
 * The interface of OpenSSL 1.1 on purpose: EVP asks OpenSSL 3's providers for the algorithm, and
 * the first such question costs as much as a fifth of the broker's start.
 */
#define OPENSSL_API_COMPAT 0x10100000L

#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

void digest_sha256(const void *data, size_t size, uint8_t ret[static DIGEST_BYTES])
{
	SHA256_CTX context;

	/* Cannot fail; if it did, no name could be trusted. */
	if (SHA256_Init(&context) != 1 || SHA256_Update(&context, data, size) != 1 ||
	    SHA256_Final(ret, &context) != 1)
		abort();
	/* The rest of what was hashed is in it, and that may be a token. */
	OPENSSL_cleanse(&context, sizeof(context));
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
