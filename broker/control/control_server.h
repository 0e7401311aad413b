/* SPDX-License-Identifier: MIT */
/*
 * The listening end of RUNTIME_DIR/control.sock: takes one fixed-size message from each connection,
 * has it judged by the ops, answers and closes. It never blocks, does a bounded amount of work in a
 * turn of the loop, and holds only connections that have not sent their message yet, for one
 * second.
 *
 * A well-behaved client sends one message and reads one answer; sending may fail with EPIPE when
 * the answer (denied, busy) is already there to be read.
 */
#ifndef BROKER_CONTROL_CONTROL_SERVER_H
#define BROKER_CONTROL_CONTROL_SERVER_H

#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/error_text.h"
#include "control/authorize.h"
#include "tokenbroker_control.h"

/* Called from the loop; none may free the server. */
struct control_ops {
	/* What this peer is good for; NOBODY is answered DENIED at once. */
	enum control_class (*classify)(void *userdata, const struct control_peer *peer);
	/* Carries out a well-formed request. *answer comes as INVALID with magic and version set;
	 * fill it by control_answer() or member by member. */
	void (*handle)(void *userdata, const struct control_peer *peer,
		       const struct tokenbroker_control_request *request,
		       struct tokenbroker_control_answer *answer);
	/* The server itself answered this well-formed request BUSY or DENIED: for the counters. */
	void (*on_refused)(void *userdata, const struct tokenbroker_control_request *request,
			   enum tokenbroker_control_result result);
};

/* Since the start. */
struct control_counts {
	uint64_t handled; /* messages that came to ops->handle() */
	uint64_t denied;  /* connections of nobody */
	uint64_t busy;    /* connections over a limit */
	uint64_t invalid; /* messages that were none */
	uint64_t late;    /* connections that sent nothing in time */
	uint64_t paused;  /* times that accepting was put off: no descriptors, no memory, see
			     closer.h */
	int pause_error;  /* the last one's; -EBUSY: a client holds up the closing of others */
};

struct control_server;

/*
 * Binds and listens. Call it only while holding the runtime directory's lock: what stands in the
 * place of the socket is removed. The socket gets mode 0666 whatever the umask.
 * runtime_fd: the runtime directory, borrowed for the call; path names it and may be longer than a
 * socket address. ops is borrowed, userdata is handed back.
 * Every failure fills error: any error of socket(2), bind(2), chmod(2), listen(2), unlink(2),
 * pthread_create(3).
 */
int control_server_new(struct control_server **ret, sd_event *event, int runtime_fd,
		       const char *path, const struct control_ops *ops, void *userdata,
		       struct error_text *error);

/*
 * Closes all connections. The socket's name stays, as after a kill: who connects to it is refused
 * by the kernel. NULL is fine.
 */
void control_server_free(struct control_server *server);
static inline void cleanup_control_server_free(struct control_server **server)
{
	control_server_free(*server);
}

const struct control_counts *control_server_counts(const struct control_server *server);

#endif
