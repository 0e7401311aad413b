/* SPDX-License-Identifier: MIT */
/*
 * A configuration's way through the files beside this one: config_file lists and reads, config_scan
 * and config_parse take apart, config_assign fills the structs, config_check looks at them whole.
 */
#include "base/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/config_assign.h"
#include "base/config_check.h"
#include "base/config_fields.h"
#include "base/config_file.h"
#include "base/config_keys.h"
#include "base/config_scan.h"
#include "base/config_parse.h"

enum { TOKENS_MAX = 4096 };

struct token_marks {
	struct config_mark items[CONFIG_TOKEN_KEYS];
	bool is_complete; /* the section was read to its end */
};

struct loader {
	struct config *config;
	struct config_errors *errors;
	const char *file; /* being read */
	bool is_full;     /* and has said so */
	bool has_unread;  /* a file, or the rest of one, was skipped for a syntax error */
	struct config_mark root_marks[CONFIG_ROOT_KEYS];
	struct config_mark http_marks[CONFIG_HTTP_KEYS];
	struct token_marks *token_marks; /* one for each of config->tokens */
};

static int set_list(struct config_strings *field, const char *item)
{
	char **items = calloc(1, sizeof(*items));

	if (items == NULL)
		return -ENOMEM;
	*field = (struct config_strings){.items = items, .count = 1};
	items[0] = strdup(item);
	return items[0] == NULL ? -ENOMEM : 0;
}

static int set_defaults(struct config *config)
{
	int r = config_fields_init(&config->http, CONFIG_SCOPE_HTTP);

	config->log_level = LOG_LEVEL_INFO;
	config->backing = CONFIG_BACKING_DEFAULT;
	if (r == 0)
		r = set_list(&config->admins, "@tokenbroker-admin");
	if (r == 0)
		r = set_list(&config->http.listen, "127.0.0.1:8437");
	if (r == 0)
		r = config_fields_set(&config->http.user, "tokenbroker-httpd");
	return r;
}

static int token_init(struct config_token *token)
{
	int r = config_fields_init(token, CONFIG_SCOPE_TOKEN);

	token->client_auth = CONFIG_CLIENT_AUTH_POST;
	token->refresh_percent = 75;
	token->refresh_jitter_percent = 5;
	token->default_lifetime_s = 3600;
	token->connect_timeout_s = 5;
	token->request_timeout_s = 15;
	token->retry_min_s = 1;
	token->retry_max_s = 300;
	token->reject_interval_s = 10;
	token->revoke_replaced_after_s = -1;
	token->on_stop = CONFIG_ON_STOP_KEEP;
	return r < 0 ? r : config_fields_set(&token->provider, "none");
}

/* Room for one more token and its marks, both zeroed. */
static int grow(struct loader *loader)
{
	struct config *config = loader->config;
	struct config_token *tokens;
	struct token_marks *marks;

	tokens = reallocarray(config->tokens, config->token_count + 1, sizeof(*tokens));
	if (tokens == NULL)
		return -ENOMEM;
	config->tokens = tokens;
	marks = reallocarray(loader->token_marks, config->token_count + 1, sizeof(*marks));
	if (marks == NULL)
		return -ENOMEM;
	loader->token_marks = marks;
	tokens[config->token_count] = (struct config_token){0};
	marks[config->token_count] = (struct token_marks){0};
	return 0;
}

static void check_name(struct loader *loader, const struct config_place *place, const char *name)
{
	const struct config_token *twin = config_find_token(loader->config, name);

	if (!token_name_is_valid(name))
		(void)config_errors_add(loader->errors, place, "token",
					"\"%.64s\" is no valid name: 1 to 48 of a-z 0-9 _ -, "
					"beginning with a letter or digit",
					name);
	else if (twin != NULL)
		(void)config_errors_add(loader->errors, place, "token",
					"\"%s\" is there already, at %s:%u", name, twin->place.file,
					twin->place.line);
}

/* A value that was refused is checked no further: it stands nowhere. */
static struct config_place place_of(const struct config_mark *mark)
{
	static const struct config_place nowhere = {.file = NULL};

	return mark->is_bad ? nowhere : mark->place;
}

static void remember_token_places(struct config_token *token, const struct config_mark *marks)
{
	token->client_secret_place = place_of(&marks[CONFIG_TOKEN_CLIENT_SECRET_FILE]);
	token->readers_place = place_of(&marks[CONFIG_TOKEN_READERS]);
	token->ca_file_place = place_of(&marks[CONFIG_TOKEN_CA_FILE]);
}

