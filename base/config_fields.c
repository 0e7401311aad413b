/* SPDX-License-Identifier: MIT */
#include "base/config_fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int config_fields_set(char **field, const char *value)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int config_fields_init(void *target, enum config_scope scope)
{
	struct config_keys keys = config_keys_of(scope);
	int r = 0;

	for (size_t i = 0; i < keys.count && r == 0; i++)
		if (keys.items[i].kind == CONFIG_KIND_TEXT)
			r = config_fields_set((char **)((char *)target + keys.items[i].offset), "");
	return r;
}

static void free_parameters(struct config_token *token)
{
	for (size_t i = 0; i < token->parameter_count; i++) {
		free(token->parameters[i].name);
		free(token->parameters[i].value);
	}
	free(token->parameters);
}

static void free_field(void *target, const struct config_key *key)
{
	void *field = (char *)target + key->offset;

	switch (key->kind) {
	case CONFIG_KIND_TEXT:
		free(*(char **)field);
		break;
	case CONFIG_KIND_LIST:
		config_strings_free(field);
		break;
	case CONFIG_KIND_PARAMETERS:
		free_parameters(target);
		break;
	case CONFIG_KIND_SECONDS:
	case CONFIG_KIND_PERCENT:
	case CONFIG_KIND_FLAG:
	case CONFIG_KIND_CHOICE:
		break;
	}
}

void config_fields_free(void *target, enum config_scope scope)
{
	struct config_keys keys = config_keys_of(scope);

	for (size_t i = 0; i < keys.count; i++)
		free_field(target, &keys.items[i]);
}

void config_strings_free(struct config_strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->items[i]);
	free(strings->items);
	*strings = (struct config_strings){0};
}
