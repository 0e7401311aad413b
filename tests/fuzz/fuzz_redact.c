/* SPDX-License-Identifier: MIT */
/*
 * Nothing of a secret survives: a byte that says how it is written, a line that says which secret,
 * a byte that says where it stands, the text around it.
 *
 * First the text is as it came, which may have more of the secret and overlap with it. Then no byte
 * around the secret is one that it may be written with, so that the clean text is known: both sides
 * as they are without any secret, and one replacement between them. This has to hold wherever the
 * buffer ends, and wherever the text ends within the secret.
 */
#include <openssl/evp.h>

#include "fuzz.h"
#include "source/redact.h"

enum { WAYS = 6, BASE64 = 5 };
enum { SECRET_MIN = 4, SECRET_MAX = 40, TEXT_MAX = 4096, UNIT_BYTES = 8 };
enum { WRITTEN_MAX = SECRET_MAX * UNIT_BYTES };
enum { BEGINNING_MIN = 4 }; /* of a secret at the end of a text: what is shorter may stay */
enum { AROUND_MAX = 16 };   /* on each side, where all cuts are tried */
enum { BUFFER_MIN = 16 };

static const char alphabet[] = "GHIJKLMNOPQRSTUVWYZ/+ =&\"\\";
static const char replacement[] = "[redacted]";

/* A text with a secret in it: the lengths of what is before, of the secret, and of the rest. */
struct text {
	const char *bytes;
	size_t before;
	size_t written;
	size_t after;
};

static char clean[4 * (TEXT_MAX + WRITTEN_MAX) + sizeof(replacement)];
static char expected[sizeof(clean)];

/* As a server may repeat it. */
static void write_unit(char unit[static UNIT_BYTES], unsigned way, char c)
{
	switch (way) {
	case 0:
		(void)snprintf(unit, UNIT_BYTES, "%c", c);
		break;
	case 1:
		(void)snprintf(unit, UNIT_BYTES, "%%%02X", (unsigned char)c);
		break;
	case 2: /* a form, with a space as + */
		(void)snprintf(unit, UNIT_BYTES, c >= 'A' && c <= 'Z' ? "%c" : "%%%02x", c);
		if (c == ' ')
			(void)snprintf(unit, UNIT_BYTES, "+");
		break;
	case 3:
		(void)snprintf(unit, UNIT_BYTES, "\\u%04x", (unsigned char)c);
		break;
	case 4:
		(void)snprintf(unit, UNIT_BYTES, strchr("\"\\/", c) != NULL ? "\\%c" : "%c", c);
		break;
	}
}

static void make_secret(struct fuzz_input *input, char secret[static SECRET_MAX + 1])
{
	CLEANUP(free_memory) char *line = fuzz_line(input);
	size_t length = 0;

	for (; line[length] != '\0' && length < SECRET_MAX; length++)
		secret[length] = alphabet[(unsigned char)line[length] % (sizeof(alphabet) - 1)];
	while (length < SECRET_MIN)
		secret[length++] = 'Q';
	secret[length] = '\0';
}

static void write_secret(char *written, unsigned way, const char *secret)
{
	if (way == BASE64) {
		(void)EVP_EncodeBlock((unsigned char *)written, (const unsigned char *)secret,
				      (int)strlen(secret));
		return;
	}
	*written = '\0';
	for (; *secret != '\0'; secret++) {
		char unit[UNIT_BYTES];

		write_unit(unit, way, *secret);
		strcat(written, unit);
	}
}

static size_t text_length(const struct text *text)
{
	return text->before + text->written + text->after;
}

static void check_printable(const char *string)
{
	for (; *string != '\0'; string++)
		FUZZ_MUST((unsigned char)*string >= ' ' && *string != 0x7f);
}

static void check_as_it_came(const struct redaction *redaction, const struct text *text,
			     const char *written, unsigned room)
{
	redact(redaction, text->bytes, text_length(text), clean, sizeof(clean));
	FUZZ_MUST(strstr(clean, written) == NULL);
	FUZZ_MUST(strstr(clean, replacement) != NULL);
	check_printable(clean);
	redact(redaction, text->bytes, text_length(text), clean, BUFFER_MIN + room);
	FUZZ_MUST(memchr(clean, '\0', BUFFER_MIN + room) != NULL);
	FUZZ_MUST(strstr(clean, written) == NULL);
	check_printable(clean);
}

/* u: a backslash at the end of a secret and u005c behind it are that backslash once more. */
static void make_foreign(char *bytes, size_t length, const char *secret, const char *written)
{
	static const char any_secret[] = "%\\+-_u";
	char own[2 * WRITTEN_MAX + SECRET_MAX + sizeof(any_secret)];

	write_secret(own, BASE64, secret);
	strcat(strcat(strcat(own, secret), written), any_secret);
	for (size_t i = 0; i < length; i++)
		if (bytes[i] != '\0' && strchr(own, bytes[i]) != NULL)
			bytes[i] = '.';
}

