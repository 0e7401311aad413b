/* SPDX-License-Identifier: MIT */
/* tokenbrokerd --check-config: what a start would stumble over, and what it would only warn of. */
#include "broker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ca_file.h"
#include "base/cleanup.h"
#include "base/config.h"
#include "base/principals.h"

struct secret_file_rules broker_secret_rules(const struct paths *paths)
{
	struct secret_file_rules rules = {
		.whose = "the broker",
		.credentials_directory = secure_getenv("CREDENTIALS_DIRECTORY"),
		.uid = geteuid(),
		.gid = getegid(),
	};
	struct stat st;

	if (stat(paths->runtime_dir, &st) == 0) {
		rules.uid = st.st_uid;
		rules.gid = st.st_gid;
	}
	return rules;
}

static int check_names(struct config_errors *errors, const struct config_place *place,
		       const char *key, const struct config_strings *names)
{
	CLEANUP(principals_unknown) struct principals_unknown unknown = {.count = 0};
	CLEANUP(principals) struct principals principals = {.uid_count = 0};
	int r;

	/* A built-in default need not exist. */
	if (place->file == NULL)
		return 0;
	r = principals_resolve(&principals, names, &unknown);
	if (r < 0)
		return config_errors_add(errors, place, key, "cannot look up users and groups: %s",
					 strerror(-r));
	for (size_t i = 0; i < unknown.count && r == 0; i++) {
		const char *name = names->items[unknown.items[i]];

		r = config_errors_add(errors, place, key, "%s: %s", principals_unknown_reason(name),
				      name);
	}
	return r;
}

/* Each fetch would fail on it. */
static int check_ca_file(struct config_errors *errors, const struct config_token *token)
{
	struct error_text error;

	if (token->ca_file_place.file == NULL || token->ca_file[0] == '\0' ||
	    ca_file_check(token->ca_file, &error) == 0)
		return 0;
	return config_errors_add(errors, &token->ca_file_place, "ca_file", "%s", error.text);
}

static int check_token(struct config_errors *errors, const struct config_token *token,
		       const struct secret_file_rules *rules)
{
	struct error_text error;
	int r = check_names(errors, &token->readers_place, "readers", &token->readers);

	if (r == 0)
		r = check_ca_file(errors, token);
	if (token->client_secret_place.file == NULL)
		return r;
	/* systemd hands credentials over when it starts the broker: here they cannot be seen. */
	if (r < 0 || (strncmp(token->client_secret_file, "credential:", 11) == 0 &&
		      rules->credentials_directory == NULL))
		return r;
	if (secret_file_check(token->client_secret_file, rules, &error) < 0)
		r = config_errors_add(errors, &token->client_secret_place, "client_secret_file",
				      "%s", error.text);
	return r;
}

static int check(struct config_errors *errors, const struct config *config,
		 const struct secret_file_rules *rules)
{
	char *users[] = {config->http.user};
	const struct config_strings http_user = {.items = users, .count = 1};
	int r = check_names(errors, &config->admins_place, "admins", &config->admins);

	if (r == 0)
		r = check_names(errors, &config->http.user_place, "user", &http_user);
	for (size_t i = 0; i < config->token_count && r == 0; i++)
		r = check_token(errors, &config->tokens[i], rules);
	return r;
}

enum broker_exit broker_check_config(const struct paths *paths)
{
	CLEANUP(config_errors) struct config_errors errors = {.count = 0};
	CLEANUP(config_free) struct config *config = NULL;
	struct secret_file_rules rules = broker_secret_rules(paths);
	int r = config_read(&config, paths->config_file, &errors);

	if (r == 0)
		r = check(&errors, config, &rules);
	for (size_t i = 0; i < errors.count; i++)
		(void)fprintf(stderr, "%s\n", errors.items[i].text);
	if (errors.count > 0)
		return BROKER_EXIT_CONFIG;
	if (r < 0) {
		(void)fprintf(stderr, "%s: %s\n", paths->config_file, strerror(-r));
		return BROKER_EXIT_FAILURE;
	}
	printf("%s: %zu token%s, no mistakes\n", paths->config_file, config->token_count,
	       config->token_count == 1 ? "" : "s");
	return fflush(stdout) == 0 ? BROKER_EXIT_OK : BROKER_EXIT_FAILURE;
}
