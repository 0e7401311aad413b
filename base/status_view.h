/* SPDX-License-Identifier: MIT */
/*
 * The status document (status.json) as a plain struct, for everybody who shows it. Every length,
 * type and number is checked; unknown members are ignored, so that an older reader copes with a
 * newer broker. Texts come as they stand: who prints them escapes them.
 */
#ifndef BASE_STATUS_VIEW_H
#define BASE_STATUS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error_text.h"
#include "base/token_name.h"

#define STATUS_VIEW_FINGERPRINT_BYTES 13

enum status_view_state {
	STATUS_VIEW_PENDING, /* none yet */
	STATUS_VIEW_VALID,
	STATUS_VIEW_EXPIRED,
	STATUS_VIEW_SUSPENDED,
};

struct status_view_error {
	int64_t at_s;        /* Unix time */
	int64_t http_status; /* 0: no answer */
	char *reason;        /* texts are never NULL */
	char *message;
	char *hint;
};

struct status_view_revocation {
	char fingerprint[STATUS_VIEW_FINGERPRINT_BYTES]; /* "": not told */
	int64_t until_s;                                 /* Unix time; 0: not told */
};

/* Times are Unix time in seconds, 0 where the document has null. */
struct status_view_token {
	char name[TOKEN_NAME_MAX + 1];
	enum status_view_state state; /* as written: see status_view_state_at() */
	uint64_t generation;          /* 0: none yet */
	char fingerprint[STATUS_VIEW_FINGERPRINT_BYTES]; /* "": none */
	int64_t obtained_at_s;
	int64_t expires_at_s;
	int64_t next_attempt_at_s;
	int64_t failing_since_s;
	uint64_t consecutive_failures;
	bool has_last_error;
	struct status_view_error last_error;
	struct status_view_revocation *pending_revocations;
	size_t pending_revocation_count;
	struct {
		uint64_t fetches_ok;
		uint64_t fetches_failed;
		uint64_t revocations_ok;
		uint64_t revocations_failed;
	} counters; /* since the broker's start */
};

struct status_view {
	char *version;
	int64_t started_at_s;
	int64_t published_at_s;
	char *config_error; /* NULL: the configuration in the file is the one in use */
	char **config_warnings;
	size_t config_warning_count;
	struct status_view_token *tokens; /* in the order of the document */
	size_t token_count;
};

/*
 * 0 and *ret, which status_view_free() frees; -EBADMSG with an error that says what is wrong where;
 * -ELIBACC if json-c is not installed; -ENOMEM.
 */
int status_view_parse(const char *text, size_t length, struct status_view **ret,
		      struct error_text *error);
/* NULL is fine. */
void status_view_free(struct status_view *view);
static inline void cleanup_status_view_free(struct status_view **view)
{
	status_view_free(*view);
}

/* NULL: no such token. */
const struct status_view_token *status_view_find(const struct status_view *view, const char *name);

/* The state to show: a valid token past its expiry is expired, whatever the document says. */
enum status_view_state status_view_state_at(const struct status_view_token *token, int64_t now_s);

/* "pending", "valid", "expired", "suspended". */
const char *status_view_state_name(enum status_view_state state);

#endif
