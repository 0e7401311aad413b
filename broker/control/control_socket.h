/* SPDX-License-Identifier: MIT */
/*
 * The system calls of the control socket: making the listening end, asking the kernel who a peer
 * is, one message in, one answer out. Nothing here blocks or decides.
 */
#ifndef BROKER_CONTROL_CONTROL_SOCKET_H
#define BROKER_CONTROL_CONTROL_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

#include "base/error_text.h"
#include "control/authorize.h"
#include "tokenbroker_control.h"

/* As control_server_new() tells; *ret_fd belongs to the caller. */
int control_socket_listen(int runtime_fd, const char *path, int *ret_fd, struct error_text *error);

/*
 * Who connected, as it was at connect(2). peer->groups points into groups, which has room for
 * capacity (NGROUPS_MAX is always enough). Any error of getsockopt(2).
 */
int control_socket_peer(int fd, gid_t *groups, size_t capacity, struct control_peer *ret);

enum control_received {
	CONTROL_RECEIVED_REQUEST,
	CONTROL_RECEIVED_RUBBISH, /* a message that is no request, one with descriptors, or the end
				   */
	CONTROL_RECEIVED_NOTHING, /* yet */
	CONTROL_RECEIVED_GONE,    /* the peer has vanished */
};
/* Looks at the first message and leaves it there. *ret is filled for REQUEST only. */
enum control_received control_socket_look(int fd, struct tokenbroker_control_request *ret);

/* To a peer that has vanished, nothing is sent. */
void control_socket_answer(int fd, const struct tokenbroker_control_answer *answer);

#endif
