/* SPDX-License-Identifier: MIT */
#include "control/control_server.h"

#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "control/admission.h"
#include "control/closer.h"
#include "control/control_socket.h"
#include "control/request.h"

/* More would keep timers and signals waiting; the rest stays in the backlog for the next turn. */
#define ACCEPT_PER_TURN 64
/* design.md section 8: the time to send the message. */
#define MESSAGE_TIMEOUT_USEC (1 * USEC_PER_S)
/* Without descriptors the listening socket stays readable: look away instead of spinning. */
#define ACCEPT_PAUSE_USEC (USEC_PER_S / 10)
/* For the thread that closes to catch up; doubled as long as it closes nothing. */
#define CLOSE_PAUSE_USEC    (USEC_PER_S / 1000)
#define TIMER_ACCURACY_USEC (USEC_PER_S / 100)
/* What a client that was refused a place is told to wait: by then the silent ones are gone. */
#define BUSY_RETRY_MS MS_PER_S

struct connection {
	struct control_server *server;
	sd_event_source *source; /* NULL: not in use */
	int fd;
	uid_t uid;
	bool is_admin;
	uint64_t deadline_usec; /* CLOCK_MONOTONIC */
};

struct control_server {
	const struct control_ops *ops;
	void *userdata;
	sd_event *event;
	int listen_fd;
	sd_event_source *listen_source;
	sd_event_source *resume_timer;   /* ends a pause of accepting */
	sd_event_source *deadline_timer; /* of the connection that has waited longest */
	struct closer *closer;
	unsigned closed;           /* closer_closed() at the last pause for it */
	uint64_t close_pause_usec; /* that pause */
	struct admission admission;
	struct connection connections[ADMISSION_IN_ALL];
	struct control_counts counts;
	gid_t groups[NGROUPS_MAX]; /* of the peer at hand */
};

static void answer_and_close(struct control_server *server, int fd,
			     const struct tokenbroker_control_answer *answer)
{
	control_socket_answer(fd, answer);
	closer_give(server->closer, fd);
}

static void refuse(struct control_server *server, int fd,
		   const struct tokenbroker_control_answer *answer)
{
	struct tokenbroker_control_request request;

	if (control_socket_look(fd, &request) == CONTROL_RECEIVED_REQUEST)
		server->ops->on_refused(server->userdata, &request,
					(enum tokenbroker_control_result)answer->result);
	answer_and_close(server, fd, answer);
}

static void refuse_busy(struct control_server *server, int fd)
{
	const struct tokenbroker_control_answer answer =
		control_answer_later(TOKENBROKER_CONTROL_BUSY, BUSY_RETRY_MS);

	server->counts.busy++;
	refuse(server, fd, &answer);
}

static void refuse_denied(struct control_server *server, int fd)
{
	const struct tokenbroker_control_answer answer = control_answer(TOKENBROKER_CONTROL_DENIED);

	server->counts.denied++;
	refuse(server, fd, &answer);
}

/* Reads the message and makes the answer. False: there is no message yet. */
static bool judge(struct control_server *server, int fd, const struct control_peer *peer,
		  struct tokenbroker_control_answer *ret)
{
	struct tokenbroker_control_request request;

	switch (control_socket_look(fd, &request)) {
	case CONTROL_RECEIVED_NOTHING:
		return false;
	case CONTROL_RECEIVED_REQUEST:
		server->counts.handled++;
		*ret = control_answer(TOKENBROKER_CONTROL_INVALID);
		server->ops->handle(server->userdata, peer, &request, ret);
		return true;
	case CONTROL_RECEIVED_RUBBISH:
		server->counts.invalid++;
		break;
	case CONTROL_RECEIVED_GONE:
		break; /* answered all the same: sending to nobody does no harm */
	}
	*ret = control_answer(TOKENBROKER_CONTROL_INVALID);
	return true;
}

/* Forgets a waiting connection; its descriptor is the caller's again. */
static int release(struct connection *connection)
{
	struct control_server *server = connection->server;

	connection->source = sd_event_source_disable_unref(connection->source);
	admission_leave(&server->admission, connection->uid, connection->is_admin);
	return connection->fd;
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct connection *connection = userdata;
	struct control_server *server = connection->server;
	struct tokenbroker_control_answer answer;
	struct control_peer peer;

	(void)source;
	(void)events;
	if (control_socket_peer(fd, server->groups, NGROUPS_MAX, &peer) < 0)
		closer_give(server->closer, release(connection));
	else if (judge(server, fd, &peer, &answer))
		answer_and_close(server, release(connection), &answer);
	return 0;
}

