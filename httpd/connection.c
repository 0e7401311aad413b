/* SPDX-License-Identifier: MIT */
#include "httpd/connection.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"

/* Without its groups the peer may less, never more. */
static void ask_unix_peer(int fd, struct peer *peer)
{
	gid_t groups[1024]; /* more: the kernel says ERANGE, and the peer has none */
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0) {
		peer->uid = (uid_t)-1;
		peer->gid = (gid_t)-1;
		return;
	}
	peer->uid = credentials.uid;
	peer->gid = credentials.gid;
	size = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return;
	peer->group_count = size / sizeof(groups[0]);
	if (peer->group_count > TOKENBROKER_CONTROL_GROUPS)
		peer->group_count = TOKENBROKER_CONTROL_GROUPS;
	memcpy(peer->groups, groups, peer->group_count * sizeof(groups[0]));
}

/* Our own end: the address that the client has used is a name of this server. */
static void ask_tcp_address(int fd, struct peer *peer)
{
	static const char mapped[] = "::ffff:";
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	char host[NI_MAXHOST];
	struct text text;

	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0 ||
	    getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), NULL, 0,
			NI_NUMERICHOST) != 0)
		return;
	host[strcspn(host, "%")] = '\0'; /* the scope stands in no Host header */
	text_init(&text, peer->address, sizeof(peer->address));
	if (strncmp(host, mapped, sizeof(mapped) - 1) == 0 && strchr(host, '.') != NULL)
		text_add(&text, host + sizeof(mapped) - 1);
	else
		text_addf(&text, address.ss_family == AF_INET6 ? "[%s]" : "%s", host);
}

struct connection *connection_new(struct server *server, struct MHD_Connection *handle, int fd,
				  bool is_unix, int64_t now_ms)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL)
		return NULL;
	connection->server = server;
	connection->handle = handle;
	connection->fd = fd;
	connection->peer.is_unix = is_unix;
	if (is_unix)
		ask_unix_peer(fd, &connection->peer);
	else
		ask_tcp_address(fd, &connection->peer);
	connection_set_phase(connection, CONNECTION_RECEIVING, now_ms);
	return connection;
}

void connection_free(struct connection *connection)
{
	command_cancel(connection->command);
	shared_text_release(connection->answer.body);
	shared_text_release(connection->stream.text);
	free(connection);
}

void connection_set_phase(struct connection *connection, enum connection_phase phase,
			  int64_t now_ms)
{
	connection->phase = phase;
	switch (phase) {
	case CONNECTION_RECEIVING:
		connection->deadline_ms = now_ms + CONNECTION_RECEIVE_MS;
		break;
	case CONNECTION_SENDING:
		connection->deadline_ms = now_ms + CONNECTION_SEND_MS;
		break;
	case CONNECTION_ASKING: /* these two: the command has its own time */
	case CONNECTION_ACCEPTED:
	case CONNECTION_ASKED:
	case CONNECTION_STREAMING: /* each event has its own */
		connection->deadline_ms = INT64_MAX;
		break;
	}
}

void connection_request_ended(struct connection *connection, int64_t now_ms)
{
	command_cancel(connection->command);
	connection->command = NULL;
	shared_text_release(connection->answer.body);
	connection->answer = (struct answer){.status = 0};
	shared_text_release(connection->stream.text);
	connection->stream = (struct stream){.text = NULL};
	connection_set_phase(connection, CONNECTION_RECEIVING, now_ms);
}

void connection_cut(struct connection *connection)
{
	if (!connection->is_cut)
		(void)shutdown(connection->fd, SHUT_RDWR);
	connection->is_cut = true;
}
