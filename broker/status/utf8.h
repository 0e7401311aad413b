/* SPDX-License-Identifier: MIT */
/* Makes valid UTF-8 (RFC 3629) of any bytes, for texts that go into JSON. Pure. */
#ifndef BROKER_STATUS_UTF8_H
#define BROKER_STATUS_UTF8_H

#include <stddef.h>

/*
 * Copies string, with U+FFFD in place of each byte that is not part of a valid sequence. Cuts at
 * the last whole character that fits into size bytes, the NUL included; size is at least 1. Returns
 * the length.
 */
size_t utf8_copy(char *buffer, size_t size, const char *string);

#endif