static int arm(sd_event_source *timer, uint64_t at_usec)
{
	int r = sd_event_source_set_time(timer, at_usec);

	return r < 0 ? r : sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/* All wait equally long, so the timer needs arming only when nobody waited before. */
static int arm_deadline(struct control_server *server, uint64_t deadline_usec)
{
	int is_armed = sd_event_source_get_enabled(server->deadline_timer, NULL);

	return is_armed != 0 ? is_armed : arm(server->deadline_timer, deadline_usec);
}

static int on_deadline(sd_event_source *timer, uint64_t usec, void *userdata)
{
	struct control_server *server = userdata;
	uint64_t next_usec = UINT64_MAX;
	uint64_t now_usec;
	int r = sd_event_now(server->event, CLOCK_MONOTONIC, &now_usec);

	if (r < 0)
		now_usec = usec;
	for (size_t i = 0; i < ADMISSION_IN_ALL; i++) {
		struct connection *connection = &server->connections[i];

		if (connection->source == NULL)
			continue;
		if (connection->deadline_usec <= now_usec) {
			server->counts.late++;
			closer_give(server->closer, release(connection));
		} else if (connection->deadline_usec < next_usec) {
			next_usec = connection->deadline_usec;
		}
	}
	return next_usec == UINT64_MAX ? 0 : arm(timer, next_usec);
}

/* There is one: the admission counts no more than there are. */
static struct connection *find_free(struct control_server *server)
{
	size_t i = 0;

	while (server->connections[i].source != NULL)
		i++;
	return &server->connections[i];
}

/* On failure fd and the place remain the caller's. */
static int wait_for_message(struct control_server *server, int fd, uid_t uid, bool is_admin)
{
	struct connection *connection = find_free(server);
	uint64_t now_usec;
	int r = sd_event_now(server->event, CLOCK_MONOTONIC, &now_usec);

	if (r < 0)
		return r;
	*connection = (struct connection){
		.server = server,
		.fd = fd,
		.uid = uid,
		.is_admin = is_admin,
		.deadline_usec = now_usec + MESSAGE_TIMEOUT_USEC,
	};
	r = arm_deadline(server, connection->deadline_usec);
	if (r < 0)
		return r;
	return sd_event_add_io(server->event, &connection->source, fd, EPOLLIN, on_message,
			       connection);
}

static void welcome(struct control_server *server, int fd)
{
	struct tokenbroker_control_answer answer;
	enum control_class class;
	struct control_peer peer;
	bool is_admin;

	if (control_socket_peer(fd, server->groups, NGROUPS_MAX, &peer) < 0) {
		closer_give(server->closer, fd);
		return;
	}
	class = server->ops->classify(server->userdata, &peer);
	is_admin = class == CONTROL_ADMIN;
	if (class == CONTROL_NOBODY) {
		refuse_denied(server, fd);
		return;
	}
	if (!admission_enter(&server->admission, peer.uid, is_admin)) {
		refuse_busy(server, fd);
		return;
	}
	if (judge(server, fd, &peer, &answer)) {
		admission_leave(&server->admission, peer.uid, is_admin);
		answer_and_close(server, fd, &answer);
	} else if (wait_for_message(server, fd, peer.uid, is_admin) < 0) {
		admission_leave(&server->admission, peer.uid, is_admin);
		refuse_busy(server, fd);
	}
}

static void look_away(struct control_server *server, uint64_t pause_usec)
{
	uint64_t now_usec;

	/* The timer first: a socket that is never looked at again would be worse than a busy loop.
	 */
	if (sd_event_now(server->event, CLOCK_MONOTONIC, &now_usec) >= 0 &&
	    arm(server->resume_timer, now_usec + pause_usec) >= 0)
		(void)sd_event_source_set_enabled(server->listen_source, SD_EVENT_OFF);
}

static void pause_accepting(struct control_server *server, int error)
{
	server->counts.paused++;
	server->counts.pause_error = error;
	look_away(server, ACCEPT_PAUSE_USEC);
}

/* In a flood for a moment only: whoever else connects waits behind what is in the queue. */
static void wait_for_closer(struct control_server *server)
{
	unsigned closed = closer_closed(server->closer);
	bool is_moving = closed != server->closed;

	server->closed = closed;
	server->close_pause_usec = is_moving ? CLOSE_PAUSE_USEC : 2 * server->close_pause_usec;
	if (server->close_pause_usec < ACCEPT_PAUSE_USEC) {
		look_away(server, server->close_pause_usec);
		return;
	}
	server->close_pause_usec = ACCEPT_PAUSE_USEC;
	pause_accepting(server, -EBUSY);
}

static int on_pause_over(sd_event_source *timer, uint64_t usec, void *userdata)
{
	struct control_server *server = userdata;

	(void)timer;
	(void)usec;
	return sd_event_source_set_enabled(server->listen_source, SD_EVENT_ON);
}

static int on_connections(sd_event_source *source, int listen_fd, uint32_t events, void *userdata)
{
	struct control_server *server = userdata;

	(void)source;
	(void)events;
	for (unsigned i = 0; i < ACCEPT_PER_TURN; i++) {
		int fd;

		if (closer_is_full(server->closer)) {
			wait_for_closer(server);
			break;
		}
		fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			welcome(server, fd);
			continue;
		}
		if (errno == EAGAIN)
			break;
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		/* EMFILE, ENFILE, ENOBUFS, ENOMEM and what nobody foresaw */
		pause_accepting(server, -errno);
		break;
	}
	return 0;
}

