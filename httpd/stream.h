/* SPDX-License-Identifier: MIT */
/*
 * Server-sent events: each stream sends the newest document, once for each change, and a comment
 * line while there is none. A slow reader skips versions; it never piles any up.
 */
#ifndef HTTPD_STREAM_H
#define HTTPD_STREAM_H

#include <sys/types.h>

#include "httpd/connection.h"

/* Of libmicrohttpd: gives bytes, or suspends the connection until there are some. */
ssize_t stream_read(void *cls, uint64_t position, char *buffer, size_t size);

/* Wakes the stream if document has another version or a comment is due. true: it was woken, and
 * libmicrohttpd has to run. */
bool stream_wake(struct connection *connection, uint64_t version, struct shared_text *event,
		 int64_t now_ms);
/* So that libmicrohttpd can be stopped. */
void stream_resume(struct connection *connection);

#endif
