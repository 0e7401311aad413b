/* SPDX-License-Identifier: MIT */
/*
 * The line that goes to the log for every command of an administrator, granted or not, and for each
 * rejection that leads to a fetch: what, for which token, who, from where, outcome. Pure.
 */
#ifndef BROKER_CONTROL_AUDIT_H
#define BROKER_CONTROL_AUDIT_H

#include "tokenbroker_control.h"

#define AUDIT_LINE_BYTES 320

/*
 * "audit: refresh of token default by uid 1007: accepted". who is control_verdict.who. request is
 * well-formed. Returns buffer.
 */
const char *audit_line(const struct tokenbroker_control_request *request, const char *who,
		       const struct tokenbroker_control_answer *answer,
		       char buffer[static AUDIT_LINE_BYTES]);

#endif
