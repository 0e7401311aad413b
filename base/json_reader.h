/* SPDX-License-Identifier: MIT */
/*
 * Reads the members of a JSON document with every type and number checked. A place is an object or
 * an array in the document and knows the way to it, for messages: "tokens[3].last_error.at: ...".
 *
 * Only for .c files of base/: see base/json_c.h. All places of a document are borrowed from it, and
 * a place lives no longer than the one it was found in.
 */
#ifndef BASE_JSON_READER_H
#define BASE_JSON_READER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error_text.h"
#include "base/json_c.h"

struct json_reader {
	struct json_c json;
	struct error_text *error; /* for whatever is refused with -EBADMSG; may be NULL */
};

struct json_place {
	const struct json_reader *reader;
	const struct json_place *parent; /* NULL: this is the document */
	const char *key;                 /* in the parent */
	size_t index;                    /* in the array of that key; JSON_NO_INDEX: in no array */
	struct json_object *object;      /* NULL: there is no such member, or it is null */
};

#define JSON_NO_INDEX SIZE_MAX

enum json_member_kind {
	JSON_COUNT,         /* uint64_t; 0 where there is none */
	JSON_TIME,          /* int64_t, Unix time, from RFC 3339 in whole seconds; 0: none */
	JSON_TEXT,          /* char *, to be freed; "": none */
	JSON_OPTIONAL_TEXT, /* the same; NULL: none */
};

/* One member of an object, and where its value goes in a zeroed struct. */
struct json_member {
	const char *key;
	enum json_member_kind kind;
	size_t offset;
};

/* The compiler compares the field's type with the kind's: sizeof evaluates nothing. */
#define JSON_MEMBER_(key, kind, kind_type, type, field)                                            \
	{                                                                                          \
		key, kind,                                                                         \
			offsetof(type, field) +                                                    \
				0 * sizeof((kind_type *)NULL == &((type *)NULL)->field)            \
	}
#define JSON_MEMBER_COUNT(key, type, field) JSON_MEMBER_(key, JSON_COUNT, uint64_t, type, field)
#define JSON_MEMBER_TIME(key, type, field)  JSON_MEMBER_(key, JSON_TIME, int64_t, type, field)
#define JSON_MEMBER_TEXT(key, type, field)  JSON_MEMBER_(key, JSON_TEXT, char *, type, field)
#define JSON_MEMBER_OPTIONAL_TEXT(key, type, field)                                                \
	JSON_MEMBER_(key, JSON_OPTIONAL_TEXT, char *, type, field)

/* A member whose name is part of what it says. */
struct json_named_count {
	const char *name; /* borrowed from the document */
	uint64_t count;
};

/*
 * Parses the document, which must be one object, whole. 0 and a place whose object the caller
 * gives back with json.object_put(); -EBADMSG, -ENOMEM.
 */
int json_reader_parse(const struct json_reader *reader, const char *text, size_t length,
		      struct json_place *ret);

/* Says that this member is wrong (key NULL: that the place is), and returns -EBADMSG. */
int json_wrong(const struct json_place *place, const char *key, const char *what);

/* The functions below return 0, or -EBADMSG with an error. Where there is no such member they leave
 * ret as it is, but for places and counts, which are then NULL and 0. */

/* Fills the struct at ret; -ENOMEM, too. */
int json_read_members(const struct json_place *place, const struct json_member *members,
		      size_t count, void *ret);
/* Borrowed from the document. */
int json_read_string(const struct json_place *place, const char *key, const char **ret);
/* From 0, finite. */
int json_read_number(const struct json_place *place, const char *key, double *ret);
int json_read_object(const struct json_place *place, const char *key, struct json_place *ret);
int json_read_array(const struct json_place *place, const char *key, size_t count_max,
		    struct json_place *ret, size_t *ret_count);
/* Never NULL. The array's type is checked already, index is below its count. */
int json_read_object_at(const struct json_place *array, size_t index, struct json_place *ret);
/* An array of strings, to be freed one by one, and then itself. -ENOMEM, too; what is counted in
 * *ret_count is there on failure as well. */
int json_read_texts(const struct json_place *place, const char *key, size_t count_max, char ***ret,
		    size_t *ret_count);
/* All members of the place, in their order. */
int json_read_named_counts(const struct json_place *place, struct json_named_count *ret,
			   size_t count_max, size_t *ret_count);

#endif
