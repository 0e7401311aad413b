/* SPDX-License-Identifier: MIT */
/*
 * One connection, from its acceptance to its end: who is at the other end, in which phase it is,
 * and until when that may last. libmicrohttpd knows idle times only; one byte a second is never
 * idle, so the ends of the phases are watched here and an overdue connection is shut down.
 */
#ifndef HTTPD_CONNECTION_H
#define HTTPD_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "httpd/command.h"
#include "httpd/request.h"
#include "httpd/routes.h"

/* From the connection, or the end of the answer before, to a whole request. */
#define CONNECTION_RECEIVE_MS INT64_C(10000)
/* From the answer to its last byte, or of one event to its last byte. */
#define CONNECTION_SEND_MS INT64_C(60000)
/*
 * How long the answer to an accepted command waits for the status document to show the state that
 * the broker has told: it writes at most ten a second and for at most 5 % of its time.
 */
#define CONNECTION_SHOWN_MS INT64_C(1000)
/* A comment line keeps proxies from cutting a quiet stream. */
#define CONNECTION_COMMENT_MS INT64_C(15000)

struct server;
struct port;
struct MHD_Connection;

enum connection_phase {
	CONNECTION_RECEIVING,
	CONNECTION_ASKING,   /* a command is with the broker; the connection is suspended */
	CONNECTION_ACCEPTED, /* until status.json shows what it has led to; suspended, too */
	CONNECTION_ASKED,    /* its outcome is here */
	CONNECTION_SENDING,
	CONNECTION_STREAMING,
};

/* Server-sent events: what is being sent, and of which version of the document it is. */
struct stream {
	struct shared_text *text; /* NULL: nothing to send */
	size_t sent;
	uint64_t version;
	int64_t comment_at_ms;
	bool is_suspended;
};

struct connection {
	struct connection *next;
	struct connection *before;
	struct server *server;
	struct port *port; /* of its listening socket */
	struct MHD_Connection *handle;
	int fd; /* of libmicrohttpd */
	struct peer peer;
	enum connection_phase phase;
	int64_t deadline_ms; /* CLOCK_MONOTONIC; INT64_MAX: none */
	bool is_cut;
	struct command *command;
	struct tokenbroker_control_answer accepted;
	int64_t shown_by_ms; /* CLOCK_MONOTONIC; of CONNECTION_ACCEPTED */
	struct route_match match;
	struct answer answer; /* of the command */
	struct stream stream;
};

/* now_ms here and below: CLOCK_MONOTONIC. NULL: out of memory. */
struct connection *connection_new(struct server *server, struct MHD_Connection *handle, int fd,
				  bool is_unix, int64_t now_ms);
void connection_free(struct connection *connection);
void connection_set_phase(struct connection *connection, enum connection_phase phase,
			  int64_t now_ms);
/* The request is over, or was never whole: what it left is released. */
void connection_request_ended(struct connection *connection, int64_t now_ms);
/* Shuts the socket down; libmicrohttpd then closes it. */
void connection_cut(struct connection *connection);

#endif
