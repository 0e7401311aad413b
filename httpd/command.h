/* SPDX-License-Identifier: MIT */
/*
 * One command on its way to the broker: sent over the control socket without blocking the loop.
 */
#ifndef HTTPD_COMMAND_H
#define HTTPD_COMMAND_H

#include <systemd/sd-event.h>

#include "base/status_view.h"
#include "httpd/request.h"

struct command;

/*
 * error: 0 and an answer, which is "busy" where the broker had no place for this process for a
 * second; -ECONNREFUSED nobody listens; -EAGAIN there was no place in the broker's queue for a
 * second; -ETIMEDOUT; or any error of control_call.h. The command is gone when done returns.
 */
typedef void (*command_done)(void *userdata, int error,
			     const struct tokenbroker_control_answer *answer);

/*
 * The broker judges the origin: the peer of a Unix socket, or the access token. Errors as above;
 * nothing has begun then. runtime_path is borrowed until the command is gone.
 */
int command_start(struct command **ret, sd_event *event, const char *runtime_path,
		  const struct tokenbroker_control_request *request, command_done done,
		  void *userdata);
/* done is not called any more. NULL is fine. */
void command_cancel(struct command *command);

/* The request for a command of this caller. */
struct tokenbroker_control_request command_request(enum tokenbroker_control_command command,
						   const char *name, const struct peer *peer);
/*
 * Whether the status document shows the state that the answer to a command told; true as well where
 * there is nothing to wait for: no document, or not accepted.
 */
bool command_is_shown(const struct tokenbroker_control_answer *answer,
		      const struct status_view *view, const char *name);
/* What the caller is told. accepted is the token's object, NULL if there is none. */
void command_answer(const char *name, int error, const struct tokenbroker_control_answer *answer,
		    const struct shared_text *accepted, struct answer *ret);

#endif
