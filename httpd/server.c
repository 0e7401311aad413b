/* SPDX-License-Identifier: MIT */
#include "httpd/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "httpd/handlers.h"
#include "httpd/problem.h"
#include "httpd/respond.h"
#include "httpd/server_private.h"
#include "httpd/stream.h"

/* A listening socket's. Shortly before, one gives way to each that comes: see make_room(). */
enum { CONNECTIONS_MAX = 2048, CONNECTIONS_SPARE = 16 };
/* Descriptors for what is no connection: listening sockets, epoll, status.json, commands. */
enum { DESCRIPTORS_SPARE = 64 };
/* Of the headers of one request; libmicrohttpd answers 431 or 414 beyond. */
enum { CONNECTION_BYTES = 16 * 1024 };
/* How often overdue connections and, for streams, the document are looked at. */
#define TICK_USEC        USEC_PER_S
#define TICK_STREAM_USEC (USEC_PER_S / 5)
/* How often the document is looked at for accepted commands. */
#define TICK_ACCEPTED_USEC (USEC_PER_S / 50)

/* All at once: what one connection's end makes possible may concern another port. */
void server_run(struct server *server)
{
	bool has_more = false;

	for (size_t i = 0; i < server->port_count; i++) {
		MHD_UNSIGNED_LONG_LONG timeout_ms;

		(void)MHD_run(server->ports[i].daemon);
		has_more = has_more ||
			   (MHD_get_timeout(server->ports[i].daemon, &timeout_ms) == MHD_YES &&
			    timeout_ms == 0);
	}
	(void)sd_event_source_set_enabled(server->again,
					  has_more ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct port *port = userdata;

	(void)source;
	(void)fd;
	(void)events;
	server_run(port->server);
	return 0;
}

static int on_again(sd_event_source *source, void *userdata)
{
	(void)source;
	server_run(userdata);
	return 0;
}

/* Only ever brings it forward: whoever opens streams all the time must not put it off for
 * everybody. */
void server_arm_timer(struct server *server)
{
	uint64_t tick_usec = server->accepted_count > 0 ? TICK_ACCEPTED_USEC
			     : server->stream_count > 0 ? TICK_STREAM_USEC
							: TICK_USEC;
	uint64_t now_usec = 0;
	uint64_t due_usec = 0;
	int enabled = SD_EVENT_OFF;

	if (server->connections == NULL) {
		(void)sd_event_source_set_enabled(server->timer, SD_EVENT_OFF);
		return;
	}
	(void)sd_event_source_get_enabled(server->timer, &enabled);
	if (enabled != SD_EVENT_OFF &&
	    sd_event_now(sd_event_source_get_event(server->timer), CLOCK_MONOTONIC, &now_usec) >=
		    0 &&
	    sd_event_source_get_time(server->timer, &due_usec) >= 0 &&
	    due_usec <= now_usec + tick_usec)
		return;
	(void)sd_event_source_set_time_relative(server->timer, tick_usec);
	(void)sd_event_source_set_enabled(server->timer, SD_EVENT_ONESHOT);
}

static bool wake_streams(struct server *server, int64_t at_ms)
{
	const struct snapshot *snapshot = &server->snapshot;
	struct shared_text *event = NULL;
	bool was_woken = false;

	snapshot_refresh(&server->snapshot, clock_realtime_ns());
	if (snapshot->document != NULL)
		event = snapshot->document->event;
	for (struct connection *c = server->connections; c != NULL; c = c->next)
		if (c->phase == CONNECTION_STREAMING &&
		    stream_wake(c, snapshot->version, event, at_ms))
			was_woken = true;
	return was_woken;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct server *server = userdata;
	int64_t at_ms = server_now_ms();

	(void)source;
	(void)usec;
	if (server->accepted_count > 0)
		server_answer_accepted(server, at_ms);
	for (struct connection *c = server->connections; c != NULL; c = c->next)
		if (c->deadline_ms <= at_ms)
			connection_cut(c);
	if (server->stream_count > 0)
		(void)wake_streams(server, at_ms);
	server_run(server);
	server_arm_timer(server);
	return 0;
}

/* --- connections ------------------------------------------------------------------------------ */

/* The oldest that has sent no whole request gives way, or the oldest that reads events or does not
 * take its answer: who only waits for others to leave would wait for ever. The latter where they
 * have more than half of the places: with all of them, who has just come would give way to who
 * comes next, before it could ask for anything. */
static void make_room(const struct port *port)
{
	struct connection *receiving = NULL;
	struct connection *answered = NULL;
	struct connection *oldest;
	unsigned answered_count = 0;

	for (struct connection *c = port->server->connections; c != NULL; c = c->next) {
		if (c->port != port || c->is_cut)
			continue;
		if (c->phase == CONNECTION_RECEIVING) {
			receiving = c;
		} else if (c->phase == CONNECTION_SENDING || c->phase == CONNECTION_STREAMING) {
			answered = c;
			answered_count++;
		}
	}
	oldest = receiving;
	if (receiving == NULL || answered_count > port->server->settings.connections_max / 2)
		oldest = answered;
	if (oldest == NULL)
		return;
	connection_cut(oldest);
	stream_resume(oldest);
}

static void connected(struct port *port, struct MHD_Connection *handle, void **socket_context)
{
	struct server *server = port->server;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *connection;

	connection =
		connection_new(server, handle, info->connect_fd, port->is_unix, server_now_ms());
	if (connection == NULL) {
		(void)shutdown(info->connect_fd, SHUT_RDWR); /* nobody would watch its time */
		return;
	}
	if (port->connection_count >= server->settings.connections_max - CONNECTIONS_SPARE)
		make_room(port);
	connection->port = port;
	port->connection_count++;
	connection->next = server->connections;
	if (connection->next != NULL)
		connection->next->before = connection;
	server->connections = connection;
	*socket_context = connection;
	if (connection->next == NULL)
		server_arm_timer(server);
}

static void disconnected(struct port *port, struct connection *connection)
{
	struct server *server = port->server;

	port->connection_count--;
	if (connection->next != NULL)
		connection->next->before = connection->before;
	if (connection->before != NULL)
		connection->before->next = connection->next;
	else
		server->connections = connection->next;
	connection_free(connection);
}

static void on_connection(void *cls, struct MHD_Connection *handle, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		connected(cls, handle, socket_context);
	else if (*socket_context != NULL)
		disconnected(cls, *socket_context);
}

static struct connection *connection_of(struct MHD_Connection *handle)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(handle, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info == NULL ? NULL : info->socket_context;
}

static void on_completed(void *cls, struct MHD_Connection *handle, void **request_context,
			 enum MHD_RequestTerminationCode code)
{
	struct port *port = cls;
	struct connection *connection = connection_of(handle);

	(void)request_context;
	(void)code;
	if (connection == NULL)
		return;
	if (connection->phase == CONNECTION_STREAMING)
		port->server->stream_count--;
	if (connection->command != NULL)
		port->server->command_count--;
	connection_request_ended(connection, server_now_ms());
}

/* --- requests --------------------------------------------------------------------------------- */

/* false: libmicrohttpd closes the connection. */
static bool send_answer(struct connection *connection, const struct request *request,
			struct answer *answer)
{
	struct server *server = connection->server;
	bool is_head = strcmp(request->method, MHD_HTTP_METHOD_HEAD) == 0;

	if (!respond(connection, &server->page, is_head, answer))
		return false;
	if (!answer->is_stream || is_head) {
		connection_set_phase(connection, CONNECTION_SENDING, server_now_ms());
		return true;
	}
	connection_set_phase(connection, CONNECTION_STREAMING, server_now_ms());
	connection->deadline_ms = server_now_ms() + CONNECTION_SEND_MS;
	connection->stream.version = server->snapshot.version;
	connection->stream.text = shared_text_hold(server->snapshot.document->event);
	connection->stream.comment_at_ms = server_now_ms() + CONNECTION_COMMENT_MS;
	server->stream_count++;
	server_arm_timer(server);
	return true;
}

static bool answer_request(struct connection *connection, const struct request *request)
{
	struct server *server = connection->server;
	struct handler_context context = {
		.snapshot = &server->snapshot,
		.rules = &server->rules,
		.page = &server->page,
		.now_realtime_ns = clock_realtime_ns(),
	};
	struct answer answer = {.status = 0};
	const struct route *route;
	bool is_sent;

	if (connection->phase == CONNECTION_ASKED)
		return send_answer(connection, request, &connection->answer);
	snapshot_refresh(&server->snapshot, context.now_realtime_ns);
	route = handlers_run(&context, request, &connection->match, &answer);
	if (route != NULL)
		server_ask_broker(connection, route, &answer);
	if (connection->phase == CONNECTION_ASKING)
		return true;
	is_sent = send_answer(connection, request, &answer);
	cleanup_answer(&answer);
	return is_sent;
}

/*
 * libmicrohttpd calls it with the headers, for each part of a body, at the end of the request, and
 * again after a suspension. A request with a body is answered at once: nothing of it is read.
 */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *handle, const char *path,
				  const char *method, const char *version, const char *data,
				  size_t *data_size, void **request_context)
{
	static char has_begun;
	struct connection *connection = connection_of(handle);
	struct request request;

	(void)cls;
	(void)version;
	(void)data;
	if (connection == NULL)
		return MHD_NO;
	respond_read_request(connection, method, path, &request);
	if (*request_context == NULL && !request.has_body) {
		*request_context = &has_begun;
		return MHD_YES;
	}
	*data_size = 0;
	return answer_request(connection, &request) ? MHD_YES : MHD_NO;
}

