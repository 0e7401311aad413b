/* SPDX-License-Identifier: MIT */
#include "base/config_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/config_fields.h"
#include "base/config_keys.h"
#include "base/config_url.h"
#include "base/tcp_address.h"

struct check {
	struct config_token *token;
	const struct config_mark *marks;
	struct config_errors *errors;
};

static bool is_given(const struct check *check, enum config_token_key key)
{
	return check->marks[key].place.file != NULL;
}

static bool is_bad(const struct check *check, enum config_token_key key)
{
	return check->marks[key].is_bad;
}

/* At the line of the key, or of the token's section where the key is not given. */
static void complain(const struct check *check, enum config_token_key key, const char *reason)
{
	const struct config_place *place =
		is_given(check, key) ? &check->marks[key].place : &check->token->place;

	(void)config_errors_add(check->errors, place,
				config_keys_of(CONFIG_SCOPE_TOKEN).items[key].name, "%s", reason);
}

static int set_preset_url(char **field, const char *tenant, const char *path)
{
	CLEANUP(free_memory) char *url = NULL;

	if (asprintf(&url, "https://%s%s", tenant, path) < 0) {
		url = NULL; /* undefined after a failure */
		return -ENOMEM;
	}
	return config_fields_set(field, url);
}

/* BlueConic REST API v2, /oauth: the addresses are the tenant's. */
static int apply_preset(const struct check *check)
{
	struct config_token *token = check->token;
	int r = 0;

	if (strcmp(token->provider, "blueconic") != 0 || token->tenant[0] == '\0')
		return 0;
	if (token->token_url[0] == '\0' && !is_bad(check, CONFIG_TOKEN_TOKEN_URL))
		r = set_preset_url(&token->token_url, token->tenant, "/rest/v2/oauth/token");
	/* An empty revoke_url is somebody's wish. */
	if (r == 0 && !is_given(check, CONFIG_TOKEN_REVOKE_URL))
		r = set_preset_url(&token->revoke_url, token->tenant, "/rest/v2/oauth/revoke");
	return r;
}

static void check_provider(const struct check *check)
{
	const struct config_token *token = check->token;
	bool is_blueconic = strcmp(token->provider, "blueconic") == 0;

	if (is_bad(check, CONFIG_TOKEN_PROVIDER) || is_bad(check, CONFIG_TOKEN_TENANT) ||
	    is_bad(check, CONFIG_TOKEN_TOKEN_URL))
		return;
	if (!is_blueconic && token->tenant[0] != '\0')
		complain(check, CONFIG_TOKEN_TENANT,
			 "has a meaning with provider = blueconic only");
	else if (is_blueconic && token->token_url[0] == '\0')
		complain(check, CONFIG_TOKEN_TENANT,
			 "is required with provider = blueconic (or token_url in its place)");
	else if (token->token_url[0] == '\0')
		complain(check, CONFIG_TOKEN_TOKEN_URL,
			 "is required (or provider = blueconic with a tenant)");
}

static void check_credentials(const struct check *check)
{
	if (!is_given(check, CONFIG_TOKEN_CLIENT_ID))
		complain(check, CONFIG_TOKEN_CLIENT_ID, "is required");
	if (!is_given(check, CONFIG_TOKEN_CLIENT_SECRET_FILE))
		complain(check, CONFIG_TOKEN_CLIENT_SECRET_FILE, "is required");
}

/* The client secret travels to these addresses. */
static void check_cleartext(const struct check *check, enum config_token_key key, const char *url)
{
	if (!config_url_is_cleartext(url) || is_bad(check, CONFIG_TOKEN_ALLOW_HTTP))
		return;
	if (!config_url_is_loopback(url))
		complain(check, key, "must begin with https:// (http:// is for loopback alone)");
	else if (!check->token->allow_http)
		complain(check, key, "must begin with https:// (or set allow_http = true)");
}

static void check_timing(const struct check *check)
{
	const struct config_token *token = check->token;

	if (!is_bad(check, CONFIG_TOKEN_REFRESH_PERCENT) &&
	    !is_bad(check, CONFIG_TOKEN_REFRESH_JITTER_PERCENT)) {
		if (token->refresh_percent + token->refresh_jitter_percent >= 100)
			complain(check, CONFIG_TOKEN_REFRESH_JITTER_PERCENT,
				 "and refresh_percent must be less than 100 together");
		if (token->refresh_jitter_percent >= token->refresh_percent)
			complain(check, CONFIG_TOKEN_REFRESH_JITTER_PERCENT,
				 "must be less than refresh_percent");
	}
	if (!is_bad(check, CONFIG_TOKEN_CONNECT_TIMEOUT) &&
	    !is_bad(check, CONFIG_TOKEN_REQUEST_TIMEOUT) &&
	    token->connect_timeout_s > token->request_timeout_s)
		complain(check, CONFIG_TOKEN_CONNECT_TIMEOUT, "must not exceed request_timeout");
	if (!is_bad(check, CONFIG_TOKEN_RETRY_MIN) && !is_bad(check, CONFIG_TOKEN_RETRY_MAX) &&
	    token->retry_max_s < token->retry_min_s)
		complain(check, CONFIG_TOKEN_RETRY_MAX, "must not be less than retry_min");
}

