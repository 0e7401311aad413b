/* SPDX-License-Identifier: MIT */
#include "tests/support/authorization/json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/support/authorization/form.h"

static void write_string(FILE *out, const char *text)
{
	(void)fputc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20)
			(void)fprintf(out, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			(void)fprintf(out, "\\%c", c);
		else
			(void)fputc(c, out);
	}
	(void)fputc('"', out);
}

/* Ends a memory stream; text belongs to the caller then. */
static char *finish(FILE *out, char **text)
{
	if (fclose(out) == 0)
		return *text;
	free(*text);
	return NULL;
}

char *json_text_token(const char *token, int64_t expires_in_s, const char *scope)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	(void)fputs("{\"access_token\":", out);
	write_string(out, token);
	(void)fprintf(out, ",\"token_type\":\"Bearer\",\"expires_in\":%lld",
		      (long long)expires_in_s);
	if (scope != NULL) {
		(void)fputs(",\"scope\":", out);
		write_string(out, scope);
	}
	(void)fputc('}', out);
	return finish(out, &text);
}

char *json_text_error(const char *error, const char *description)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	(void)fputs("{\"error\":", out);
	write_string(out, error);
	(void)fputs(",\"error_description\":", out);
	write_string(out, description);
	(void)fputc('}', out);
	return finish(out, &text);
}

static void write_base64_pair(FILE *out, const char *id, const char *secret)
{
	CLEANUP(free_memory) char *pair = NULL;
	CLEANUP(free_memory) char *encoded = NULL;

	if (asprintf(&pair, "%s:%s", id, secret) < 0) {
		pair = NULL;
		return;
	}
	encoded = base64_encode(pair);
	if (encoded != NULL)
		(void)fprintf(out, " basic %s", encoded);
}

static void write_forms(FILE *out, const char *text)
{
	CLEANUP(free_memory) char *encoded = form_encode(text);
	CLEANUP(free_memory) char *base64 = base64_encode(text);

	if (encoded != NULL && base64 != NULL)
		(void)fprintf(out, " raw %s form %s base64 %s", text, encoded, base64);
}

static void write_echo(FILE *out, const char *id, const char *secret)
{
	CLEANUP(free_memory) char *encoded_id = form_encode(id);
	CLEANUP(free_memory) char *encoded_secret = form_encode(secret);

	write_forms(out, secret);
	write_base64_pair(out, id, secret);
	if (encoded_id != NULL && encoded_secret != NULL)
		write_base64_pair(out, encoded_id, encoded_secret);
}

char *json_text_echo(const char *id, const char *secret, const char *token)
{
	CLEANUP(free_memory) char *description = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&description, &size);

	if (out == NULL)
		return NULL;
	(void)fputs("you sent", out);
	if (id != NULL && secret != NULL)
		write_echo(out, id, secret);
	if (token != NULL)
		write_forms(out, token);
	if (fclose(out) != 0)
		return NULL;
	return json_text_error("invalid_client", description);
}
