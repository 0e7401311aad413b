/* SPDX-License-Identifier: MIT */
#include "tests/support/authorization/order_json.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELAY_MAX_MS INT64_C(600000)

static int set_int(struct json_object *value, int64_t min, int64_t max, int64_t *ret)
{
	int64_t number;

	if (!json_object_is_type(value, json_type_int))
		return -EINVAL;
	number = json_object_get_int64(value);
	if (number < min || number > max)
		return -EINVAL;
	*ret = number;
	return 0;
}

static int set_bool(struct json_object *value, bool *ret)
{
	if (!json_object_is_type(value, json_type_boolean))
		return -EINVAL;
	*ret = json_object_get_boolean(value);
	return 0;
}

static int set_endpoint(struct order *order, struct json_object *value)
{
	static const char *const names[] = {ENDPOINT_NAMES};
	const char *name = json_object_get_string(value);

	for (size_t i = 0; name != NULL && i < ENDPOINT_COUNT; i++) {
		if (strcmp(names[i], name) == 0) {
			order->endpoint = (enum endpoint)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_count(struct order *order, struct json_object *value)
{
	int64_t count;

	if (set_int(value, -1, 1000000, &count) < 0 || count == 0)
		return -EINVAL;
	order->count = (int)count;
	return 0;
}

static int set_client_id(struct order *order, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_string) ||
	    (size_t)json_object_get_string_len(value) >= sizeof(order->client_id))
		return -EINVAL;
	(void)snprintf(order->client_id, sizeof(order->client_id), "%s",
		       json_object_get_string(value));
	return 0;
}

static int set_status(struct order *order, struct json_object *value)
{
	int64_t status;

	if (set_int(value, 200, 599, &status) < 0)
		return -EINVAL;
	order->status = (unsigned)status;
	return 0;
}

static int set_body(struct order *order, struct json_object *value)
{
	size_t length;
	char *body;

	if (!json_object_is_type(value, json_type_string) || order->body != NULL)
		return -EINVAL;
	length = (size_t)json_object_get_string_len(value);
	body = malloc(length + 1);
	if (body == NULL)
		return -ENOMEM;
	memcpy(body, json_object_get_string(value), length + 1);
	order->body = body;
	order->body_length = length;
	return 0;
}

static int set_headers(struct order *order, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_object))
		return -EINVAL;
	json_object_object_foreach(value, name, text)
	{
		struct http_header *header = &order->headers[order->header_count];

		if (order->header_count == HTTP_HEADERS_MAX ||
		    strlen(name) >= sizeof(header->name) ||
		    !json_object_is_type(text, json_type_string) ||
		    (size_t)json_object_get_string_len(text) >= sizeof(header->value))
			return -EINVAL;
		(void)snprintf(header->name, sizeof(header->name), "%s", name);
		(void)snprintf(header->value, sizeof(header->value), "%s",
			       json_object_get_string(text));
		order->header_count++;
	}
	return 0;
}

static int set_odd(struct order *order, struct json_object *value)
{
	const char *name = json_object_get_string(value);

	order->odd = name == NULL ? NULL : odd_body_find(name);
	return order->odd == NULL ? -EINVAL : 0;
}

static int set_echo_secret(struct order *order, struct json_object *value)
{
	return set_bool(value, &order->echoes_secret);
}

static int set_delay(struct order *order, struct json_object *value)
{
	return set_int(value, 0, DELAY_MAX_MS, &order->delay_ms);
}

static int set_slow(struct order *order, struct json_object *value)
{
	order->delivery = HTTP_DELIVERY_SLOW;
	return set_int(value, 1, DELAY_MAX_MS, &order->slow_ms);
}

static int set_fault(struct order *order, struct json_object *value)
{
	static const struct {
		const char *name;
		enum http_delivery delivery;
	} faults[] = {
		{"reset", HTTP_DELIVERY_RESET},
		{"stall", HTTP_DELIVERY_STALL},
		{"stall_headers", HTTP_DELIVERY_STALL_HEADERS},
		{"half", HTTP_DELIVERY_HALF},
	};
	const char *name = json_object_get_string(value);

	for (size_t i = 0; name != NULL && i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (strcmp(faults[i].name, name) == 0) {
			order->delivery = faults[i].delivery;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_processed(struct order *order, struct json_object *value)
{
	return set_bool(value, &order->is_processed);
}

static int set_same_token(struct order *order, struct json_object *value)
{
	return set_bool(value, &order->is_same_again);
}

static int set_expires_in(struct order *order, struct json_object *value)
{
	order->has_lifetime = true;
	return set_int(value, INT32_MIN, INT32_MAX, &order->lifetime_s);
}

static int set_token_length(struct order *order, struct json_object *value)
{
	int64_t length;

	if (set_int(value, STORE_TOKEN_LENGTH_MIN, STORE_TOKEN_LENGTH_MAX, &length) < 0)
		return -EINVAL;
	order->token_length = (size_t)length;
	return 0;
}

static const struct {
	const char *name;
	int (*set)(struct order *order, struct json_object *value);
} members[] = {
	{"endpoint", set_endpoint},
	{"count", set_count},
	{"client_id", set_client_id},
	{"status", set_status},
	{"body", set_body},
	{"headers", set_headers},
	{"odd", set_odd},
	{"echo_secret", set_echo_secret},
	{"delay_ms", set_delay},
	{"slow_ms", set_slow},
	{"fault", set_fault},
	{"processed", set_processed},
	{"same_token", set_same_token},
	{"expires_in", set_expires_in},
	{"token_length", set_token_length},
};

static int set_member(struct order *order, const char *name, struct json_object *value,
		      struct error_text *error)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (strcmp(members[i].name, name) == 0) {
			int r = members[i].set(order, value);

			if (r < 0)
				error_text_set(error, "%s: not a value for it", name);
			return r;
		}
	}
	error_text_set(error, "%s: no such member of an order", name);
	return -EINVAL;
}

static int add_one(struct orders *orders, struct json_object *object, struct error_text *error)
{
	__attribute__((cleanup(cleanup_order))) struct order order = {.endpoint = ENDPOINT_COUNT,
								      .count = 1};
	int r;

	if (!json_object_is_type(object, json_type_object)) {
		error_text_set(error, "an order is an object");
		return -EINVAL;
	}
	json_object_object_foreach(object, name, value)
	{
		r = set_member(&order, name, value, error);
		if (r < 0)
			return r;
	}
	if (order.endpoint == ENDPOINT_COUNT) {
		error_text_set(error, "an order needs an endpoint");
		return -EINVAL;
	}
	r = orders_add(orders, &order);
	if (r < 0)
		error_text_set(error, "too many orders are waiting");
	return r;
}

static int add_all(struct orders *orders, struct json_object *root, struct error_text *error)
{
	if (!json_object_is_type(root, json_type_array))
		return add_one(orders, root, error);
	for (size_t i = 0; i < json_object_array_length(root); i++) {
		int r = add_one(orders, json_object_array_get_idx(root, i), error);

		if (r < 0)
			return r;
	}
	return 0;
}

int order_json_add(struct orders *orders, const char *text, struct error_text *error)
{
	struct json_object *root = json_tokener_parse(text);
	int r = add_all(orders, root, error);

	json_object_put(root);
	return r;
}
