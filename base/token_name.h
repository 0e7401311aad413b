/* SPDX-License-Identifier: MIT */
/* What a token may be called: [a-z0-9][a-z0-9_-]{0,47}. It becomes part of file names. */
#ifndef BASE_TOKEN_NAME_H
#define BASE_TOKEN_NAME_H

#include <stdbool.h>

#define TOKEN_NAME_MAX 48

bool token_name_is_valid(const char *name);

#endif
