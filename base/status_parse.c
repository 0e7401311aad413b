/* SPDX-License-Identifier: MIT */
#include "base/status_parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status_file.h"

static const struct json_member document_members[] = {
	JSON_MEMBER_TEXT("version", struct status_view, version),
	JSON_MEMBER_COUNT("pid", struct status_view, pid),
	JSON_MEMBER_TIME("started_at", struct status_view, started_at_s),
	JSON_MEMBER_TIME("published_at", struct status_view, published_at_s),
};

static const struct json_member config_members[] = {
	JSON_MEMBER_TIME("loaded_at", struct status_view, config_loaded_at_s),
	JSON_MEMBER_OPTIONAL_TEXT("error", struct status_view, config_error),
};

static const struct json_member loop_members[] = {
	JSON_MEMBER_COUNT("longest_ms", struct status_view, loop_longest_ms),
};

static int read_config(const struct json_place *document, struct status_view *view)
{
	struct json_place config;
	int r = json_read_object(document, "config", &config);

	if (r < 0 || config.object == NULL)
		return r;
	r = json_read_members(&config, config_members, COUNT_OF(config_members), view);
	if (r < 0)
		return r;
	return json_read_texts(&config, "warnings", STATUS_VIEW_ENTRIES_MAX, &view->config_warnings,
			       &view->config_warning_count);
}

static int read_loop(const struct json_place *document, struct status_view *view)
{
	struct json_place loop;
	int r = json_read_object(document, "loop", &loop);

	if (r < 0 || loop.object == NULL)
		return r;
	return json_read_members(&loop, loop_members, COUNT_OF(loop_members), view);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* No two tokens have the same name: metrics with equal labels would be refused by who scrapes them.
 */
static int check_names(const struct json_place *document, const struct status_view *view)
{
	const char **names = calloc(view->token_count + 1, sizeof(*names));
	bool is_twice = false;

	if (names == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < view->token_count; i++)
		names[i] = view->tokens[i].name;
	qsort(names, view->token_count, sizeof(*names), compare_names);
	for (size_t i = 1; i < view->token_count && !is_twice; i++)
		is_twice = strcmp(names[i - 1], names[i]) == 0;
	free(names);
	return is_twice ? json_wrong(document, "tokens", "a name that stands there twice") : 0;
}

static int read_tokens(const struct json_place *document, struct status_view *view)
{
	struct json_place array;
	size_t count;
	int r = json_read_array(document, "tokens", STATUS_VIEW_ENTRIES_MAX, &array, &count);

	if (r < 0)
		return r;
	if (array.object == NULL)
		return json_wrong(document, "tokens", "missing");
	view->tokens = calloc(count + 1, sizeof(*view->tokens));
	if (view->tokens == NULL)
		return -ENOMEM;
	view->token_count = count;
	for (size_t i = 0; i < count && r == 0; i++) {
		struct json_place token;

		r = json_read_object_at(&array, i, &token);
		if (r == 0)
			r = status_parse_token(&token, &view->tokens[i]);
	}
	return r < 0 ? r : check_names(document, view);
}

static int read_document(const struct json_place *document, struct status_view *view)
{
	int r = json_read_members(document, document_members, COUNT_OF(document_members), view);

	if (r == 0)
		r = read_config(document, view);
	if (r == 0)
		r = read_loop(document, view);
	return r < 0 ? r : read_tokens(document, view);
}

int status_view_parse(const char *text, size_t length, struct status_view **ret,
		      struct error_text *error)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;
	struct json_reader reader = {.error = error};
	struct json_place document;
	int r = json_c_load(&reader.json, error);

	if (r < 0)
		return r;
	if (length > STATUS_FILE_BYTES_MAX) {
		error_text_set(error, "longer than any broker writes it");
		return -EBADMSG;
	}
	r = json_reader_parse(&reader, text, length, &document);
	if (r < 0)
		return r;
	view = calloc(1, sizeof(*view));
	r = view == NULL ? -ENOMEM : read_document(&document, view);
	(void)reader.json.object_put(document.object);
	if (r < 0)
		return r;
	*ret = view;
	view = NULL;
	return 0;
}
