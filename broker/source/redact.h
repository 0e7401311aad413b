/* SPDX-License-Identifier: MIT */
/*
 * Makes a text that a server sent fit to be kept: every secret in it becomes "[redacted]", control
 * characters and what is not UTF-8 become \xHH, and only then it is cut. Pure.
 *
 * A secret is found as it is and, from 4 bytes on, in base64 that begins with it (of either
 * alphabet); each of them percent- or form-encoded (either hex case, space as + or %20) and with
 * JSON's escapes, too. The beginning of a secret is enough, from its fourth character on at the
 * very end of the text and from 256 bytes on anywhere: somebody else may have cut it.
 */
#ifndef BROKER_SOURCE_REDACT_H
#define BROKER_SOURCE_REDACT_H

#include <stddef.h>

#include "base/secret.h"

enum { REDACT_SECRETS_MAX = 24 };

/* Starts zeroed. */
struct redaction {
	struct {
		const char *bytes;
		size_t length;
	} secrets[REDACT_SECRETS_MAX];
	size_t count;
};

/* The bytes are borrowed. Empty ones are ignored: they are nowhere and everywhere. */
void redaction_add(struct redaction *redaction, const char *bytes, size_t length);
/* NULL is ignored, too. */
void redaction_add_secret(struct redaction *redaction, const struct secret *secret);

/*
 * Writes the clean form of text to buffer, NUL-terminated; what had to be cut ends with "...". size
 * is at least 16. Of each secret at most 6 x 256 bytes are compared for each byte of size, however
 * long it is.
 */
void redact(const struct redaction *redaction, const char *text, size_t length, char *buffer,
	    size_t size);

#endif
