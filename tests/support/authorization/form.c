/* SPDX-License-Identifier: MIT */
#include "tests/support/authorization/form.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that two hex digits spell, or 0 when they are none (or spell NUL). */
static char escaped_byte(const char *digits)
{
	int high = hex_digit(digits[0]);
	int low = high < 0 ? -1 : hex_digit(digits[1]);

	return low < 0 ? '\0' : (char)(high * 16 + low);
}

int form_decode(char *text)
{
	char *out = text;

	for (const char *in = text; *in != '\0'; in++) {
		char c = *in;

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			c = escaped_byte(in + 1);
			if (c == '\0')
				return -EINVAL;
			in += 2;
		}
		*out++ = c;
	}
	*out = '\0';
	return 0;
}

static bool is_unreserved(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       strchr("*-._", c) != NULL;
}

char *form_encode(const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	char *encoded = malloc(3 * strlen(text) + 1);
	char *out = encoded;

	if (encoded == NULL)
		return NULL;
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (is_unreserved(c)) {
			*out++ = (char)c;
		} else if (c == ' ') {
			*out++ = '+';
		} else {
			*out++ = '%';
			*out++ = digits[c >> 4];
			*out++ = digits[c & 15];
		}
	}
	*out = '\0';
	return encoded;
}

static int parse_field(char *text, struct form_field *ret)
{
	char *value = strchr(text, '=');
	int r;

	if (value == NULL || value == text)
		return -EINVAL;
	*value++ = '\0';
	r = form_decode(text);
	if (r == 0)
		r = form_decode(value);
	if (r == 0)
		*ret = (struct form_field){text, value};
	return r;
}

static int parse_fields(struct form *form)
{
	char *rest = form->text;
	char *field;

	while ((field = strsep(&rest, "&")) != NULL) {
		int r;

		if (form->count == FORM_FIELDS_MAX)
			return -EINVAL;
		r = parse_field(field, &form->fields[form->count]);
		if (r < 0)
			return r;
		form->count++;
	}
	return 0;
}

int form_parse(const char *body, size_t length, struct form *ret)
{
	struct form form = {.text = strndup(body, length)};
	int r;

	if (form.text == NULL)
		return -ENOMEM;
	r = *form.text == '\0' ? 0 : parse_fields(&form);
	if (r < 0) {
		form_fini(&form);
		return r;
	}
	*ret = form;
	return 0;
}

void form_fini(struct form *form)
{
	free(form->text);
	*form = (struct form){0};
}

const char *form_value(const struct form *form, const char *name)
{
	for (size_t i = 0; i < form->count; i++) {
		if (strcmp(form->fields[i].name, name) == 0)
			return form->fields[i].value;
	}
	return NULL;
}

size_t form_count(const struct form *form, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < form->count; i++)
		count += strcmp(form->fields[i].name, name) == 0;
	return count;
}

const char *form_repeated(const struct form *form)
{
	for (size_t i = 0; i < form->count; i++) {
		const char *name = form->fields[i].name;

		if (strcmp(name, "resource") != 0 && form_count(form, name) > 1)
			return name;
	}
	return NULL;
}

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const char *text)
{
	size_t length = strlen(text);
	char *encoded = malloc((length + 2) / 3 * 4 + 1);
	char *out = encoded;

	if (encoded == NULL)
		return NULL;
	for (size_t i = 0; i < length; i += 3) {
		size_t count = length - i < 3 ? length - i : 3;
		uint32_t bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (k < count ? (unsigned char)text[i + k] : 0U);
		for (size_t k = 0; k < 4; k++)
			*out++ = k <= count ? base64_digits[bits >> (18 - 6 * k) & 63] : '=';
	}
	*out = '\0';
	return encoded;
}

/* Canonical base64 of a text without NUL. */
static int base64_decode(const char *encoded, char **ret)
{
	size_t length = strcspn(encoded, "=");
	size_t padding = strlen(encoded + length);
	CLEANUP(free_memory) char *decoded = malloc(length / 4 * 3 + 4);
	char *out = decoded;
	uint32_t bits = 0;

	if (decoded == NULL)
		return -ENOMEM;
	if ((length + padding) % 4 != 0 || padding > 2 || strspn(encoded + length, "=") != padding)
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		const char *digit = strchr(base64_digits, encoded[i]);

		if (digit == NULL)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)(digit - base64_digits);
		if (i % 4 == 0)
			continue;
		*out = (char)(bits >> (6 - 2 * (i % 4)) & 255);
		if (*out++ == '\0')
			return -EINVAL;
	}
	*out = '\0';
	*ret = decoded;
	decoded = NULL;
	return 0;
}

int basic_parse(const char *authorization, struct basic_credentials *ret)
{
	static const char scheme[] = "Basic ";
	char *decoded;
	char *colon;
	int r;

	if (strncasecmp(authorization, scheme, strlen(scheme)) != 0)
		return -EINVAL;
	r = base64_decode(authorization + strlen(scheme), &decoded);
	if (r < 0)
		return r;
	colon = strchr(decoded, ':');
	if (colon == NULL) {
		free(decoded);
		return -EINVAL;
	}
	*colon = '\0';
	*ret = (struct basic_credentials){.user = decoded, .password = colon + 1};
	return 0;
}

void basic_fini(struct basic_credentials *credentials)
{
	free(credentials->user);
	*credentials = (struct basic_credentials){0};
}
