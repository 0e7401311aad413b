/* SPDX-License-Identifier: MIT */
/* What the structs of config.h own, by the tables of config_keys.h. Internal to config.c. */
#ifndef BASE_CONFIG_FIELDS_H
#define BASE_CONFIG_FIELDS_H

#include "base/config.h"
#include "base/config_keys.h"

/* Every string of target, the zeroed struct of the scope, becomes "". 0 or -ENOMEM. */
int config_fields_init(void *target, enum config_scope scope);
/* Also of a half initialised target. */
void config_fields_free(void *target, enum config_scope scope);

/* Replaces the string in field by a copy of value. 0 or -ENOMEM. */
int config_fields_set(char **field, const char *value);

#endif
