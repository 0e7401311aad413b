/* SPDX-License-Identifier: MIT */
/*
 * What server.c and server_command.c share: the server with its listening sockets and connections.
 */
#ifndef HTTPD_SERVER_PRIVATE_H
#define HTTPD_SERVER_PRIVATE_H

#include "base/clock.h"
#include "httpd/connection.h"
#include "httpd/page.h"
#include "httpd/server.h"
#include "httpd/snapshot.h"

struct MHD_Daemon;

struct port {
	struct server *server;
	struct MHD_Daemon *daemon;
	sd_event_source *io;
	bool is_unix;
	unsigned connection_count;
};

struct server {
	struct server_settings settings;
	struct snapshot snapshot;
	struct page page;
	struct access_rules rules;
	struct port ports[LISTENERS_MAX];
	size_t port_count;
	struct connection *connections; /* newest first */
	unsigned command_count;
	unsigned stream_count;
	unsigned accepted_count; /* connections in CONNECTION_ACCEPTED */
	sd_event_source *again;  /* libmicrohttpd has work that no descriptor tells of */
	sd_event_source *timer;
};

/* CLOCK_MONOTONIC, as all times of connections. */
static inline int64_t server_now_ms(void)
{
	return clock_monotonic_ns() / NS_PER_MS;
}

/* Lets libmicrohttpd do what has become possible, on every port. */
void server_run(struct server *server);
/* The timer comes early enough for what connections wait for now. */
void server_arm_timer(struct server *server);

/*
 * A command for the broker: the connection is suspended until its answer is there and the status
 * document shows what it led to. Not asked at all: ret is the answer that says why.
 */
void server_ask_broker(struct connection *connection, const struct route *route,
		       struct answer *ret);
/* Answers accepted commands whose outcome the document shows, or that have waited long enough. */
void server_answer_accepted(struct server *server, int64_t at_ms);

#endif
