/* SPDX-License-Identifier: MIT */
/* A loaded configuration applied to the tokens: at start, and anew at each SIGHUP. */
#include "broker_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "source/source_identity.h"

/* A directory that does not know a name can take its time to say so: a thousand tokens that are
 * fetched at once are one reason to ask it again. */
#define NAMES_PAUSE_MS INT64_C(1000)

struct loaded_config *loaded_config_ref(struct loaded_config *loaded)
{
	loaded->references++;
	return loaded;
}

void loaded_config_unref(struct loaded_config *loaded)
{
	if (loaded == NULL || --loaded->references > 0)
		return;
	config_free(loaded->config);
	free(loaded);
}

/* 0, or a negative errno with every mistake logged and the first one in *ret_first. */
static int load(struct broker *broker, struct loaded_config **ret, struct error_text *ret_first)
{
	CLEANUP(config_errors) struct config_errors errors = {.count = 0};
	struct loaded_config *loaded = calloc(1, sizeof(*loaded));
	int r = loaded == NULL ? -ENOMEM : 0;

	if (r == 0)
		r = config_load(&loaded->config, broker->paths->config_file, &errors);
	if (r == 0) {
		loaded->references = 1;
		loaded->loaded_realtime_ns = clock_realtime_ns();
		*ret = loaded;
		return 0;
	}
	free(loaded);
	for (size_t i = 0; i < errors.count; i++)
		log_error(broker->log, "%s", errors.items[i].text);
	if (errors.count > 0)
		*ret_first = errors.items[0];
	else {
		error_text_set(ret_first, "%s: %s", broker->paths->config_file, strerror(-r));
		log_error(broker->log, "%s", ret_first->text);
	}
	return r;
}

static void add_unknown(struct config_errors *warnings, const struct config_place *place,
			const char *key, const struct config_strings *names,
			const struct principals_unknown *unknown)
{
	for (size_t i = 0; i < unknown->count; i++) {
		const char *name = names->items[unknown->items[i]];

		(void)config_errors_add(warnings, place, key, "%s: %s",
					principals_unknown_reason(name), name);
	}
}

static void add_failed_lookup(struct config_errors *warnings, const struct config_place *place,
			      const char *key, int error)
{
	(void)config_errors_add(warnings, place, key, "cannot look up users and groups: %s",
				strerror(-error));
}

static bool are_equal(const struct config_errors *a, const struct config_errors *b)
{
	size_t i = 0;

	while (i < a->count && i < b->count && strcmp(a->items[i].text, b->items[i].text) == 0)
		i++;
	return i == a->count && i == b->count;
}

/* Shown in the status; logged only when they are others than before. */
static void replace_warnings(struct config_errors *warnings, struct config_errors *with,
			     const struct log *log)
{
	bool is_new = !are_equal(warnings, with);

	for (size_t i = 0; i < with->count && is_new; i++)
		log_warning(log, "%s", with->items[i].text);
	config_errors_free(warnings);
	*warnings = *with;
	*with = (struct config_errors){.count = 0};
}

/* False: there are names to be looked up again. */
static bool resolve_admins(struct broker *broker, struct config_errors *warnings)
{
	CLEANUP(principals_unknown) struct principals_unknown unknown = {.count = 0};
	const struct config *config = broker->loaded->config;
	struct principals admins = {.uid_count = 0};
	int r = principals_resolve(&admins, &config->admins, &unknown);

	if (r < 0) {
		add_failed_lookup(warnings, &config->admins_place, "admins", r);
		return false;
	}
	principals_free(&broker->admins);
	broker->admins = admins;
	/* The built-in default names a group that a host need not have. */
	if (config->admins_place.file != NULL)
		add_unknown(warnings, &config->admins_place, "admins", &config->admins, &unknown);
	return unknown.count == 0;
}

/* As resolve_admins(). */
static bool resolve_http_user(struct broker *broker, struct config_errors *warnings)
{
	CLEANUP(principals) struct principals user = {.uid_count = 0};
	CLEANUP(principals_unknown) struct principals_unknown unknown = {.count = 0};
	const struct config_http *http = &broker->loaded->config->http;
	char *names[] = {http->user};
	const struct config_strings list = {.items = names, .count = 1};
	int r = principals_resolve(&user, &list, &unknown);

	if (r < 0) {
		add_failed_lookup(warnings, &http->user_place, "http.user", r);
		return false;
	}
	broker->has_http_uid = user.uid_count == 1;
	if (broker->has_http_uid)
		broker->http_uid = user.uids[0];
	else if (http->user_place.file != NULL)
		add_unknown(warnings, &http->user_place, "http.user", &list, &unknown);
	return unknown.count == 0;
}

/* The one key that a reload cannot take over: readers are somewhere else already. */
static void warn_of_backing(const struct broker *broker, struct config_errors *warnings)
{
	static const struct config_place anywhere = {.file = NULL};

	if (broker->runtime_dir != NULL && broker->runtime_dir->backing != broker_backing(broker))
		(void)config_errors_add(
			warnings, &anywhere, "backing",
			"has changed: it takes effect when the broker is restarted");
}

void broker_resolve_common(struct broker *broker)
{
	CLEANUP(config_errors) struct config_errors warnings = {.count = 0};
	bool are_admins_known = resolve_admins(broker, &warnings);
	bool is_http_user_known = resolve_http_user(broker, &warnings);

	warn_of_backing(broker, &warnings);
	broker->has_unknown_names = !are_admins_known || !is_http_user_known;
	broker->wants_names = false;
	broker->names_at_ms = clock_boottime_ms() + NAMES_PAUSE_MS;
	replace_warnings(&broker->warnings, &warnings, broker->log);
	status_writer_mark_changed(&broker->status_writer);
}

