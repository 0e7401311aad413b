/* SPDX-License-Identifier: MIT */
/* The few JSON texts that the provider writes itself. */
#ifndef AUTH_SERVER_JSON_TEXT_H
#define AUTH_SERVER_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* New strings that the caller frees, or NULL without memory. */

/* RFC 6749 5.1; scope may be NULL. */
char *json_text_token(const char *token, int64_t expires_in_s, const char *scope);
/* RFC 6749 5.2 */
char *json_text_error(const char *error, const char *description);

/* What a careless server might say: the credentials as they came, form-encoded, and as base64 of
 * id:secret, with and without the encoding; the same of token. Any of them may be NULL. */
char *json_text_echo(const char *id, const char *secret, const char *token);

#endif
