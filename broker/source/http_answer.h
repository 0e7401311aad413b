/* SPDX-License-Identifier: MIT */
/*
 * The parts of an HTTP answer that matter here, collected while they arrive and bounded. Pure; the
 * body and the redirect's target lie in secret memory, because a server can put a secret into both.
 */
#ifndef BROKER_SOURCE_HTTP_ANSWER_H
#define BROKER_SOURCE_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"

enum {
	HTTP_ANSWER_BODY_MAX = 256 * 1024,
	HTTP_ANSWER_HEADERS_MAX = 100,
	HTTP_ANSWER_HEADER_BYTES_MAX = 64 * 1024, /* all headers together */
	HTTP_ANSWER_RETRY_AFTER_BYTES = 64,       /* longest HTTP date: 33 characters */
};

enum http_answer_excess {
	HTTP_ANSWER_FITS,
	HTTP_ANSWER_BODY_TOO_LARGE,
	HTTP_ANSWER_TOO_MANY_HEADERS,
	HTTP_ANSWER_NO_MEMORY,
};

/* Starts zeroed. */
struct http_answer {
	long status;                                     /* set by the owner; 0: no answer */
	struct secret *body;                             /* NULL: empty */
	struct secret *location;                         /* NULL: no such header */
	char retry_after[HTTP_ANSWER_RETRY_AFTER_BYTES]; /* "": no such header */
	size_t header_count;                             /* interim answers and trailers included */
	size_t header_bytes;
	enum http_answer_excess excess; /* why the transfer was given up */
};

/* One header line or status line as it came, line end included. false: give the transfer up. */
bool http_answer_add_header(struct http_answer *answer, const char *line, size_t length);
bool http_answer_add_body(struct http_answer *answer, const char *bytes, size_t length);
void http_answer_fini(struct http_answer *answer);

#endif
