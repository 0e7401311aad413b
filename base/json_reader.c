/* SPDX-License-Identifier: MIT */
#include "base/json_reader.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

static void add_way(struct text *text, const struct json_place *place)
{
	if (place->parent == NULL)
		return;
	add_way(text, place->parent);
	text_addf(text, "%s%s", text->length == 0 ? "" : ".", place->key);
	if (place->index != JSON_NO_INDEX)
		text_addf(text, "[%zu]", place->index);
}

int json_wrong(const struct json_place *place, const char *key, const char *what)
{
	struct error_text way;
	struct text text;

	text_init(&text, way.text, sizeof(way.text));
	add_way(&text, place);
	if (key != NULL)
		text_addf(&text, "%s%s", text.length == 0 ? "" : ".", key);
	text_addf(&text, ": %s", what);
	error_text_set(place->reader->error, "%s", way.text);
	return -EBADMSG;
}

static const char *explain_type(enum json_type wanted)
{
	switch (wanted) {
	case json_type_int:
		return "not a whole number";
	case json_type_double:
		return "not a number";
	case json_type_object:
		return "not an object";
	case json_type_array:
		return "not an array";
	case json_type_string:
		return "not a string";
	case json_type_null:
	case json_type_boolean:
		break;
	}
	return "of another type";
}

static bool is_of_type(const struct json_reader *reader, const struct json_object *object,
		       enum json_type type)
{
	/* 0 is a number as good as 0.0. */
	return reader->json.object_is_type(object, type) != 0 ||
	       (type == json_type_double && reader->json.object_is_type(object, json_type_int));
}

/* NULL where there is no such member, or null. */
static int get_member(const struct json_place *place, const char *key, enum json_type type,
		      struct json_object **ret)
{
	const struct json_reader *reader = place->reader;
	struct json_object *member = NULL;

	if (reader->json.object_object_get_ex(place->object, key, &member) && member != NULL &&
	    !is_of_type(reader, member, type))
		return json_wrong(place, key, explain_type(type));
	*ret = member;
	return 0;
}

static int get_place(const struct json_place *place, const char *key, enum json_type type,
		     struct json_place *ret)
{
	struct json_object *member = NULL;
	int r = get_member(place, key, type, &member);

	if (r < 0)
		return r;
	*ret = (struct json_place){
		.reader = place->reader,
		.parent = place,
		.key = key,
		.index = JSON_NO_INDEX,
		.object = member,
	};
	return 0;
}

static int check_count(const struct json_place *place, const char *key,
		       const struct json_object *member, uint64_t *ret)
{
	int64_t value = place->reader->json.object_get_int64(member);

	if (value < 0)
		return json_wrong(place, key, "negative");
	*ret = (uint64_t)value;
	return 0;
}

static int read_count(const struct json_place *place, const char *key, uint64_t *ret)
{
	struct json_object *member = NULL;
	int r = get_member(place, key, json_type_int, &member);

	return r < 0 || member == NULL ? r : check_count(place, key, member, ret);
}

static int check_string(const struct json_place *place, const char *key, struct json_object *member,
			const char **ret)
{
	const struct json_c *json = &place->reader->json;
	const char *value = json->object_get_string(member);

	if (strlen(value) != (size_t)json->object_get_string_len(member))
		return json_wrong(place, key, "a NUL in a text");
	*ret = value;
	return 0;
}

int json_read_string(const struct json_place *place, const char *key, const char **ret)
{
	struct json_object *member = NULL;
	int r = get_member(place, key, json_type_string, &member);

	return r < 0 || member == NULL ? r : check_string(place, key, member, ret);
}

static int read_text(const struct json_place *place, const char *key, const char *otherwise,
		     char **ret)
{
	const char *value = otherwise;
	int r = json_read_string(place, key, &value);

	if (r < 0 || value == NULL)
		return r;
	*ret = strdup(value);
	return *ret == NULL ? -ENOMEM : 0;
}

static int read_time(const struct json_place *place, const char *key, int64_t *ret_s)
{
	const char *value = NULL;
	int r = json_read_string(place, key, &value);

	if (r < 0 || value == NULL)
		return r;
	return clock_parse_rfc3339(value, ret_s)
		       ? 0
		       : json_wrong(place, key, "not a time in RFC 3339, UTC");
}