static int read_token(struct loader *loader, const struct config_section *section)
{
	const struct config_place place = {.file = loader->file, .line = section->line};
	struct config *config = loader->config;
	struct config_token *token;
	struct token_marks *marks;
	int r;

	if (config->token_count == TOKENS_MAX) {
		if (!loader->is_full)
			(void)config_errors_add(loader->errors, &place, "token",
						"more than 4096 tokens");
		loader->is_full = true;
		return 0;
	}
	check_name(loader, &place, section->title);
	r = grow(loader);
	if (r < 0)
		return r;
	token = &config->tokens[config->token_count];
	marks = &loader->token_marks[config->token_count];
	config->token_count++; /* from here on config_free() takes care of it */

	token->place = place;
	marks->is_complete = section->is_complete;
	if (token_name_is_valid(section->title))
		strcpy(token->name, section->title);
	r = token_init(token);
	if (r == 0)
		r = config_assign(token, marks->items, section, loader->file, loader->errors);
	remember_token_places(token, marks->items);
	return r;
}

static int read_http(struct loader *loader, const struct config_section *section)
{
	struct config_http *http = &loader->config->http;
	const struct config_mark *marks = loader->http_marks;
	int r = config_assign(http, loader->http_marks, section, loader->file, loader->errors);

	http->listen_place = place_of(&marks[CONFIG_HTTP_LISTEN]);
	http->access_token_place = place_of(&marks[CONFIG_HTTP_ACCESS_TOKEN_FILE]);
	http->user_place = place_of(&marks[CONFIG_HTTP_USER]);
	http->has_unix_socket = marks[CONFIG_HTTP_UNIX_SOCKET].place.file != NULL;
	return r;
}

static int read_root(struct loader *loader, const struct config_section *section)
{
	int r = config_assign(loader->config, loader->root_marks, section, loader->file,
			      loader->errors);

	loader->config->admins_place = place_of(&loader->root_marks[CONFIG_ROOT_ADMINS]);
	return r;
}

static int on_section(void *context, const struct config_section *section)
{
	switch (section->scope) {
	case CONFIG_SCOPE_ROOT:
		return read_root(context, section);
	case CONFIG_SCOPE_HTTP:
		return read_http(context, section);
	case CONFIG_SCOPE_TOKEN:
		break;
	}
	return read_token(context, section);
}

static int read_file(struct loader *loader)
{
	CLEANUP(free_memory) char *text = NULL;
	int r = config_file_read(&text, loader->file, loader->errors);

	if (r == 0)
		r = config_scan(text, loader->file, loader->errors);
	if (r == 0)
		r = config_parse(text, loader->file, on_section, loader, loader->errors);
	return r;
}

/* Goes on behind a file that is wrong, so that all mistakes come out at once. */
static int read_files(struct loader *loader, const char *path)
{
	struct config *config = loader->config;
	struct config_strings files = {0};
	int r = config_files_list(&files, path, loader->errors);

	config->files = files.items;
	config->file_count = files.count;
	loader->has_unread = r < 0;
	for (size_t i = 0; i < files.count && r != -ENOMEM; i++) {
		loader->file = files.items[i];
		r = read_file(loader);
		if (r < 0)
			loader->has_unread = true;
	}
	return r == -ENOMEM ? r : 0;
}

static int check(struct loader *loader, const char *path)
{
	struct config *config = loader->config;
	int r = 0;

	/* What stands in the unread part may be what is missing. */
	if (!loader->has_unread)
		r = config_check_http(&config->http, loader->http_marks, path, loader->errors);
	for (size_t i = 0; i < config->token_count && r == 0; i++)
		if (loader->token_marks[i].is_complete)
			r = config_check_token(&config->tokens[i], loader->token_marks[i].items,
					       loader->errors);
	return r;
}

int config_read(struct config **ret, const char *path, struct config_errors *errors)
{
	CLEANUP(config_free) struct config *config = calloc(1, sizeof(*config));
	struct loader loader = {.config = config, .errors = errors};
	CLEANUP(free_memory) struct token_marks *token_marks = NULL;
	int r = config == NULL ? -ENOMEM : set_defaults(config);

	if (r == 0)
		r = read_files(&loader, path);
	token_marks = loader.token_marks;
	if (r == 0)
		r = check(&loader, path);
	if (r < 0 || errors->is_short)
		return -ENOMEM;
	*ret = config;
	config = NULL;
	return 0;
}

int config_load(struct config **ret, const char *path, struct config_errors *errors)
{
	CLEANUP(config_free) struct config *config = NULL;
	int r = config_read(&config, path, errors);

	if (r < 0)
		return r;
	if (errors->count > 0)
		return -EINVAL;
	*ret = config;
	config = NULL;
	return 0;
}

void config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->token_count; i++)
		config_fields_free(&config->tokens[i], CONFIG_SCOPE_TOKEN);
	free(config->tokens);
	config_fields_free(&config->http, CONFIG_SCOPE_HTTP);
	config_fields_free(config, CONFIG_SCOPE_ROOT);
	for (size_t i = 0; i < config->file_count; i++)
		free(config->files[i]);
	free(config->files);
	free(config);
}

const struct config_token *config_find_token(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->token_count; i++)
		if (strcmp(config->tokens[i].name, name) == 0)
			return &config->tokens[i];
	return NULL;
}
