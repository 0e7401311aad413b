/* SPDX-License-Identifier: MIT */
/*
 * From libmicrohttpd's view of a request to ours, and from our answer to its response.
 */
#ifndef HTTPD_RESPOND_H
#define HTTPD_RESPOND_H

#include "httpd/connection.h"
#include "httpd/page.h"

/* Collects what the checks and handlers look at. Borrowed from the connection. */
void respond_read_request(struct connection *connection, const char *method, const char *path,
			  struct request *ret);
/* Queues the answer, whose body is taken over; false: the connection has to be closed. */
bool respond(struct connection *connection, const struct page *page, bool is_head,
	     struct answer *answer);

#endif
