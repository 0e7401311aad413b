/* SPDX-License-Identifier: MIT */
#include "control/audit.h"

#include <inttypes.h>

#include "base/text.h"
#include "control/request.h"

const char *audit_line(const struct tokenbroker_control_request *request, const char *who,
		       const struct tokenbroker_control_answer *answer,
		       char buffer[static AUDIT_LINE_BYTES])
{
	struct text line;

	text_init(&line, buffer, AUDIT_LINE_BYTES);
	text_addf(&line, "audit: %s of token %.*s", control_command_name(request->command),
		  (int)sizeof(request->name), request->name);
	if (request->command == TOKENBROKER_CONTROL_REJECT)
		text_addf(&line, " generation %" PRIu64, request->generation);
	text_addf(&line, " by %s: %s", who, control_result_name(answer->result));
	if (answer->result == TOKENBROKER_CONTROL_TOO_SOON)
		text_addf(&line, ", again in %" PRIu64 " ms", answer->retry_after_ms);
	return buffer;
}
