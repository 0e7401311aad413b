/* SPDX-License-Identifier: MIT */
/*
 * The status document: from plain data about the broker's state to the text of status.json
 * (docs/architecture.md, "Status document"). It knows no token and no secret, and never looks at
 * live state: the caller fills a struct status_content. json-c stays inside document.c.
 *
 * A token whose content has not changed since the last document is not built again.
 */
#ifndef BROKER_STATUS_DOCUMENT_H
#define BROKER_STATUS_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/config.h"
#include "base/digest.h"
#include "base/error_text.h"
#include "status/record.h"
#include "tokenbroker_segment.h"

struct status_pending_revocation {
	char fingerprint[FINGERPRINT_BYTES];
	int64_t until_realtime_ns; /* when the token expires by itself; 0: not known */
};

/* All pointers are borrowed. A string of NULL or "" and a time of 0 are null in the document. */
struct status_content_token {
	const char *name;
	const char *provider;
	enum tokenbroker_segment_state state;
	uint64_t generation;     /* 0: null */
	const char *fingerprint; /* of the token that is published */
	const char *token_type;
	const char *scope;
	int64_t obtained_at_ns; /* these four: CLOCK_REALTIME */
	int64_t expires_at_ns;
	int64_t next_attempt_at_ns;
	int64_t failing_since_ns;
	uint64_t consecutive_failures;
	const struct status_pending_revocation *pending_revocations;
	size_t pending_revocation_count;
	const struct config_strings *readers;
	const char *segment;
	const struct status_record *record;
};

struct status_content {
	const char *version;
	pid_t pid;
	int64_t started_at_ns; /* CLOCK_REALTIME, like the next two */
	int64_t published_at_ns;
	int64_t config_loaded_at_ns;
	const char *config_error; /* of a reload that was refused */
	const struct error_text *config_warnings;
	size_t config_warning_count;
	int64_t loop_longest_ms;
	const struct status_content_token *tokens;
	size_t token_count;
};

struct status_document;

/* NULL: out of memory. */
struct status_document *status_document_new(void);
/* NULL is fine. */
void status_document_free(struct status_document *document);
static inline void cleanup_status_document_free(struct status_document **document)
{
	status_document_free(*document);
}

/*
 * 0 and the text, which ends with a newline and belongs to document until the next call; -ENOMEM.
 * Whatever bytes the strings hold, the text is valid JSON in UTF-8.
 */
int status_document_build(struct status_document *document, const struct status_content *content,
			  const char **ret_text, size_t *ret_length);

#endif
