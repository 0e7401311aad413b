/* SPDX-License-Identifier: MIT */
/*
 * The status document (status.json) as a plain struct, for everybody who shows it, and the
 * judgements they share. Every length, type and number is checked; unknown members are ignored, so
 * that an older reader copes with a newer broker. Texts come as they stand: who prints them escapes
 * them.
 */
#ifndef BASE_STATUS_VIEW_H
#define BASE_STATUS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error_text.h"
#include "base/token_name.h"

#define STATUS_VIEW_FINGERPRINT_BYTES 13
/* Entries of any list; a document with more is refused. */
#define STATUS_VIEW_ENTRIES_MAX 4096
/* A reason is [a-z0-9_]+, safe to show as it stands; the longest of this version has 23. */
#define STATUS_VIEW_REASON_BYTES 48
#define STATUS_VIEW_REASONS_MAX  64
/* Outcomes that are kept: the newest. */
#define STATUS_VIEW_HISTORY_MAX 60
#define STATUS_VIEW_BOUND_BYTES 16
#define STATUS_VIEW_BUCKETS_MAX 16

enum status_view_state {
	STATUS_VIEW_PENDING, /* none yet */
	STATUS_VIEW_VALID,
	STATUS_VIEW_EXPIRED,
	STATUS_VIEW_SUSPENDED,
};

struct status_view_error {
	int64_t at_s;         /* Unix time */
	uint64_t http_status; /* 0: no answer */
	char *reason;         /* texts are never NULL */
	char *message;
	char *hint;
};

struct status_view_revocation {
	char fingerprint[STATUS_VIEW_FINGERPRINT_BYTES]; /* "": not told */
	int64_t until_s;                                 /* Unix time; 0: not told */
};

struct status_view_fetch_error {
	char reason[STATUS_VIEW_REASON_BYTES];
	uint64_t count;
};

struct status_view_rejections {
	uint64_t accepted, stale, denied, conflict, invalid, busy;
};

/* Since the broker's start. */
struct status_view_counters {
	uint64_t fetches_ok;
	uint64_t fetches_failed;
	uint64_t revocations_ok;
	uint64_t revocations_failed;
	uint64_t publishes;
	struct status_view_rejections rejections;
	struct status_view_fetch_error *fetch_errors; /* each reason once */
	size_t fetch_error_count;
};

struct status_view_bucket {
	char bound[STATUS_VIEW_BOUND_BYTES]; /* "0.1", as the document has it */
	double bound_s;                      /* the same as a number */
	uint64_t count;                      /* of fetches that took up to bound_s: cumulative */
};

/* Bounds and counts rise, and no bucket counts more than count. */
struct status_view_duration {
	struct status_view_bucket buckets[STATUS_VIEW_BUCKETS_MAX];
	size_t bucket_count;
	double sum_s;
	uint64_t count;
};

struct status_view_outcome {
	int64_t at_s;                          /* Unix time */
	uint64_t duration_ms;                  /* of the fetch */
	char result[STATUS_VIEW_REASON_BYTES]; /* "ok", or why it failed */
};

/* Times are Unix time in seconds, 0 where the document has null; texts are "" there. */
struct status_view_token {
	char name[TOKEN_NAME_MAX + 1];
	enum status_view_state state; /* as written: see status_view_state_at() */
	uint64_t generation;          /* 0: none yet */
	char fingerprint[STATUS_VIEW_FINGERPRINT_BYTES]; /* "": none */
	char *provider;
	char *token_type;
	char *scope;
	char *segment;
	int64_t obtained_at_s;
	int64_t expires_at_s;
	int64_t next_attempt_at_s;
	int64_t failing_since_s;
	uint64_t consecutive_failures;
	bool has_last_error;
	struct status_view_error last_error; /* may be over: see status_view_current_error() */
	struct status_view_revocation *pending_revocations;
	size_t pending_revocation_count;
	char **readers;
	size_t reader_count;
	struct status_view_counters counters;
	struct status_view_duration fetch_duration;
	struct status_view_outcome *history; /* the oldest first */
	size_t history_count;
};

struct status_view {
	char *version;
	uint64_t pid;
	int64_t started_at_s;
	int64_t published_at_s;
	int64_t config_loaded_at_s;
	char *config_error; /* NULL: the configuration in the file is the one in use */
	char **config_warnings;
	size_t config_warning_count;
	uint64_t loop_longest_ms;
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

/* Readers get it. Whether the broker still lives is another question: base/status_file.h. */
bool status_view_is_usable_at(const struct status_view_token *token, int64_t now_s);

/* What is wrong now; NULL: nothing, whatever went wrong before. */
const struct status_view_error *status_view_current_error(const struct status_view_token *token,
							  int64_t now_s);

/* "pending", "valid", "expired", "suspended". */
const char *status_view_state_name(enum status_view_state state);
/* false: no such state. */
bool status_view_state_parse(const char *name, enum status_view_state *ret);

#endif
