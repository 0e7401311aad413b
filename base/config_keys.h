/* SPDX-License-Identifier: MIT */
/*
 * Every key of the configuration, as tables: where its value goes and what it may be. A new setting
 * is a field in config.h, a line here and a line in docs. Internal to config.c.
 */
#ifndef BASE_CONFIG_KEYS_H
#define BASE_CONFIG_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum config_kind {
	CONFIG_KIND_TEXT,       /* char * */
	CONFIG_KIND_LIST,       /* struct config_strings */
	CONFIG_KIND_PARAMETERS, /* struct config_token's parameters and parameter_count */
	CONFIG_KIND_SECONDS,    /* int64_t, from min to max */
	CONFIG_KIND_PERCENT,    /* unsigned, from min to max */
	CONFIG_KIND_FLAG,       /* bool */
	CONFIG_KIND_CHOICE,     /* an enum whose value is min plus the position in choices */
};

struct config_key {
	const char *name;
	enum config_kind kind;
	size_t offset; /* in the struct of the key's section */
	int64_t min;
	int64_t max;
	const char *const *choices; /* ends with NULL */
	/* TEXT and LIST: why a value is refused, or NULL; may be NULL itself. */
	const char *(*refuse)(const char *value);
};

enum config_scope {
	CONFIG_SCOPE_ROOT,  /* struct config */
	CONFIG_SCOPE_HTTP,  /* struct config_http */
	CONFIG_SCOPE_TOKEN, /* struct config_token */
};

enum config_root_key {
	CONFIG_ROOT_LOG_LEVEL,
	CONFIG_ROOT_BACKING,
	CONFIG_ROOT_ADMINS,
	CONFIG_ROOT_KEYS,
};

enum config_http_key {
	CONFIG_HTTP_LISTEN,
	CONFIG_HTTP_UNIX_SOCKET,
	CONFIG_HTTP_HOSTS,
	CONFIG_HTTP_ACCESS_TOKEN_FILE,
	CONFIG_HTTP_ALLOW_CLEARTEXT,
	CONFIG_HTTP_USER,
	CONFIG_HTTP_KEYS,
};

enum config_token_key {
	CONFIG_TOKEN_PROVIDER,
	CONFIG_TOKEN_TENANT,
	CONFIG_TOKEN_TOKEN_URL,
	CONFIG_TOKEN_REVOKE_URL,
	CONFIG_TOKEN_CLIENT_ID,
	CONFIG_TOKEN_CLIENT_SECRET_FILE,
	CONFIG_TOKEN_CLIENT_AUTH,
	CONFIG_TOKEN_SCOPE,
	CONFIG_TOKEN_AUDIENCE,
	CONFIG_TOKEN_RESOURCE,
	CONFIG_TOKEN_PARAMETERS,
	CONFIG_TOKEN_READERS,
	CONFIG_TOKEN_REFRESH_PERCENT,
	CONFIG_TOKEN_REFRESH_JITTER_PERCENT,
	CONFIG_TOKEN_DEFAULT_LIFETIME,
	CONFIG_TOKEN_CONNECT_TIMEOUT,
	CONFIG_TOKEN_REQUEST_TIMEOUT,
	CONFIG_TOKEN_RETRY_MIN,
	CONFIG_TOKEN_RETRY_MAX,
	CONFIG_TOKEN_REJECT_INTERVAL,
	CONFIG_TOKEN_REVOKE_REPLACED_AFTER,
	CONFIG_TOKEN_ON_STOP,
	CONFIG_TOKEN_CA_FILE,
	CONFIG_TOKEN_PROXY,
	CONFIG_TOKEN_ALLOW_HTTP,
	CONFIG_TOKEN_KEYS,
};

#define CONFIG_KEYS_MAX CONFIG_TOKEN_KEYS /* in one section */

struct config_keys {
	const struct config_key *items; /* at the positions that the enums name */
	size_t count;
};

struct config_keys config_keys_of(enum config_scope scope);

#endif