static void make_expected(const struct text *text)
{
	static const struct redaction none;
	size_t used;

	redact(&none, text->bytes, text->before, expected, sizeof(expected));
	check_printable(expected);
	strcat(expected, replacement);
	used = strlen(expected);
	redact(&none, text->bytes + text->before + text->written, text->after, expected + used,
	       sizeof(expected) - used);
}

static void check_whole(const struct redaction *redaction, const struct text *text)
{
	make_expected(text);
	redact(redaction, text->bytes, text_length(text), clean, sizeof(clean));
	FUZZ_MUST(strcmp(clean, expected) == 0);
}

/* Buffers of every size up to the one that takes all. */
static void check_output_cuts(const struct redaction *redaction, const struct text *text)
{
	size_t whole;

	make_expected(text);
	whole = strlen(expected);
	for (size_t size = BUFFER_MIN; size <= whole; size++) {
		size_t kept;

		memset(clean, 'x', size + 1);
		redact(redaction, text->bytes, text_length(text), clean, size);
		FUZZ_MUST(clean[size] == 'x');
		kept = strnlen(clean, size);
		FUZZ_MUST(kept < size && kept >= strlen("..."));
		kept -= strlen("...");
		FUZZ_MUST(strcmp(clean + kept, "...") == 0);
		FUZZ_MUST(strncmp(clean, expected, kept) == 0);
	}
	if (whole + 1 >= BUFFER_MIN) {
		redact(redaction, text->bytes, text_length(text), clean, whole + 1);
		FUZZ_MUST(strcmp(clean, expected) == 0);
	}
}

/* The text ends at each place within the secret, from a beginning on that counts. */
static void check_input_cuts(const struct redaction *redaction, const struct text *text,
			     size_t beginning)
{
	const struct text none = {.bytes = text->bytes, .before = text->before};

	make_expected(&none);
	for (size_t written = beginning; written <= text->written; written++) {
		size_t length = text->before + written;
		CLEANUP(free_memory) char *exact = malloc(length); /* a sanitizer sees its end */

		FUZZ_MUST(exact != NULL);
		memcpy(exact, text->bytes, length);
		redact(redaction, exact, length, clean, sizeof(clean));
		FUZZ_MUST(strcmp(clean, expected) == 0);
	}
}

/* How much of the written secret its first bytes take, or the first digits of its base64. */
static size_t written_beginning(unsigned way, const char *secret)
{
	char first[BEGINNING_MIN + 1];
	char written[WRITTEN_MAX + 1];

	if (way == BASE64)
		return BEGINNING_MIN;
	(void)snprintf(first, sizeof(first), "%.*s", BEGINNING_MIN, secret);
	write_secret(written, way, first);
	return strlen(written);
}

static void check_cuts(const struct redaction *redaction, const struct text *text, size_t beginning)
{
	struct text part = *text;

	if (part.before > AROUND_MAX) {
		part.bytes += part.before - AROUND_MAX;
		part.before = AROUND_MAX;
	}
	if (part.after > AROUND_MAX)
		part.after = AROUND_MAX;
	check_output_cuts(redaction, &part);
	check_input_cuts(redaction, &part, beginning);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char bytes[TEXT_MAX + WRITTEN_MAX];
	struct fuzz_input input = {data, size};
	unsigned way = fuzz_byte(&input) % WAYS;
	unsigned where = fuzz_byte(&input);
	char secret[SECRET_MAX + 1];
	char written[WRITTEN_MAX + 1];
	struct redaction redaction = {0};
	struct text text = {.bytes = bytes};
	char *after;

	make_secret(&input, secret);
	write_secret(written, way, secret);
	redaction_add(&redaction, secret, strlen(secret));
	if (input.size > TEXT_MAX)
		input.size = TEXT_MAX;
	text.before = input.size * where / 255;
	text.written = strlen(written);
	text.after = input.size - text.before;
	after = bytes + text.before + text.written;
	if (text.before > 0)
		memcpy(bytes, input.data, text.before);
	memcpy(bytes + text.before, written, text.written);
	if (text.after > 0)
		memcpy(after, input.data + text.before, text.after);
	check_as_it_came(&redaction, &text, written, where);
	make_foreign(bytes, text.before, secret, written);
	make_foreign(after, text.after, secret, written);
	check_whole(&redaction, &text);
	check_cuts(&redaction, &text, written_beginning(way, secret));
	return 0;
}
