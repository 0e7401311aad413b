/* SPDX-License-Identifier: MIT */
#include "source/answer_json.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { DEPTH_MAX = 32 };

struct answer_json {
	struct json_object *object;
};

static bool is_blank(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r' && text[i] != '\n')
			return false;
	return true;
}

/* NULL: not JSON, or something behind it. */
static struct json_object *parse(struct json_tokener *tokener, const char *body, size_t length)
{
	struct json_object *value = json_tokener_parse_ex(tokener, body, (int)length);
	size_t end = json_tokener_get_parse_end(tokener);

	if (json_tokener_get_error(tokener) == json_tokener_success &&
	    is_blank(body + end, length - end))
		return value;
	json_object_put(value);
	return NULL;
}

int answer_json_parse(struct answer_json **ret, const char *body, size_t length)
{
	CLEANUP(answer_json_free) struct answer_json *json = calloc(1, sizeof(*json));
	struct json_tokener *tokener;

	if (length > INT32_MAX)
		return -EBADMSG;
	tokener = json_tokener_new_ex(DEPTH_MAX);
	if (json == NULL || tokener == NULL) {
		if (tokener != NULL) /* json-c 0.16 does not take NULL */
			json_tokener_free(tokener);
		return -ENOMEM;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	json->object = parse(tokener, body, length);
	json_tokener_free(tokener);
	if (!json_object_is_type(json->object, json_type_object))
		return -EBADMSG;
	*ret = json;
	json = NULL;
	return 0;
}

void answer_json_free(struct answer_json *json)
{
	if (json == NULL)
		return;
	json_object_put(json->object);
	free(json);
}

enum answer_json_member answer_json_string(const struct answer_json *json, const char *name,
					   const char **ret_string, size_t *ret_length)
{
	struct json_object *member = json_object_object_get(json->object, name);

	if (member == NULL)
		return ANSWER_JSON_ABSENT;
	if (!json_object_is_type(member, json_type_string))
		return ANSWER_JSON_INVALID;
	*ret_string = json_object_get_string(member);
	*ret_length = (size_t)json_object_get_string_len(member);
	return ANSWER_JSON_VALID;
}

/* 0 where there is no such number. */
static int64_t seconds_of_double(double value)
{
	return value >= 1 && value < 9e18 ? (int64_t)value : 0;
}

static int64_t seconds_of_string(const char *string, size_t length)
{
	char *end;
	long long value;

	/* strtoll(3) also takes blanks and signs, and would stop at a NUL. */
	if (length == 0 || strspn(string, "0123456789") != length)
		return 0;
	errno = 0;
	value = strtoll(string, &end, 10);
	return errno == 0 ? value : 0;
}

enum answer_json_member answer_json_seconds(const struct answer_json *json, const char *name,
					    int64_t *ret_seconds)
{
	struct json_object *member = json_object_object_get(json->object, name);
	int64_t seconds = 0;

	if (member == NULL)
		return ANSWER_JSON_ABSENT;
	if (json_object_is_type(member, json_type_int))
		seconds = json_object_get_int64(member);
	else if (json_object_is_type(member, json_type_double))
		seconds = seconds_of_double(json_object_get_double(member));
	else if (json_object_is_type(member, json_type_string))
		seconds = seconds_of_string(json_object_get_string(member),
					    (size_t)json_object_get_string_len(member));
	/* json-c gives INT64_MAX for every larger number. */
	if (seconds < 1 || seconds == INT64_MAX)
		return ANSWER_JSON_INVALID;
	*ret_seconds = seconds;
	return ANSWER_JSON_VALID;
}
