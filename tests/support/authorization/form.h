/* SPDX-License-Identifier: MIT */
/*
 * application/x-www-form-urlencoded and HTTP Basic, as strict as a server may be: what is not well
 * formed is refused, never guessed at.
 */
#ifndef AUTH_SERVER_FORM_H
#define AUTH_SERVER_FORM_H

#include <stdbool.h>
#include <stddef.h>

#define FORM_FIELDS_MAX 32

struct form_field {
	char *name; /* decoded */
	char *value;
};

struct form {
	char *text; /* what the fields point into */
	struct form_field fields[FORM_FIELDS_MAX];
	size_t count;
};

/* -EINVAL: a broken escape, a NUL, a nameless field, or more than FORM_FIELDS_MAX; -ENOMEM. */
int form_parse(const char *body, size_t length, struct form *ret);
void form_fini(struct form *form);

/* The first value of that name, or NULL. */
const char *form_value(const struct form *form, const char *name);
size_t form_count(const struct form *form, const char *name);
/* A name that stands twice, though only "resource" may (RFC 8707), or NULL. */
const char *form_repeated(const struct form *form);

/* Decodes in place: "+" and "%XX". -EINVAL: a broken escape or a NUL. */
int form_decode(char *text);
/* A new string, as RFC 6749 appendix B wants it, or NULL without memory. */
char *form_encode(const char *text);

/* A new string, or NULL without memory. */
char *base64_encode(const char *text);

struct basic_credentials {
	char *user; /* owned; password points into it */
	char *password;
};

/* "Basic BASE64" split at the first colon. -EINVAL: another scheme or not well formed; -ENOMEM. */
int basic_parse(const char *authorization, struct basic_credentials *ret);
void basic_fini(struct basic_credentials *credentials);

#endif
