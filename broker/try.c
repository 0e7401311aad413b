/* SPDX-License-Identifier: MIT */
/*
 * tokenbrokerd --try NAME: one real fetch, said in words, and the token revoked again, unless it is
 * the one that a broker publishes. Takes no lock, writes nothing, needs no runtime directory.
 */
#include "broker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/digest.h"
#include "base/runtime_path.h"
#include "base/status_file.h"
#include "base/status_view.h"
#include "base/vector_registers.h"
#include "source/http_source.h"

struct attempt {
	bool is_over;
	struct source_outcome outcome;
};

static void on_done(struct source_request *request, struct source_outcome *outcome, void *userdata)
{
	struct attempt *attempt = userdata;

	(void)request;
	attempt->outcome = *outcome;
	outcome->token = NULL; /* it is ours now */
	attempt->is_over = true;
}

static int wait_for(sd_event *event, const struct attempt *attempt)
{
	int r = 0;

	while (r >= 0 && !attempt->is_over) {
		vector_registers_wipe();
		r = sd_event_run(event, UINT64_MAX);
	}
	return r < 0 ? r : 0;
}

static void print_failure(const char *what, const struct source_outcome *outcome)
{
	printf("%s failed: %s", what, token_reason_name(outcome->reason));
	if (outcome->http_status != 0)
		printf(" (HTTP %ld)", outcome->http_status);
	printf(": %s\n", outcome->message.text);
	if (outcome->hint[0] != '\0')
		printf("hint: %s\n", outcome->hint);
}

static void print_success(const struct config_token *config, const struct source_outcome *outcome,
			  const char *fingerprint)
{
	printf("token %s: fetched in %lld ms, fingerprint %s, %zu bytes, ", config->name,
	       (long long)outcome->duration_ms, fingerprint, outcome->token->length);
	if (outcome->has_lifetime)
		printf("lives %lld s\n", (long long)(outcome->lifetime_ms / MS_PER_S));
	else
		printf("no lifetime told (default_lifetime: %lld s)\n",
		       (long long)config->default_lifetime_s);
	if (outcome->scope[0] != '\0')
		printf("scope: %s\n", outcome->scope);
	if (outcome->warning.text[0] != '\0')
		printf("warning: %s\n", outcome->warning.text);
}

/* A broker at work holds the lock; whether it does is asked without keeping it. */
static bool is_broker_running(int runtime_fd)
{
	CLEANUP(close_fd)
	int fd = openat(runtime_fd, "lock", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == EACCES; /* another user's: believe that it runs */
	return flock(fd, LOCK_SH | LOCK_NB) < 0;
}

enum published { PUBLISHED_NO, PUBLISHED_YES, PUBLISHED_UNKNOWN };

/* Is this the token that a broker publishes right now? */
static enum published is_published(const struct paths *paths, const char *fingerprint)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;
	CLEANUP(status_file) struct status_file file = {.text = NULL};
	CLEANUP(close_fd) int fd = -1;
	struct error_text error;
	uid_t owner;

	if (runtime_path_open(paths->runtime_dir, &fd, &owner) < 0)
		return access(paths->runtime_dir, F_OK) == 0 ? PUBLISHED_UNKNOWN : PUBLISHED_NO;
	if (status_file_read(fd, owner, &file) < 0 ||
	    status_view_parse(file.text, file.length, &view, &error) < 0)
		return is_broker_running(fd) ? PUBLISHED_UNKNOWN : PUBLISHED_NO;
	for (size_t i = 0; i < view->token_count; i++)
		if (strcmp(view->tokens[i].fingerprint, fingerprint) == 0)
			return PUBLISHED_YES;
	return PUBLISHED_NO;
}

static enum broker_exit revoke_again(struct token_source *source, sd_event *event,
				     const struct config_token *config, const struct secret *token)
{
	struct attempt attempt = {.is_over = false};
	const struct source_call call = {.config = config, .done = on_done, .userdata = &attempt};
	struct source_request *request;
	int r = token_source_revoke(source, &call, token->data, token->length, &request);

	if (r == 0)
		r = wait_for(event, &attempt);
	if (r < 0) {
		printf("revoking failed: %s\n", strerror(-r));
		return BROKER_EXIT_FAILURE;
	}
	if (attempt.outcome.reason != TOKEN_OK) {
		print_failure("revoking", &attempt.outcome);
		printf("the token lives until it expires\n");
		return BROKER_EXIT_FAILURE;
	}
	printf("and revoked again\n");
	return BROKER_EXIT_OK;
}

