/* SPDX-License-Identifier: MIT */
/* A message on the control socket. */
#include "base/token_name.h"
#include "control/request.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tokenbroker_control_request request;

	if (!control_request_parse(data, size, &request))
		return 0;
	FUZZ_MUST(size == sizeof(request));
	FUZZ_MUST(memchr(request.name, '\0', sizeof(request.name)) != NULL);
	FUZZ_MUST(token_name_is_valid(request.name));
	FUZZ_MUST(strcmp(control_command_name(request.command), "unknown") != 0);
	return 0;
}