/* A path is compared as it was sent: no name in it needs an escape. */
static size_t keep_escapes(void *cls, struct MHD_Connection *handle, char *string)
{
	(void)cls;
	(void)handle;
	return strlen(string);
}

static void swallow(void *cls, const char *format, va_list arguments)
{
	(void)cls; /* what clients do wrong is no news */
	(void)format;
	(void)arguments;
}

/* --- the server ------------------------------------------------------------------------------- */

unsigned server_connections_max(uint64_t descriptors, size_t listener_count)
{
	uint64_t left = descriptors > DESCRIPTORS_SPARE ? descriptors - DESCRIPTORS_SPARE : 0;
	uint64_t each = left / (listener_count > 0 ? listener_count : 1);

	if (each > CONNECTIONS_MAX)
		return CONNECTIONS_MAX;
	return each > 2 * CONNECTIONS_SPARE ? (unsigned)each : 2 * CONNECTIONS_SPARE;
}

static int open_port(struct server *server, const struct listener *listener)
{
	struct port *port = &server->ports[server->port_count];
	const union MHD_DaemonInfo *info;
	int r;

	*port = (struct port){.server = server, .is_unix = listener->is_unix};
	port->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		on_request, port, MHD_OPTION_EXTERNAL_LOGGER, swallow, NULL,
		MHD_OPTION_LISTEN_SOCKET, listener->fd, MHD_OPTION_CONNECTION_LIMIT,
		server->settings.connections_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, port, MHD_OPTION_NOTIFY_COMPLETED, on_completed, port,
		MHD_OPTION_END);
	if (port->daemon == NULL)
		return errno != 0 ? -errno : -EIO;
	server->port_count++;
	info = MHD_get_daemon_info(port->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	r = sd_event_add_io(server->settings.event, &port->io, info->epoll_fd, EPOLLIN, on_io,
			    port);
	return r < 0 ? r : 0;
}

