/* SPDX-License-Identifier: MIT */
#include "base/config_keys.h"

#include "base/config.h"
#include "base/config_rules.h"
#include "base/config_url.h"

enum {
	DAY_S = 86400,
	TEN_YEARS_S =
		10 * 365 * DAY_S, /* the longest lifetime that is believed from a server, too */
	TIMEOUT_MAX_S = 300,
};

static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const backings[] = {"shm", "directory", NULL};
static const char *const client_auths[] = {"post", "basic", "basic_raw", NULL};
static const char *const on_stops[] = {"keep", "revoke", NULL};

#define TEXT(name_, type, field, refuse_)                                                          \
	{                                                                                          \
		.name = (name_), .kind = CONFIG_KIND_TEXT, .offset = offsetof(type, field),        \
		.refuse = (refuse_)                                                                \
	}
#define LIST(name_, type, field, refuse_)                                                          \
	{                                                                                          \
		.name = (name_), .kind = CONFIG_KIND_LIST, .offset = offsetof(type, field),        \
		.refuse = (refuse_)                                                                \
	}
#define NUMBER(name_, kind_, type, field, min_, max_)                                              \
	{                                                                                          \
		.name = (name_), .kind = (kind_), .offset = offsetof(type, field), .min = (min_),  \
		.max = (max_)                                                                      \
	}
#define FLAG(name_, type, field)                                                                   \
	{                                                                                          \
		.name = (name_), .kind = CONFIG_KIND_FLAG, .offset = offsetof(type, field)         \
	}
#define CHOICE(name_, type, field, first, choices_)                                                \
	{                                                                                          \
		.name = (name_), .kind = CONFIG_KIND_CHOICE, .offset = offsetof(type, field),      \
		.min = (first), .choices = (choices_)                                              \
	}
#define PERCENT(name_, field, min_, max_)                                                          \
	NUMBER(name_, CONFIG_KIND_PERCENT, struct config_token, field, min_, max_)
#define SECONDS(name_, field, min_, max_)                                                          \
	NUMBER(name_, CONFIG_KIND_SECONDS, struct config_token, field, min_, max_)

static const struct config_key root_keys[CONFIG_ROOT_KEYS] = {
	[CONFIG_ROOT_LOG_LEVEL] =
		CHOICE("log_level", struct config, log_level, LOG_LEVEL_ERROR, log_levels),
	[CONFIG_ROOT_BACKING] =
		CHOICE("backing", struct config, backing, CONFIG_BACKING_SHM, backings),
	[CONFIG_ROOT_ADMINS] = LIST("admins", struct config, admins, config_refuse_principal),
};

static const struct config_key http_keys[CONFIG_HTTP_KEYS] = {
	[CONFIG_HTTP_LISTEN] = LIST("listen", struct config_http, listen, config_refuse_listen),
	[CONFIG_HTTP_UNIX_SOCKET] =
		TEXT("unix_socket", struct config_http, unix_socket, config_refuse_unix_socket),
	[CONFIG_HTTP_HOSTS] = LIST("hosts", struct config_http, hosts, config_refuse_host),
	[CONFIG_HTTP_ACCESS_TOKEN_FILE] = TEXT("access_token_file", struct config_http,
					       access_token_file, config_refuse_access_token_file),
	[CONFIG_HTTP_ALLOW_CLEARTEXT] =
		FLAG("allow_cleartext", struct config_http, allow_cleartext),
	[CONFIG_HTTP_USER] = TEXT("user", struct config_http, user, config_refuse_user),
};