static enum broker_exit finish(const struct paths *paths, struct token_source *source,
			       sd_event *event, const struct config_token *config,
			       const struct source_outcome *outcome)
{
	char fingerprint[FINGERPRINT_BYTES];

	digest_fingerprint(outcome->token->data, outcome->token->length, fingerprint);
	print_success(config, outcome, fingerprint);
	if (config->revoke_url[0] == '\0') {
		printf("not revoked: there is no revoke_url, the token lives until it expires\n");
		return BROKER_EXIT_OK;
	}
	switch (is_published(paths, fingerprint)) {
	case PUBLISHED_NO:
		return revoke_again(source, event, config, outcome->token);
	case PUBLISHED_YES:
		printf("not revoked: it is the token that the running broker publishes\n");
		return BROKER_EXIT_OK;
	case PUBLISHED_UNKNOWN:
		printf("not revoked: a broker runs here and its status.json cannot be read, so "
		       "this "
		       "could be the token that it publishes; the token lives until it expires\n");
		return BROKER_EXIT_OK;
	}
	return BROKER_EXIT_FAILURE;
}

static enum broker_exit try_token(const struct paths *paths, struct token_source *source,
				  sd_event *event, const struct config_token *config)
{
	struct attempt attempt = {.is_over = false};
	const struct source_call call = {.config = config, .done = on_done, .userdata = &attempt};
	struct source_request *request;
	enum broker_exit status;
	int r = token_source_fetch(source, &call, &request);

	if (r == 0)
		r = wait_for(event, &attempt);
	if (r < 0) {
		printf("token %s: %s\n", config->name, strerror(-r));
		return BROKER_EXIT_FAILURE;
	}
	if (attempt.outcome.reason != TOKEN_OK) {
		print_failure(config->name, &attempt.outcome);
		return BROKER_EXIT_FAILURE;
	}
	status = finish(paths, source, event, config, &attempt.outcome);
	secret_free(attempt.outcome.token);
	return status;
}

static enum broker_exit try_with(const struct paths *paths, const struct config_token *config,
				 const struct log *log)
{
	const struct http_source_settings settings = {
		.user_agent = "tokenbroker/" TOKENBROKER_VERSION,
		.secret_rules = broker_secret_rules(paths),
	};
	CLEANUP(token_source_free) struct token_source *source = NULL;
	sd_event *event = NULL;
	enum broker_exit status = BROKER_EXIT_FAILURE;
	int r = sd_event_new(&event);

	if (r >= 0)
		r = http_source_new(&source, event, &settings);
	if (r >= 0)
		status = try_token(paths, source, event, config);
	else
		log_error(log, "cannot start: %s", strerror(-r));
	token_source_free(source);
	source = NULL;
	sd_event_unref(event);
	return fflush(stdout) == 0 ? status : BROKER_EXIT_FAILURE;
}

enum broker_exit broker_try(const struct paths *paths, const char *name, const struct log *log)
{
	CLEANUP(config_errors) struct config_errors errors = {.count = 0};
	CLEANUP(config_free) struct config *config = NULL;
	const struct config_token *token;
	int r = config_load(&config, paths->config_file, &errors);

	(void)signal(SIGPIPE, SIG_IGN); /* a server that hangs up is a failure to be told */
	if (r < 0) {
		for (size_t i = 0; i < errors.count; i++)
			log_error(log, "%s", errors.items[i].text);
		if (errors.count == 0)
			log_error(log, "%s: %s", paths->config_file, strerror(-r));
		return errors.count > 0 ? BROKER_EXIT_CONFIG : BROKER_EXIT_FAILURE;
	}
	token = config_find_token(config, name);
	if (token == NULL) {
		log_error(log, "no token \"%s\" in %s", name, paths->config_file);
		return BROKER_EXIT_CONFIG;
	}
	return try_with(paths, token, log);
}
