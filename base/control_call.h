/* SPDX-License-Identifier: MIT */
/*
 * The asking side of the broker's control socket (include/tokenbroker_control.h): one connection
 * for one request and its answer.
 */
#ifndef BASE_CONTROL_CALL_H
#define BASE_CONTROL_CALL_H

#include <sys/types.h>

#include "tokenbroker_control.h"

/* A request of that command for a token (at most TOKENBROKER_CONTROL_NAME_BYTES - 1 bytes). */
struct tokenbroker_control_request control_call_request(enum tokenbroker_control_command command,
							const char *name);

/*
 * Connects. runtime_fd and owner: from runtime_path_open(); whoever answers must be that owner or
 * root. timeout_ms bounds each later send and receive; 0: the descriptor does not block.
 *
 * -ECONNREFUSED  nobody listens
 * -EAGAIN        too many wait to be accepted
 * -EPERM         somebody else listens
 */
int control_call_open(int runtime_fd, uid_t owner, int timeout_ms, int *ret_fd);

/* 0 also if the broker has answered and closed without reading: the answer is there then. */
int control_call_send(int fd, const struct tokenbroker_control_request *request);

/*
 * -ETIMEDOUT   none within the time, or none yet
 * -ECONNRESET  the connection was closed without an answer
 * -EPROTO      an answer that this program does not understand
 */
int control_call_receive(int fd, struct tokenbroker_control_answer *ret);

#endif
