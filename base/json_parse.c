/* SPDX-License-Identifier: MIT */
#include "base/json_reader.h"

#include <errno.h>
#include <string.h>

/* More than any document of ours has; json-c's own limit is 32. */
enum { DEPTH_MAX = 16 };

/* What json-c makes of the text; the caller puts it back, also on failure. */
static int parse_text(const struct json_reader *reader, const char *text, size_t length,
		      struct json_object **ret)
{
	const struct json_c *json = &reader->json;
	struct json_tokener *tokener = json->tokener_new_ex(DEPTH_MAX);
	enum json_tokener_error fault;

	if (tokener == NULL)
		return -ENOMEM;
	json->tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	*ret = json->tokener_parse_ex(tokener, text, (int)length);
	fault = json->tokener_get_error(tokener);
	if (fault != json_tokener_success)
		error_text_set(reader->error, "no JSON at byte %zu: %s",
			       json->tokener_get_parse_end(tokener),
			       fault == json_tokener_continue ? "it ends too early"
							      : json->tokener_error_desc(fault));
	json->tokener_free(tokener);
	return fault == json_tokener_success ? 0 : -EBADMSG;
}

int json_reader_parse(const struct json_reader *reader, const char *text, size_t length,
		      struct json_place *ret)
{
	struct json_object *document = NULL;
	int r;

	if (length > INT32_MAX || memchr(text, '\0', length) != NULL) {
		error_text_set(reader->error, "too long, or a NUL in it");
		return -EBADMSG;
	}
	r = parse_text(reader, text, length, &document);
	if (r == 0 && !reader->json.object_is_type(document, json_type_object)) {
		error_text_set(reader->error, "not an object");
		r = -EBADMSG;
	}
	if (r < 0) {
		(void)reader->json.object_put(document);
		return r;
	}
	*ret = (struct json_place){.reader = reader, .index = JSON_NO_INDEX, .object = document};
	return 0;
}
