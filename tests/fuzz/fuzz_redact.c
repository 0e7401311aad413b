/* SPDX-License-Identifier: MIT */
/*
 * No secret survives: a byte that says how it is written, a line that says which secret, a byte
 * that says where it stands, the text around it. The secret is made of characters that no
 * replacement and no escape has, so that what is found was there before.
 */
#include <openssl/evp.h>

#include "fuzz.h"
#include "source/redact.h"

enum { WAYS = 6, BASE64 = 5 };
enum { SECRET_MIN = 4, SECRET_MAX = 40, TEXT_MAX = 4096, UNIT_BYTES = 8 };

static const char alphabet[] = "GHIJKLMNOPQRSTUVWYZ/+ =&\"\\";

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

/* Of a text: printable, and with nothing of the secret. */
static void check(const char *clean, const char *written)
{
	FUZZ_MUST(strstr(clean, written) == NULL);
	FUZZ_MUST(strstr(clean, "[redacted]") != NULL || strstr(clean, "...") != NULL);
	for (; *clean != '\0'; clean++)
		FUZZ_MUST((unsigned char)*clean >= ' ' && *clean != 0x7f);
}

static void check_cut(const struct redaction *redaction, const char *text, size_t length,
		      unsigned size)
{
	char buffer[16 + 256];

	memset(buffer, 'x', sizeof(buffer));
	redact(redaction, text, length, buffer, 16 + size);
	FUZZ_MUST(memchr(buffer, '\0', 16 + size) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	unsigned way = fuzz_byte(&input) % WAYS;
	unsigned where = fuzz_byte(&input);
	char secret[SECRET_MAX + 1];
	char written[SECRET_MAX * UNIT_BYTES + 1];
	struct redaction redaction = {0};
	char text[TEXT_MAX + sizeof(written)];
	static char clean[4 * sizeof(text) + sizeof("[redacted]")];
	size_t before;
	size_t length;

	make_secret(&input, secret);
	write_secret(written, way, secret);
	redaction_add(&redaction, secret, strlen(secret));
	if (input.size > TEXT_MAX)
		input.size = TEXT_MAX;
	before = input.size * where / 255;
	length = strlen(written);
	if (input.size > 0)
		memcpy(text, input.data, before);
	memcpy(text + before, written, length);
	if (input.size > before)
		memcpy(text + before + length, input.data + before, input.size - before);
	length += input.size;
	redact(&redaction, text, length, clean, sizeof(clean));
	check(clean, written);
	check_cut(&redaction, text, length, where);
	return 0;
}
