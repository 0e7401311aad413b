/* SPDX-License-Identifier: MIT */
/* UTF-8 (RFC 3629): whether bytes are it, and how to make it of any, for texts that go into JSON.
 * Pure. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool utf8_is_valid(const char *string);

/* How many bytes the character takes that string begins with, and its code; 0: it is none, ret_code
 * is untouched. */
size_t utf8_decode(const char *string, uint32_t *ret_code);

/*
 * Copies string, with U+FFFD in place of each byte that is not part of a valid sequence. Cuts at
 * the last whole character that fits into size bytes, the NUL included; size is at least 1. Returns
 * the length.
 */
size_t utf8_copy(char *buffer, size_t size, const char *string);

#endif