static int open_server(struct server *server)
{
	const struct listeners *listeners = server->settings.listeners;
	int r = page_init(&server->page);

	if (r == 0)
		r = sd_event_add_defer(server->settings.event, &server->again, on_again, server);
	if (r >= 0)
		r = sd_event_source_set_enabled(server->again, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(server->settings.event, &server->timer, CLOCK_MONOTONIC, 0, 0,
				      on_timer, server);
	if (r >= 0)
		r = sd_event_source_set_enabled(server->timer, SD_EVENT_OFF);
	for (size_t i = 0; i < listeners->count && r >= 0; i++)
		r = open_port(server, &listeners->items[i]);
	return r < 0 ? r : 0;
}

int server_new(struct server **ret, const struct server_settings *settings)
{
	struct server *server = calloc(1, sizeof(*server));
	int r;

	if (server == NULL)
		return -ENOMEM;
	server->settings = *settings;
	snapshot_init(&server->snapshot, settings->runtime_path);
	r = open_server(server);
	if (r < 0) {
		server_free(server);
		return r;
	}
	*ret = server;
	return 0;
}

/* libmicrohttpd must not be stopped with suspended connections. */
static void cut_all(struct server *server)
{
	for (struct connection *c = server->connections; c != NULL; c = c->next) {
		connection_cut(c);
		if (c->phase == CONNECTION_STREAMING)
			stream_resume(c);
		if (c->phase == CONNECTION_ASKING) {
			command_cancel(c->command);
			c->command = NULL;
		}
		if (c->phase == CONNECTION_ASKING || c->phase == CONNECTION_ACCEPTED) {
			connection_set_phase(c, CONNECTION_RECEIVING, server_now_ms());
			MHD_resume_connection(c->handle);
		}
	}
}

void server_free(struct server *server)
{
	if (server == NULL)
		return;
	cut_all(server);
	for (size_t i = 0; i < server->port_count; i++) {
		sd_event_source_disable_unref(server->ports[i].io);
		(void)MHD_quiesce_daemon(server->ports[i].daemon); /* or it closes the socket */
		MHD_stop_daemon(server->ports[i].daemon);
	}
	sd_event_source_disable_unref(server->again);
	sd_event_source_disable_unref(server->timer);
	page_fini(&server->page);
	snapshot_fini(&server->snapshot);
	free(server);
}

void server_set_rules(struct server *server, const struct access_rules *rules)
{
	server->rules = *rules;
	/* Whoever was let in with the former access token asks again. */
	for (struct connection *c = server->connections; c != NULL; c = c->next)
		if (c->phase == CONNECTION_STREAMING && !c->peer.is_unix) {
			connection_cut(c);
			stream_resume(c);
		}
	server_run(server);
}
