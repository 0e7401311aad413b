/* SPDX-License-Identifier: MIT */
/*
 * The messages of the control socket: what a stranger sent is either a well-formed request or
 * nothing, and answers are built here. Pure. include/tokenbroker_control.h is the contract.
 */
#ifndef BROKER_CONTROL_REQUEST_H
#define BROKER_CONTROL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tokenbroker_control.h"

/*
 * size is the true length of the message, also where data holds less of it. False, *ret untouched:
 * not a request (length, magic, version, an unknown command or origin, no token name, something in
 * a field that must be zero). Whether the token exists and the generation ever was is for others;
 * generation 0 of a rejection never was and is refused here.
 */
bool control_request_parse(const void *data, size_t size, struct tokenbroker_control_request *ret);

struct tokenbroker_control_answer control_answer(enum tokenbroker_control_result result);
/* For TOO_SOON and BUSY. retry_after_ms is relative; below 0 counts as 0. */
struct tokenbroker_control_answer control_answer_later(enum tokenbroker_control_result result,
						       int64_t retry_after_ms);

/* "refresh", "too soon": for people; static memory; "unknown" for a number that has no name. */
const char *control_command_name(unsigned command);
const char *control_result_name(unsigned result);

#endif