static int read_member(const struct json_place *place, const struct json_member *member, void *ret)
{
	switch (member->kind) {
	case JSON_COUNT:
		return read_count(place, member->key, ret);
	case JSON_TIME:
		return read_time(place, member->key, ret);
	case JSON_TEXT:
		return read_text(place, member->key, "", ret);
	case JSON_OPTIONAL_TEXT:
		break;
	}
	return read_text(place, member->key, NULL, ret);
}

int json_read_members(const struct json_place *place, const struct json_member *members,
		      size_t count, void *ret)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = read_member(place, &members[i], (char *)ret + members[i].offset);
	return r;
}

int json_read_number(const struct json_place *place, const char *key, double *ret)
{
	struct json_object *member = NULL;
	double value;
	int r = get_member(place, key, json_type_double, &member);

	if (r < 0 || member == NULL)
		return r;
	value = place->reader->json.object_get_double(member);
	if (!isfinite(value) || value < 0)
		return json_wrong(place, key, "negative, or not finite");
	*ret = value;
	return 0;
}

int json_read_object(const struct json_place *place, const char *key, struct json_place *ret)
{
	return get_place(place, key, json_type_object, ret);
}

int json_read_array(const struct json_place *place, const char *key, size_t count_max,
		    struct json_place *ret, size_t *ret_count)
{
	struct json_place array;
	size_t count;
	int r = get_place(place, key, json_type_array, &array);

	if (r < 0)
		return r;
	count = array.object == NULL ? 0 : place->reader->json.object_array_length(array.object);
	if (count > count_max)
		return json_wrong(place, key, "too many entries");
	*ret = array;
	*ret_count = count;
	return 0;
}

/* An entry stands beside its array, so that its way is "key[index]". */
static struct json_place entry_of(const struct json_place *array, size_t index)
{
	return (struct json_place){
		.reader = array->reader,
		.parent = array->parent,
		.key = array->key,
		.index = index,
		.object = array->reader->json.object_array_get_idx(array->object, index),
	};
}

int json_read_object_at(const struct json_place *array, size_t index, struct json_place *ret)
{
	struct json_place entry = entry_of(array, index);

	if (entry.object == NULL || !is_of_type(array->reader, entry.object, json_type_object))
		return json_wrong(&entry, NULL, explain_type(json_type_object));
	*ret = entry;
	return 0;
}

static int read_text_at(const struct json_place *array, size_t index, char **ret)
{
	const struct json_place entry = entry_of(array, index);
	const char *value = "";
	int r;

	if (entry.object == NULL || !is_of_type(array->reader, entry.object, json_type_string))
		return json_wrong(&entry, NULL, explain_type(json_type_string));
	r = check_string(&entry, NULL, entry.object, &value);
	if (r < 0)
		return r;
	*ret = strdup(value);
	return *ret == NULL ? -ENOMEM : 0;
}

int json_read_texts(const struct json_place *place, const char *key, size_t count_max, char ***ret,
		    size_t *ret_count)
{
	struct json_place array;
	size_t count;
	int r = json_read_array(place, key, count_max, &array, &count);

	if (r < 0 || count == 0)
		return r;
	*ret = calloc(count, sizeof(**ret));
	if (*ret == NULL)
		return -ENOMEM;
	*ret_count = count;
	for (size_t i = 0; i < count && r == 0; i++)
		r = read_text_at(&array, i, &(*ret)[i]);
	return r;
}

int json_read_named_counts(const struct json_place *place, struct json_named_count *ret,
			   size_t count_max, size_t *ret_count)
{
	const struct json_c *json = &place->reader->json;
	struct json_object_iterator at = json->object_iter_begin(place->object);
	const struct json_object_iterator end = json->object_iter_end(place->object);
	size_t count = 0;

	for (; !json->object_iter_equal(&at, &end); json->object_iter_next(&at)) {
		const char *name = json->object_iter_peek_name(&at);
		const struct json_object *member = json->object_iter_peek_value(&at);
		int r;

		if (count == count_max)
			return json_wrong(place, NULL, "too many members");
		if (member == NULL || !is_of_type(place->reader, member, json_type_int))
			return json_wrong(place, NULL, "a member that is not a whole number");
		ret[count].name = name;
		r = check_count(place, NULL, member, &ret[count].count);
		if (r < 0)
			return r;
		count++;
	}
	*ret_count = count;
	return 0;
}