static const struct config_key token_keys[CONFIG_TOKEN_KEYS] = {
	[CONFIG_TOKEN_PROVIDER] =
		TEXT("provider", struct config_token, provider, config_refuse_provider),
	[CONFIG_TOKEN_TENANT] = TEXT("tenant", struct config_token, tenant, config_refuse_tenant),
	[CONFIG_TOKEN_TOKEN_URL] =
		TEXT("token_url", struct config_token, token_url, config_refuse_url),
	[CONFIG_TOKEN_REVOKE_URL] =
		TEXT("revoke_url", struct config_token, revoke_url, config_refuse_url),
	[CONFIG_TOKEN_CLIENT_ID] =
		TEXT("client_id", struct config_token, client_id, config_refuse_client_id),
	[CONFIG_TOKEN_CLIENT_SECRET_FILE] = TEXT("client_secret_file", struct config_token,
						 client_secret_file, config_refuse_secret_file),
	[CONFIG_TOKEN_CLIENT_AUTH] = CHOICE("client_auth", struct config_token, client_auth,
					    CONFIG_CLIENT_AUTH_POST, client_auths),
	[CONFIG_TOKEN_SCOPE] = TEXT("scope", struct config_token, scope, NULL),
	[CONFIG_TOKEN_AUDIENCE] = TEXT("audience", struct config_token, audience, NULL),
	[CONFIG_TOKEN_RESOURCE] =
		LIST("resource", struct config_token, resources, config_refuse_resource),
	[CONFIG_TOKEN_PARAMETERS] = {.name = "parameters", .kind = CONFIG_KIND_PARAMETERS},
	[CONFIG_TOKEN_READERS] =
		LIST("readers", struct config_token, readers, config_refuse_principal),
	[CONFIG_TOKEN_REFRESH_PERCENT] = PERCENT("refresh_percent", refresh_percent, 1, 99),
	[CONFIG_TOKEN_REFRESH_JITTER_PERCENT] =
		PERCENT("refresh_jitter_percent", refresh_jitter_percent, 0, 50),
	[CONFIG_TOKEN_DEFAULT_LIFETIME] =
		SECONDS("default_lifetime", default_lifetime_s, 1, TEN_YEARS_S),
	[CONFIG_TOKEN_CONNECT_TIMEOUT] =
		SECONDS("connect_timeout", connect_timeout_s, 1, TIMEOUT_MAX_S),
	[CONFIG_TOKEN_REQUEST_TIMEOUT] =
		SECONDS("request_timeout", request_timeout_s, 1, TIMEOUT_MAX_S),
	[CONFIG_TOKEN_RETRY_MIN] = SECONDS("retry_min", retry_min_s, 1, DAY_S),
	[CONFIG_TOKEN_RETRY_MAX] = SECONDS("retry_max", retry_max_s, 1, DAY_S),
	[CONFIG_TOKEN_REJECT_INTERVAL] = SECONDS("reject_interval", reject_interval_s, 1, DAY_S),
	[CONFIG_TOKEN_REVOKE_REPLACED_AFTER] =
		SECONDS("revoke_replaced_after", revoke_replaced_after_s, -1, DAY_S),
	[CONFIG_TOKEN_ON_STOP] =
		CHOICE("on_stop", struct config_token, on_stop, CONFIG_ON_STOP_KEEP, on_stops),
	[CONFIG_TOKEN_CA_FILE] =
		TEXT("ca_file", struct config_token, ca_file, config_refuse_optional_path),
	[CONFIG_TOKEN_PROXY] = TEXT("proxy", struct config_token, proxy, config_refuse_proxy),
	[CONFIG_TOKEN_ALLOW_HTTP] = FLAG("allow_http", struct config_token, allow_http),
};

struct config_keys config_keys_of(enum config_scope scope)
{
	switch (scope) {
	case CONFIG_SCOPE_ROOT:
		return (struct config_keys){root_keys, CONFIG_ROOT_KEYS};
	case CONFIG_SCOPE_HTTP:
		return (struct config_keys){http_keys, CONFIG_HTTP_KEYS};
	case CONFIG_SCOPE_TOKEN:
		break;
	}
	return (struct config_keys){token_keys, CONFIG_TOKEN_KEYS};
}
