/* SPDX-License-Identifier: MIT */
/*
 * A look over the text of a configuration file before libconfuse 3.3 parses it, for what that would
 * take without a word or would count wrongly. Internal to config.c.
 */
#ifndef BASE_CONFIG_SCAN_H
#define BASE_CONFIG_SCAN_H

#include "base/config.h"

/*
 * Blanks the comments of text in place, line breaks kept. 0; -EINVAL with entries in errors, and
 * text must not be parsed: it may hold a ${VARIABLE}; -ENOMEM.
 */
int config_scan(char *text, const char *file, struct config_errors *errors);

#endif
