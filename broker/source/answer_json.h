/* SPDX-License-Identifier: MIT */
/*
 * The JSON object in an answer of a token server, by json-c. Bounded in depth; of a member that
 * comes twice the last one counts. Pure.
 */
#ifndef BROKER_SOURCE_ANSWER_JSON_H
#define BROKER_SOURCE_ANSWER_JSON_H

#include <stddef.h>
#include <stdint.h>

struct answer_json;

enum answer_json_member {
	ANSWER_JSON_ABSENT, /* or null */
	ANSWER_JSON_VALID,
	ANSWER_JSON_INVALID, /* of another type, or out of range */
};

/* 0; -EBADMSG: not one JSON object and nothing else; -ENOMEM. */
int answer_json_parse(struct answer_json **ret, const char *body, size_t length);
void answer_json_free(struct answer_json *json);
static inline void cleanup_answer_json_free(struct answer_json **json)
{
	answer_json_free(*json);
}

/* A string, which may hold NULs and lives as long as json. Outputs are set when VALID only. */
enum answer_json_member answer_json_string(const struct answer_json *json, const char *name,
					   const char **ret_string, size_t *ret_length);

/* A count of seconds from 1 up: a number, fractions cut off, or a string of digits. */
enum answer_json_member answer_json_seconds(const struct answer_json *json, const char *name,
					    int64_t *ret_seconds);

#endif
