/* SPDX-License-Identifier: MIT */
/*
 * One request as the handlers see it, and what they answer: plain data, no type of the HTTP
 * library. Strings are borrowed from the connection.
 */
#ifndef HTTPD_REQUEST_H
#define HTTPD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/token_name.h"
#include "httpd/shared_text.h"
#include "tokenbroker_control.h"

/* Who is at the other end. */
struct peer {
	bool is_unix;
	uid_t uid; /* these: of a Unix socket's peer */
	gid_t gid;
	gid_t groups[TOKENBROKER_CONTROL_GROUPS];
	size_t group_count; /* further ones are left out: it then may less */
	char address[64];   /* TCP: our own address that was connected to, as in a URL */
};

struct request {
	const char *method;
	const char *path; /* as it was sent, not decoded */
	const char *host; /* headers; NULL: not there */
	const char *origin;
	const char *content_type;
	const char *authorization;
	const char *if_none_match;
	unsigned host_count;
	unsigned authorization_count;
	bool has_body;
	bool has_odd_name; /* a header's, with a space in it */
	bool is_verbose;   /* ?verbose */
	const struct peer *peer;
};

enum { ANSWER_TEXT_BYTES = 256 };

/* What goes back. A zeroed one is no answer yet. */
struct answer {
	unsigned status;
	const char *content_type; /* static memory */
	struct shared_text *body; /* held by the answer; NULL: empty */
	const char *allow;        /* static; 405 */
	bool is_cacheable;        /* may be kept if it is asked for again with its ETag */
	bool is_page;
	bool asks_for_token; /* 401 */
	bool tells_reading;  /* says whether this caller may read all */
	bool may_read;
	bool tells_commands; /* says whether this caller's connection can pass commands */
	bool has_commands;
	bool is_stream;         /* server-sent events: no body, never ends */
	unsigned retry_after_s; /* 0: none */
	char etag[40];          /* with its quotes; "": none */
};

static inline void cleanup_answer(struct answer *answer)
{
	shared_text_release(answer->body);
}

#endif