static void check_revocation(const struct check *check)
{
	static const char reason[] = "needs a revoke_url";

	/* With a refused tenant nobody knows whether the preset would have had one. */
	if (check->token->revoke_url[0] != '\0' || is_bad(check, CONFIG_TOKEN_REVOKE_URL) ||
	    is_bad(check, CONFIG_TOKEN_TENANT) || is_bad(check, CONFIG_TOKEN_PROVIDER))
		return;
	if (check->token->on_stop == CONFIG_ON_STOP_REVOKE)
		complain(check, CONFIG_TOKEN_ON_STOP, reason);
	if (check->token->revoke_replaced_after_s >= 0)
		complain(check, CONFIG_TOKEN_REVOKE_REPLACED_AFTER, reason);
}

int config_check_token(struct config_token *token, const struct config_mark *marks,
		       struct config_errors *errors)
{
	const struct check check = {.token = token, .marks = marks, .errors = errors};
	int r = apply_preset(&check);

	if (r < 0)
		return r;
	check_provider(&check);
	check_credentials(&check);
	check_cleartext(&check, CONFIG_TOKEN_TOKEN_URL, token->token_url);
	check_cleartext(&check, CONFIG_TOKEN_REVOKE_URL, token->revoke_url);
	check_timing(&check);
	check_revocation(&check);
	return errors->is_short ? -ENOMEM : 0;
}

/* Behind the slashes and "." steps that mean nothing. */
static const char *next_step(const char *path)
{
	for (;;) {
		path += strspn(path, "/");
		if (path[0] != '.' || (path[1] != '/' && path[1] != '\0'))
			return path;
		path++;
	}
}

/* By the names alone. */
static bool is_inside(const char *path, const char *directory)
{
	for (;;) {
		size_t length;

		path = next_step(path);
		directory = next_step(directory);
		if (directory[0] == '\0')
			return path[0] != '\0';
		length = strcspn(directory, "/");
		if (strcspn(path, "/") != length || strncmp(path, directory, length) != 0)
			return false;
		path += length;
		directory += length;
	}
}

/* "secrets" beside the configuration, by the name that it was given and by the real one. */
static int list_secrets(const char *path, char *ret[static 2])
{
	const char *slash = strrchr(path, '/');
	CLEANUP(free_memory)
	char *directory = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
	CLEANUP(free_memory) char *real = NULL;

	if (directory == NULL)
		return -ENOMEM;
	real = realpath(directory, NULL);
	if (asprintf(&ret[0], "%s/secrets", directory) < 0) {
		ret[0] = NULL;
		return -ENOMEM;
	}
	if (asprintf(&ret[1], "%s/secrets", real == NULL ? directory : real) < 0) {
		ret[1] = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int check_access_token_file(const struct config_http *http, const char *path,
				   struct config_errors *errors)
{
	CLEANUP(free_memory) char *given = NULL;
	CLEANUP(free_memory) char *real = NULL;
	char *secrets[2] = {NULL, NULL};
	int r = list_secrets(path, secrets);

	given = secrets[0];
	real = secrets[1];
	if (r < 0)
		return r;
	if (is_inside(http->access_token_file, "/etc/tokenbroker/secrets") ||
	    (path[0] == '/' && is_inside(http->access_token_file, given)) ||
	    is_inside(http->access_token_file, real))
		(void)config_errors_add(errors, &http->access_token_place, "access_token_file",
					"must lie outside of the secrets directory, which "
					"tokenbroker-httpd cannot read");
	return 0;
}

/* One that is no address is refused where it is read. */
static bool is_listen_loopback(const char *address)
{
	struct sockaddr_storage storage;
	socklen_t size;

	return tcp_address_parse(address, &storage, &size) == 0 &&
	       tcp_address_is_loopback((const struct sockaddr *)&storage);
}

static void check_listen(const struct config_http *http, struct config_errors *errors)
{
	if (http->access_token_file[0] != '\0' && http->allow_cleartext)
		return;
	for (size_t i = 0; i < http->listen.count; i++)
		if (!is_listen_loopback(http->listen.items[i]))
			(void)config_errors_add(errors, &http->listen_place, "listen",
						"\"%s\": an address that is not loopback needs "
						"access_token_file and allow_cleartext = true",
						http->listen.items[i]);
}

int config_check_http(const struct config_http *http, const struct config_mark *marks,
		      const char *path, struct config_errors *errors)
{
	int r = 0;

	if (http->access_token_file[0] != '\0')
		r = check_access_token_file(http, path, errors);
	if (!marks[CONFIG_HTTP_LISTEN].is_bad && !marks[CONFIG_HTTP_ACCESS_TOKEN_FILE].is_bad &&
	    !marks[CONFIG_HTTP_ALLOW_CLEARTEXT].is_bad)
		check_listen(http, errors);
	return r < 0 || errors->is_short ? -ENOMEM : 0;
}
