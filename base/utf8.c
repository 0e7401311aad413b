/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <assert.h>
#include <string.h>

static const char replacement[] = "\xef\xbf\xbd";

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/* How long the sequence is that this byte starts; 0: none. */
static size_t announced_length(unsigned char byte)
{
	if (byte < 0x80)
		return 1;
	if (byte >= 0xc2 && byte <= 0xdf) /* c0 and c1 only start overlong ones */
		return 2;
	if (byte >= 0xe0 && byte <= 0xef)
		return 3;
	return byte >= 0xf0 && byte <= 0xf4 ? 4 : 0;
}

/* RFC 3629 4: the second byte rules out overlong forms, surrogates and what is above U+10FFFF. */
static bool is_second_byte(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return is_continuation(second);
	}
}

/* Length of the valid sequence at bytes, which end with a NUL; 0: not valid. */
static size_t sequence_length(const unsigned char *bytes)
{
	size_t length = announced_length(bytes[0]);

	if (length >= 2 && !is_second_byte(bytes[0], bytes[1]))
		return 0;
	for (size_t i = 2; i < length; i++)
		if (!is_continuation(bytes[i]))
			return 0;
	return length;
}

size_t utf8_decode(const char *string, uint32_t *ret_code)
{
	static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07}; /* by length */
	const unsigned char *bytes = (const unsigned char *)string;
	size_t length = sequence_length(bytes);
	uint32_t code = bytes[0] & first_bits[length];

	for (size_t i = 1; i < length; i++)
		code = code << 6 | (bytes[i] & 0x3f);
	if (length > 0)
		*ret_code = code;
	return length;
}

bool utf8_is_valid(const char *string)
{
	while (*string != '\0') {
		size_t length = sequence_length((const unsigned char *)string);

		if (length == 0)
			return false;
		string += length;
	}
	return true;
}

size_t utf8_copy(char *buffer, size_t size, const char *string)
{
	size_t used = 0;

	assert(size > 0);
	while (*string != '\0') {
		size_t length = sequence_length((const unsigned char *)string);
		const char *from = length > 0 ? string : replacement;
		size_t add = length > 0 ? length : sizeof(replacement) - 1;

		if (add >= size - used)
			break;
		memcpy(buffer + used, from, add);
		used += add;
		string += length > 0 ? length : 1;
	}
	buffer[used] = '\0';
	return used;
}
