/* SPDX-License-Identifier: MIT */
#include "base/token_name.h"

#include <string.h>

bool token_name_is_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t length = strlen(name);

	return length >= 1 && length <= TOKEN_NAME_MAX && strspn(name, allowed) == length &&
	       name[0] != '-' && name[0] != '_';
}
