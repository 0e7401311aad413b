/* SPDX-License-Identifier: MIT */
/*
 * The texts that are served of one status document: the whole, one for each token, the whole as a
 * server-sent event. Made once for each change, and again when a token passes its expiry, because
 * nobody is shown an expired token as valid. json-c stays inside document.c.
 */
#ifndef HTTPD_DOCUMENT_H
#define HTTPD_DOCUMENT_H

#include <stdint.h>

#include "base/status_view.h"
#include "httpd/shared_text.h"

enum { DOCUMENT_ETAG_BYTES = 40 };

struct document {
	struct shared_text *whole;
	struct shared_text *event;   /* "event: status\ndata: ...\n\n" */
	struct shared_text **tokens; /* in the order of the view */
	size_t token_count;
	char etag[DOCUMENT_ETAG_BYTES]; /* with its quotes */
	int64_t true_until_s;           /* Unix time: then a token expires */
};

/* text: what view was parsed from. 0; -EBADMSG if it is no such document; -ENOMEM. */
int document_new(struct document **ret, const char *text, size_t length,
		 const struct status_view *view, int64_t now_s);
/* NULL is fine. */
void document_free(struct document *document);
static inline void cleanup_document_free(struct document **document)
{
	document_free(*document);
}

/* NULL: no such token. Borrowed. */
struct shared_text *document_token(const struct document *document, const struct status_view *view,
				   const char *name);

#endif
