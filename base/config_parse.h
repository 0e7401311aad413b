/* SPDX-License-Identifier: MIT */
/*
 * The text of one configuration file, taken apart by libconfuse, which has its only home here: what
 * each section sets, as written, with lines. Knows which keys there are, judges no value. Internal
 * to config.c.
 */
#ifndef BASE_CONFIG_PARSE_H
#define BASE_CONFIG_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "base/config_keys.h"

struct config_value {
	unsigned line;
	bool is_repeated; /* the key was set before in the same section */
	char text[];
};

/* What a file says about one key. */
struct config_setting {
	bool is_given;
	const struct config_value *const *values; /* of a list as many as it has, else one */
	size_t count;
};

/* Everything in it is borrowed for the time of the call. */
struct config_section {
	enum config_scope scope;
	const char *title;                               /* of a token, else "" */
	unsigned line;                                   /* of a token, else 0 */
	bool is_complete;                                /* no syntax error inside */
	struct config_setting settings[CONFIG_KEYS_MAX]; /* at the positions of config_keys_of() */
};

/* Returns 0, or -ENOMEM, which ends the reading. */
typedef int (*config_on_section)(void *context, const struct config_section *section);

/*
 * Calls on_section for the keys outside of any section, for http and for each token, whether they
 * set something or not: also for what stands before a syntax error. text has passed config_scan().
 * 0; -EINVAL with the first syntax error or unknown key in errors; -ENOMEM.
 */
int config_parse(const char *text, const char *file, config_on_section on_section, void *context,
		 struct config_errors *errors);

#endif
