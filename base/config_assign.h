/* SPDX-License-Identifier: MIT */
/* From what a file says to the fields of config.h, value by value. Internal to config.c. */
#ifndef BASE_CONFIG_ASSIGN_H
#define BASE_CONFIG_ASSIGN_H

#include <stdbool.h>

#include "base/config.h"
#include "base/config_parse.h"

/* What is remembered of a key for the checks that come after. */
struct config_mark {
	struct config_place place; /* of the first value; file NULL: no file gives this key */
	bool is_bad;               /* refused: the field does not hold what the file says */
};

/*
 * Sets the fields of target, the struct of the section's scope, and their marks, for the keys that
 * the section gives. A refused value leaves its field alone and an entry in errors. 0 or -ENOMEM.
 */
int config_assign(void *target, struct config_mark *marks, const struct config_section *section,
		  const char *file, struct config_errors *errors);

#endif
