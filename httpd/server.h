/* SPDX-License-Identifier: MIT */
/*
 * HTTP over the listening sockets, in the caller's event loop, one thread. libmicrohttpd stays
 * inside server.c, server_command.c, respond.c and stream.c; what is asked and answered are struct
 * request and struct answer.
 *
 * Nobody can hold it up: at most 2,048 connections a listening socket, of which the oldest that has
 * sent no whole request gives way, else the oldest that is answered; 10 s for a request, 60 s for
 * an answer to be taken.
 */
#ifndef HTTPD_SERVER_H
#define HTTPD_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/log.h"
#include "httpd/access.h"
#include "httpd/listener.h"

struct server;

struct server_settings {
	sd_event *event;
	const struct log *log;             /* these are borrowed and outlive the server */
	const struct listeners *listeners; /* the server takes no ownership of the sockets */
	const char *runtime_path;
	unsigned connections_max; /* of each listening socket: server_connections_max() */
};

/*
 * How many connections each of this many listening sockets may have, 2,048 at most, so that all of
 * them together leave descriptors (RLIMIT_NOFILE) for status.json and the commands: who has none
 * left can neither accept nor read, and would turn in a circle.
 */
unsigned server_connections_max(uint64_t descriptors, size_t listener_count);

/* 0 or a negative errno. */
int server_new(struct server **ret, const struct server_settings *settings);
/* Cuts all connections. NULL is fine. */
void server_free(struct server *server);

/* From now on these names and this access token hold; both are borrowed until the next call. */
void server_set_rules(struct server *server, const struct access_rules *rules);

#endif
