/* SPDX-License-Identifier: MIT */
#include "cli/control.h"

#include "base/cleanup.h"
#include "base/control_call.h"

int control_ask(int runtime_fd, uid_t owner, enum tokenbroker_control_command command,
		const char *name, int timeout_ms, struct tokenbroker_control_answer *ret)
{
	const struct tokenbroker_control_request request = control_call_request(command, name);
	CLEANUP(close_fd) int fd = -1;
	int r = control_call_open(runtime_fd, owner, timeout_ms, &fd);

	if (r == 0)
		r = control_call_send(fd, &request);
	return r < 0 ? r : control_call_receive(fd, ret);
}
