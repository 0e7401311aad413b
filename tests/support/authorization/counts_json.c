/* SPDX-License-Identifier: MIT */
#include "tests/support/authorization/counts_json.h"

#include <json-c/json.h>
#include <string.h>

#include "base/clock.h"

static void put_string(struct json_object *object, const char *name, const char *text)
{
	json_object_object_add(object, name, json_object_new_string(text));
}

static void put_number(struct json_object *object, const char *name, uint64_t number)
{
	json_object_object_add(object, name, json_object_new_uint64(number));
}

static struct json_object *make_field(const struct journal_field *field)
{
	struct json_object *pair = json_object_new_array();

	json_object_array_add(pair, json_object_new_string(field->name));
	json_object_array_add(pair, field->value[0] == '\0' ? NULL
							    : json_object_new_string(field->value));
	return pair;
}

static struct json_object *make_last(const struct journal_form *form)
{
	struct json_object *last = json_object_new_object();
	struct json_object *fields = json_object_new_array();

	put_string(last, "path", form->path);
	put_string(last, "auth", form->auth);
	put_string(last, "content_type", form->content_type);
	for (size_t i = 0; i < form->count; i++)
		json_object_array_add(fields, make_field(&form->fields[i]));
	json_object_object_add(last, "fields", fields);
	return last;
}

static struct json_object *make_endpoint(const struct journal_endpoint *sums)
{
	static const char *const names[] = {OUTCOME_NAMES};
	struct json_object *endpoint = json_object_new_object();
	struct json_object *outcomes = json_object_new_object();

	put_number(endpoint, "requests", sums->requests);
	put_number(endpoint, "in_progress", sums->in_progress);
	put_number(endpoint, "peak", sums->peak);
	for (size_t i = 0; i < OUTCOME_COUNT; i++) {
		if (sums->outcomes[i] > 0)
			put_number(outcomes, names[i], sums->outcomes[i]);
	}
	json_object_object_add(endpoint, "outcomes", outcomes);
	json_object_object_add(endpoint, "last", make_last(&sums->last));
	return endpoint;
}

static struct json_object *make_token_requests(const struct journal *journal)
{
	static const char *const names[] = {OUTCOME_NAMES};
	struct json_object *list = json_object_new_array();
	uint64_t end = journal->token_request_count;
	uint64_t start = end > JOURNAL_REQUESTS ? end - JOURNAL_REQUESTS : 0;

	for (uint64_t number = start; number < end; number++) {
		const struct journal_request *request =
			&journal->token_requests[number % JOURNAL_REQUESTS];
		struct json_object *entry = json_object_new_object();

		json_object_object_add(entry, "at_ms", json_object_new_int64(request->at_ms));
		json_object_object_add(entry, "answered_ns",
				       json_object_new_int64(request->answered_ns));
		put_string(entry, "outcome", names[request->outcome]);
		put_string(entry, "client_id", request->client_id);
		json_object_array_add(list, entry);
	}
	return list;
}

static void add_journal(struct json_object *root, struct journal *journal)
{
	static const char *const names[] = {ENDPOINT_NAMES};
	struct json_object *endpoints = json_object_new_object();

	pthread_mutex_lock(&journal->lock);
	for (size_t i = 0; i < ENDPOINT_COUNT; i++)
		json_object_object_add(endpoints, names[i], make_endpoint(&journal->endpoints[i]));
	json_object_object_add(root, "token_requests", make_token_requests(journal));
	pthread_mutex_unlock(&journal->lock);
	json_object_object_add(root, "endpoints", endpoints);
}

static void add_fingerprint(void *context, const struct stored_token *token)
{
	json_object_array_add(context, json_object_new_string(token->fingerprint));
}

static void add_store(struct json_object *root, struct store *store)
{
	struct json_object *active = json_object_new_array();

	store_each_active(store, clock_boottime_ms(), active, add_fingerprint);
	json_object_object_add(root, "active", active);
	pthread_mutex_lock(&store->lock);
	put_number(root, "issued", store->issued);
	put_number(root, "revoked", store->revoked);
	pthread_mutex_unlock(&store->lock);
}

char *counts_json(struct provider *provider)
{
	struct json_object *root = json_object_new_object();
	char *text;

	add_journal(root, &provider->journal);
	add_store(root, &provider->store);
	text = strdup(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
	json_object_put(root);
	return text;
}
