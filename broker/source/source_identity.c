/* SPDX-License-Identifier: MIT */
#include "source/source_identity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"

static const char *auth_word(enum config_client_auth auth)
{
	switch (auth) {
	case CONFIG_CLIENT_AUTH_POST:
		return "post";
	case CONFIG_CLIENT_AUTH_BASIC:
		return "basic";
	case CONFIG_CLIENT_AUTH_BASIC_RAW:
		return "basic_raw";
	}
	return "";
}

static void put(FILE *text, const char *key, const char *value)
{
	(void)fprintf(text, "%s:%zu:%s\n", key, strlen(value), value);
}

static void put_all(FILE *text, const struct config_token *config)
{
	(void)fputs("tokenbroker source 1\n", text);
	put(text, "token_url", config->token_url);
	put(text, "revoke_url", config->revoke_url);
	put(text, "client_id", config->client_id);
	put(text, "client_auth", auth_word(config->client_auth));
	put(text, "scope", config->scope);
	put(text, "audience", config->audience);
	for (size_t i = 0; i < config->resources.count; i++)
		put(text, "resource", config->resources.items[i]);
	for (size_t i = 0; i < config->parameter_count; i++) {
		put(text, "parameter_name", config->parameters[i].name);
		put(text, "parameter_value", config->parameters[i].value);
	}
}

int source_identity(const struct config_token *config, uint64_t *ret)
{
	CLEANUP(free_memory) char *data = NULL;
	size_t size = 0;
	FILE *text = open_memstream(&data, &size);
	bool has_failed;

	if (text == NULL)
		return -ENOMEM;
	put_all(text, config);
	has_failed = ferror(text) != 0;
	if (fclose(text) != 0 || has_failed)
		return -ENOMEM;
	*ret = digest_id(data, size);
	return 0;
}
