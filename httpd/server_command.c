/* SPDX-License-Identifier: MIT */
/* Commands: asked of the broker, held until the document shows their outcome, answered. */
#include <errno.h>
#include <microhttpd.h>

#include "httpd/server_private.h"

/* The broker takes 16 connections of one user: some are left to whoever runs as that user, too. */
enum { COMMANDS_MAX = 12 };

static void answer_command(struct connection *connection, int error,
			   const struct tokenbroker_control_answer *answer)
{
	struct server *server = connection->server;
	struct shared_text *object = NULL;

	if (server->snapshot.document != NULL)
		object = document_token(server->snapshot.document, server->snapshot.view,
					connection->match.name);
	command_answer(connection->match.name, error, answer, object, &connection->answer);
	connection_set_phase(connection, CONNECTION_ASKED, server_now_ms());
	MHD_resume_connection(connection->handle);
}

/* The document is written a little after the broker has answered. */
void server_answer_accepted(struct server *server, int64_t at_ms)
{
	snapshot_refresh(&server->snapshot, clock_realtime_ns());
	for (struct connection *c = server->connections; c != NULL; c = c->next) {
		if (c->phase != CONNECTION_ACCEPTED ||
		    (at_ms < c->shown_by_ms &&
		     !command_is_shown(&c->accepted, server->snapshot.view, c->match.name)))
			continue;
		server->accepted_count--;
		answer_command(c, 0, &c->accepted);
	}
}

static void on_command_done(void *userdata, int error,
			    const struct tokenbroker_control_answer *answer)
{
	struct connection *connection = userdata;
	struct server *server = connection->server;

	connection->command = NULL;
	server->command_count--;
	snapshot_refresh(&server->snapshot, clock_realtime_ns());
	if (error < 0 || command_is_shown(answer, server->snapshot.view, connection->match.name)) {
		answer_command(connection, error, answer);
		server_run(server);
		return;
	}
	connection->accepted = *answer;
	connection->shown_by_ms = server_now_ms() + CONNECTION_SHOWN_MS;
	connection_set_phase(connection, CONNECTION_ACCEPTED, server_now_ms());
	server->accepted_count++;
	server_arm_timer(server);
}

void server_ask_broker(struct connection *connection, const struct route *route, struct answer *ret)
{
	struct server *server = connection->server;
	const struct tokenbroker_control_request request =
		command_request(route->command, connection->match.name, &connection->peer);
	int r = -EAGAIN;

	if (server->command_count < COMMANDS_MAX)
		r = command_start(&connection->command, server->settings.event,
				  server->settings.runtime_path, &request, on_command_done,
				  connection);
	if (r < 0) {
		command_answer(connection->match.name, r, NULL, NULL, ret);
		return;
	}
	server->command_count++;
	connection_set_phase(connection, CONNECTION_ASKING, server_now_ms());
	MHD_suspend_connection(connection->handle);
}