int64_t broker_look_up_names(struct broker *broker, int64_t now_ms)
{
	if (broker->wants_names && broker->names_at_ms <= now_ms)
		broker_resolve_common(broker);
	return broker->wants_names ? broker->names_at_ms : LIFECYCLE_NEVER_MS;
}

static void take_readers(struct managed_token *token, struct principals *readers)
{
	/* Asked every time: what it could not do before, it does now. Equal readers cost nothing.
	 */
	if (token->publication != NULL)
		(void)publication_set_readers(token->publication, readers, clock_boottime_ns());
	principals_free(&token->readers);
	token->readers = *readers;
}

int broker_resolve_readers(struct managed_token *token)
{
	CLEANUP(principals_unknown) struct principals_unknown unknown = {.count = 0};
	CLEANUP(config_errors) struct config_errors warnings = {.count = 0};
	const struct config_token *config = token->config;
	struct principals readers = {.uid_count = 0};
	int r = principals_resolve(&readers, &config->readers, &unknown);

	if (r < 0)
		add_failed_lookup(&warnings, &config->readers_place, "readers", r);
	else
		take_readers(token, &readers);
	add_unknown(&warnings, &config->readers_place, "readers", &config->readers, &unknown);
	replace_warnings(&token->reader_warnings, &warnings, token->broker->log);
	managed_token_changed(token);
	return r;
}

int broker_load_first_config(struct broker *broker)
{
	struct error_text first = {.text = ""};
	int r = load(broker, &broker->loaded, &first);

	if (r == 0)
		broker->log->level = broker->loaded->config->log_level;
	return r;
}

int broker_begin_tokens(struct broker *broker)
{
	const struct config *config = broker->loaded->config;

	broker->tokens = calloc(config->token_count + 1, sizeof(*broker->tokens));
	if (broker->tokens == NULL)
		return -ENOMEM;
	broker->is_starting = true;
	for (size_t i = 0; i < config->token_count; i++) {
		struct managed_token *token;
		int r = managed_token_new(&token, broker, broker->loaded, &config->tokens[i]);

		if (r < 0) {
			log_error(broker->log, "token %s: %s", config->tokens[i].name,
				  strerror(-r));
			return r;
		}
		broker->tokens[broker->token_count++] = token;
	}
	broker->is_starting = false;
	return 0;
}

/* The token of that name goes on, as the same or as another; or begins. */
static struct managed_token *carry_over(struct broker *broker, struct loaded_config *loaded,
					const struct config_token *config)
{
	struct managed_token *token = broker_find_token(broker, config->name);
	uint64_t source_id;
	int r;

	if (token == NULL) {
		r = managed_token_new(&token, broker, loaded, config);
		if (r < 0)
			log_error(broker->log, "token %s: %s", config->name, strerror(-r));
		return r < 0 ? NULL : token;
	}
	r = source_identity(config, &source_id);
	if (r < 0) {
		/* Without knowing that it is the same it must not be served. */
		log_error(broker->log, "token %s: %s", config->name, strerror(-r));
		source_id = ~token->source_id;
	}
	if (source_id == token->source_id)
		managed_token_update(token, loaded, config);
	else
		managed_token_change_source(token, loaded, config, source_id);
	return token;
}

static bool is_kept(struct managed_token *const *tokens, size_t count,
		    const struct managed_token *token)
{
	for (size_t i = 0; i < count; i++)
		if (tokens[i] == token)
			return true;
	return false;
}

static void apply_tokens(struct broker *broker, struct managed_token **tokens)
{
	struct loaded_config *loaded = broker->loaded;
	size_t count = 0;

	for (size_t i = 0; i < loaded->config->token_count; i++) {
		struct managed_token *token =
			carry_over(broker, loaded, &loaded->config->tokens[i]);

		if (token != NULL)
			tokens[count++] = token;
	}
	for (size_t i = 0; i < broker->token_count; i++) {
		struct managed_token *token = broker->tokens[i];

		if (is_kept(tokens, count, token))
			continue;
		log_info(broker->log, "token %s: no longer configured: withdrawn",
			 token->config->name);
		managed_token_remove(token);
	}
	free(broker->tokens);
	broker->tokens = tokens;
	broker->token_count = count;
}

void broker_reload(struct broker *broker)
{
	struct loaded_config *former = broker->loaded;
	struct loaded_config *loaded = NULL;
	struct managed_token **tokens = NULL;

	status_writer_mark_changed(&broker->status_writer);
	if (load(broker, &loaded, &broker->config_error) == 0) {
		tokens = calloc(loaded->config->token_count + 1, sizeof(*tokens));
		if (tokens == NULL)
			error_text_set(&broker->config_error, "%s", strerror(ENOMEM));
	}
	if (tokens == NULL) {
		loaded_config_unref(loaded);
		log_error(broker->log, "reload: nothing has changed: %s",
			  broker->config_error.text);
		return;
	}
	broker->config_error.text[0] = '\0';
	broker->loaded = loaded;
	broker->log->level = loaded->config->log_level;
	broker_resolve_common(broker);
	apply_tokens(broker, tokens);
	loaded_config_unref(former);
	log_info(broker->log, "configuration reloaded: %zu tokens", broker->token_count);
}
