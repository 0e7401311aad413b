/* SPDX-License-Identifier: MIT */
/*
 * The parts of status_view_parse(). Each fills a zeroed struct that status_view_free() can release
 * however far it got; 0, -EBADMSG with the reader's error, or -ENOMEM.
 */
#ifndef BASE_STATUS_PARSE_H
#define BASE_STATUS_PARSE_H

#include "base/json_reader.h"
#include "base/status_view.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* One entry of "tokens". */
int status_parse_token(const struct json_place *place, struct status_view_token *token);

/* What the token's record says: counters, fetch_duration, history. */
int status_parse_record(const struct json_place *place, struct status_view_token *token);

#endif
