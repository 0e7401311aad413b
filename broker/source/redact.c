/* SPDX-License-Identifier: MIT */
#include "source/redact.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char replacement[] = "[redacted]";
static const char cut_mark[] = "...";

/* The beginning of a secret at the end of a text counts from this length on: shorter ones are
 * chance. */
enum { PARTIAL_MIN = 4 };

/* The beginning of a secret counts anywhere from this length on: somebody has cut it. No client id
 * is so long, which begins "id:secret". It bounds what a server can make us compare, too. */
enum { BEGINNING_MIN = 256 };

/* How the bytes of a secret may be written. Within one occurrence it does not change, so that every
 * unit of the text can be read in one way only. */
enum writing {
	WRITING_PLAIN,
	WRITING_PERCENT, /* %41, + for a space */
	WRITING_JSON,    /* \/, \u0041 */
	WRITING_COUNT,
};

void redaction_add(struct redaction *redaction, const char *bytes, size_t length)
{
	assert(redaction->count < REDACT_SECRETS_MAX);
	if (length == 0)
		return;
	redaction->secrets[redaction->count].bytes = bytes;
	redaction->secrets[redaction->count].length = length;
	redaction->count++;
}

void redaction_add_secret(struct redaction *redaction, const struct secret *secret)
{
	if (secret != NULL)
		redaction_add(redaction, secret->data, secret->length);
}

/* -1: not a hexadecimal digit. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_hex_of(const char *digits, size_t count, char wanted)
{
	int value = 0;

	for (size_t i = 0; i < count; i++) {
		int digit = hex_value(digits[i]);

		if (digit < 0)
			return false;
		value = value * 16 + digit;
	}
	return value == (unsigned char)wanted;
}

/*
 * How many bytes at the start of text stand for the wanted one, 0 if they stand for another. More
 * than left means that the text ends inside an escape.
 */
static size_t match_percent(const char *text, size_t left, char wanted)
{
	if (*text == '%') {
		if (left < 3)
			return left + 1;
		return is_hex_of(text + 1, 2, wanted) ? 3 : 0;
	}
	return *text == wanted || (*text == '+' && wanted == ' ') ? 1 : 0;
}

static size_t match_json(const char *text, size_t left, char wanted)
{
	if (*text != '\\')
		return *text == wanted ? 1 : 0;
	if (left < 2 || (text[1] == 'u' && left < 6))
		return left + 1;
	if (text[1] == 'u')
		return is_hex_of(text + 2, 4, wanted) ? 6 : 0;
	return text[1] == wanted ? 2 : 0;
}

static size_t match_unit(enum writing writing, const char *text, size_t left, char wanted)
{
	switch (writing) {
	case WRITING_PERCENT:
		return match_percent(text, left, wanted);
	case WRITING_JSON:
		return match_json(text, left, wanted);
	case WRITING_PLAIN:
	case WRITING_COUNT:
		break;
	}
	return *text == wanted ? 1 : 0;
}

/* What is looked for: a secret, or what base64 makes of it (RFC 4648 4 and 5). */
struct wanted {
	const char *bytes;
	size_t length;
	bool is_base64;
};

/* Of base64 the digits that hold nothing but the secret. Of a short secret that is chance. */
static size_t wanted_count(const struct wanted *wanted)
{
	if (!wanted->is_base64)
		return wanted->length;
	return wanted->length < PARTIAL_MIN ? 0 : wanted->length * 8 / 6;
}

static char base64_digit(const struct wanted *wanted, size_t i)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	size_t at = i * 6 / 8;
	unsigned first = (unsigned char)wanted->bytes[at];
	unsigned second = at + 1 < wanted->length ? (unsigned char)wanted->bytes[at + 1] : 0;

	return digits[(first << 8 | second) >> (10 - i * 6 % 8) & 63];
}

static size_t match_base64_digit(enum writing writing, const char *text, size_t left, char digit)
{
	size_t unit = match_unit(writing, text, left, digit);

	if (unit == 0 && digit == '+')
		unit = match_unit(writing, text, left, '-');
	if (unit == 0 && digit == '/')
		unit = match_unit(writing, text, left, '_');
	return unit;
}

static size_t match_wanted(enum writing writing, const char *text, size_t left,
			   const struct wanted *wanted, size_t i)
{
	if (wanted->is_base64)
		return match_base64_digit(writing, text, left, base64_digit(wanted, i));
	return match_unit(writing, text, left, wanted->bytes[i]);
}

/* The last digit, which has bits of what follows, and the padding: as far as they are there. */
static size_t match_base64_end(enum writing writing, const char *text, size_t left,
			       const struct wanted *wanted)
{
	size_t used = 0;

	if (left > 0 && wanted->length % 3 != 0)
		used = match_base64_digit(writing, text, left,
					  base64_digit(wanted, wanted->length * 8 / 6));
	for (size_t i = wanted->length % 3; i > 0 && i < 3 && used < left; i++)
		used += match_unit(writing, text + used, left - used, '=');
	return used < left ? used : left;
}

