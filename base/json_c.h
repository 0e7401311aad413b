/* SPDX-License-Identifier: MIT */
/*
 * json-c, loaded when it is first needed: `tokenbroker get` must map nothing but libc, and one
 * build of base/ serves all programs. In a program that is linked with json-c, loading finds the
 * copy that is there and touches no file.
 *
 * Only for .c files of base/: json-c's types appear in no other header but json_reader.h, which is
 * for them, too.
 */
#ifndef BASE_JSON_C_H
#define BASE_JSON_C_H

#include <json-c/json.h>

#include "base/error_text.h"

/* The functions of json-c that base/ calls, under their own names without json_. */
struct json_c {
	struct json_tokener *(*tokener_new_ex)(int depth);
	void (*tokener_set_flags)(struct json_tokener *tokener, int flags);
	struct json_object *(*tokener_parse_ex)(struct json_tokener *tokener, const char *text,
						int length);
	enum json_tokener_error (*tokener_get_error)(struct json_tokener *tokener);
	const char *(*tokener_error_desc)(enum json_tokener_error error);
	size_t (*tokener_get_parse_end)(struct json_tokener *tokener);
	void (*tokener_free)(struct json_tokener *tokener);
	int (*object_put)(struct json_object *object);
	int (*object_is_type)(const struct json_object *object, enum json_type type);
	json_bool (*object_object_get_ex)(const struct json_object *object, const char *key,
					  struct json_object **ret);
	size_t (*object_array_length)(const struct json_object *object);
	struct json_object *(*object_array_get_idx)(const struct json_object *object, size_t index);
	const char *(*object_get_string)(struct json_object *object);
	int (*object_get_string_len)(const struct json_object *object);
	int64_t (*object_get_int64)(const struct json_object *object);
	double (*object_get_double)(const struct json_object *object);
	struct json_object_iterator (*object_iter_begin)(struct json_object *object);
	struct json_object_iterator (*object_iter_end)(const struct json_object *object);
	json_bool (*object_iter_equal)(const struct json_object_iterator *a,
				       const struct json_object_iterator *b);
	void (*object_iter_next)(struct json_object_iterator *iterator);
	const char *(*object_iter_peek_name)(const struct json_object_iterator *iterator);
	struct json_object *(*object_iter_peek_value)(const struct json_object_iterator *iterator);
};

/* Fills ret; 0, or -ELIBACC with an error that names the library. It stays loaded. */
int json_c_load(struct json_c *ret, struct error_text *error);

#endif
