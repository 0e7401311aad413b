/* SPDX-License-Identifier: MIT */
/*
 * What is right or wrong only when several keys are looked at together, once all files are read. A
 * key whose own value was refused is left out of it. Internal to config.c.
 */
#ifndef BASE_CONFIG_CHECK_H
#define BASE_CONFIG_CHECK_H

#include "base/config.h"
#include "base/config_assign.h"

/* Fills in what the preset knows, then checks. marks: of the token's keys. 0 or -ENOMEM. */
int config_check_token(struct config_token *token, const struct config_mark *marks,
		       struct config_errors *errors);

/* path: of the configuration; "secrets" beside it is the broker's alone. 0 or -ENOMEM. */
int config_check_http(const struct config_http *http, const struct config_mark *marks,
		      const char *path, struct config_errors *errors);

#endif