static int add_timer(struct control_server *server, sd_event_source **ret,
		     sd_event_time_handler_t on_time)
{
	int r = sd_event_add_time(server->event, ret, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_USEC,
				  on_time, server);

	return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

static int watch(struct control_server *server)
{
	int r = add_timer(server, &server->deadline_timer, on_deadline);

	if (r >= 0)
		r = add_timer(server, &server->resume_timer, on_pause_over);
	if (r >= 0)
		r = sd_event_source_set_time_accuracy(server->resume_timer, 1);
	if (r >= 0)
		r = sd_event_add_io(server->event, &server->listen_source, server->listen_fd,
				    EPOLLIN, on_connections, server);
	return r < 0 ? r : 0;
}

int control_server_new(struct control_server **ret, sd_event *event, int runtime_fd,
		       const char *path, const struct control_ops *ops, void *userdata,
		       struct error_text *error)
{
	CLEANUP(control_server_free) struct control_server *server = calloc(1, sizeof(*server));
	int r;

	if (server == NULL) {
		error_text_set(error, "control socket: out of memory");
		return -ENOMEM;
	}
	server->ops = ops;
	server->userdata = userdata;
	server->event = sd_event_ref(event);
	server->listen_fd = -1;
	server->close_pause_usec = CLOSE_PAUSE_USEC;
	admission_init(&server->admission);
	r = closer_new(&server->closer);
	if (r < 0) {
		error_text_set(error, "control socket: cannot start a thread: %s", strerror(-r));
		return r;
	}
	r = control_socket_listen(runtime_fd, path, &server->listen_fd, error);
	if (r < 0)
		return r;
	r = watch(server);
	if (r < 0) {
		error_text_set(error, "control socket: cannot watch it: %s", strerror(-r));
		return r;
	}

	*ret = server;
	server = NULL;
	return 0;
}

void control_server_free(struct control_server *server)
{
	if (server == NULL)
		return;
	for (size_t i = 0; i < ADMISSION_IN_ALL; i++)
		if (server->connections[i].source != NULL)
			closer_give(server->closer, release(&server->connections[i]));
	sd_event_source_disable_unref(server->listen_source);
	sd_event_source_disable_unref(server->resume_timer);
	sd_event_source_disable_unref(server->deadline_timer);
	if (server->listen_fd >= 0) /* nobody has looked at what waits in its backlog */
		closer_give(server->closer, server->listen_fd);
	closer_free(server->closer);
	sd_event_unref(server->event);
	free(server);
}

const struct control_counts *control_server_counts(const struct control_server *server)
{
	return &server->counts;
}