/* The length of the occurrence at the start of text, 0 if there is none. */
static size_t match_secret(enum writing writing, const char *text, size_t left,
			   const struct wanted *wanted)
{
	size_t count = wanted_count(wanted);
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		size_t unit = 0;

		if (used < left) {
			unit = match_wanted(writing, text + used, left - used, wanted, i);
			if (unit == 0)
				return i >= BEGINNING_MIN ? used : 0;
		}
		if (used + unit > left || unit == 0)
			return i >= PARTIAL_MIN ? left : 0;
		used += unit;
	}
	if (wanted->is_base64 && count > 0)
		used += match_base64_end(writing, text + used, left - used, wanted);
	return used;
}

/* As it is and in base64: the longer one. */
static size_t match_forms(enum writing writing, const char *text, size_t left, const char *secret,
			  size_t length)
{
	const struct wanted plain = {.bytes = secret, .length = length};
	const struct wanted base64 = {.bytes = secret, .length = length, .is_base64 = true};
	size_t used = match_secret(writing, text, left, &plain);
	size_t used_base64 = match_secret(writing, text, left, &base64);

	return used > used_base64 ? used : used_base64;
}

/* The longest of all, so that nothing of one secret is left when another is its beginning. */
static size_t match_any(const struct redaction *redaction, const char *text, size_t left)
{
	size_t longest = 0;

	for (size_t i = 0; i < redaction->count; i++)
		for (enum writing writing = WRITING_PLAIN; writing < WRITING_COUNT; writing++) {
			size_t used = match_forms(writing, text, left, redaction->secrets[i].bytes,
						  redaction->secrets[i].length);

			longest = used > longest ? used : longest;
		}
	return longest;
}

/* What the first byte of a UTF-8 sequence says about its length; 0: no sequence starts so. */
static size_t utf8_announced_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	if (first < 0xe0)
		return 2;
	return first < 0xf0 ? 3 : 4;
}

/* The length of the UTF-8 sequence at the start of text, 0 for none; RFC 3629 4. */
static size_t utf8_length(const unsigned char *text, size_t left)
{
	size_t length = utf8_announced_length(text[0]);

	if (length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0; /* longer than needed, a surrogate, or beyond U+10FFFF */
	return length;
}

/* C0, DEL and C1, and the marks that turn or break lines: U+2028 to U+202E, U+2066 to U+2069. */
static bool is_control(const unsigned char *text, size_t length)
{
	if (length == 1)
		return text[0] < 0x20 || text[0] == 0x7f;
	if (length == 2)
		return text[0] == 0xc2 && text[1] < 0xa0;
	return length == 3 && text[0] == 0xe2 &&
	       ((text[1] == 0x80 && text[2] >= 0xa8 && text[2] <= 0xae) ||
		(text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9));
}

/* One piece of clean text and how much of the dirty one it stands for. */
struct piece {
	char text[sizeof(replacement)];
	size_t length;
	size_t consumed;
};

static struct piece next_piece(const struct redaction *redaction, const char *text, size_t left)
{
	struct piece piece = {.consumed = match_any(redaction, text, left)};
	size_t sequence;

	if (piece.consumed > 0) {
		piece.length = sizeof(replacement) - 1;
		memcpy(piece.text, replacement, sizeof(replacement));
		return piece;
	}
	sequence = utf8_length((const unsigned char *)text, left);
	if (sequence > 0 && !is_control((const unsigned char *)text, sequence)) {
		memcpy(piece.text, text, sequence);
		piece.length = sequence;
		piece.consumed = sequence;
		return piece;
	}
	(void)snprintf(piece.text, sizeof(piece.text), "\\x%02x", (unsigned char)*text);
	piece.length = strlen(piece.text);
	piece.consumed = 1;
	return piece;
}

void redact(const struct redaction *redaction, const char *text, size_t length, char *buffer,
	    size_t size)
{
	size_t room = size - sizeof(cut_mark);
	size_t used = 0;
	size_t at = 0;
	size_t last_fit = 0; /* where the mark goes if the rest does not fit */

	assert(size >= 16);
	while (at < length) {
		struct piece piece = next_piece(redaction, text + at, length - at);

		if (used + piece.length >= size) {
			memcpy(buffer + last_fit, cut_mark, sizeof(cut_mark));
			return;
		}
		memcpy(buffer + used, piece.text, piece.length);
		used += piece.length;
		at += piece.consumed;
		if (used <= room)
			last_fit = used;
	}
	buffer[used] = '\0';
}
