/* SPDX-License-Identifier: MIT */
/*
 * Commands of an administrator to the broker, over its control socket.
 */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include <sys/types.h>

#include "tokenbroker_control.h"

/*
 * Asks and reads the answer. runtime_fd and owner: from runtime_path_open(); whoever answers must
 * be that owner or root.
 *
 * -ECONNREFUSED  nobody listens
 * -EPERM         somebody else listens
 * -ETIMEDOUT     no answer within timeout_ms
 * -ECONNRESET    the connection was closed without an answer
 * -EPROTO        an answer that this program does not understand
 */
int control_ask(int runtime_fd, uid_t owner, enum tokenbroker_control_command command,
		const char *name, int timeout_ms, struct tokenbroker_control_answer *ret);

#endif
