/* SPDX-License-Identifier: MIT */
/*
 * What the status remembers of one token since the broker started: counters, how long fetches took,
 * the last outcomes, the last error. Plain data in memory of the caller. Pure; time is an argument.
 */
#ifndef BROKER_STATUS_RECORD_H
#define BROKER_STATUS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error_text.h"
#include "token.h"
#include "tokenbroker_control.h"

#define STATUS_HISTORY 60

/* Upper bounds of the buckets of fetch_duration, in milliseconds; a longer fetch is in none. */
#define STATUS_DURATION_BUCKETS 5
extern const int64_t status_duration_bounds_ms[STATUS_DURATION_BUCKETS];

struct status_outcome {
	int64_t at_realtime_ns;
	int64_t duration_ms;
	enum token_reason reason;
};

struct status_error {
	int64_t at_realtime_ns;
	enum token_reason reason; /* not TOKEN_OK */
	long http_status;         /* 0: none */
	struct error_text message;
	const char *hint; /* static memory; "": none */
};

struct status_rejections {
	uint64_t accepted, stale, denied, conflict, invalid, busy;
};

struct status_record {
	uint64_t fetches_ok, fetches_failed;
	uint64_t fetch_errors[TOKEN_REASON_COUNT]; /* TOKEN_OK stays 0 */
	struct status_rejections rejections;
	uint64_t revocations_ok, revocations_failed;
	uint64_t publishes;

	uint64_t durations[STATUS_DURATION_BUCKETS]; /* above the bound before, up to its own */
	uint64_t duration_sum_ms, duration_count;

	struct status_outcome history[STATUS_HISTORY]; /* a ring, see status_record_history() */
	uint64_t outcome_count;

	bool has_last_error;
	struct status_error last_error;
};

void status_record_init(struct status_record *record);

/* A fetch brought a token after duration_ms. */
void status_record_fetch_succeeded(struct status_record *record, int64_t realtime_ns,
				   int64_t duration_ms);
/* error is copied. */
void status_record_fetch_failed(struct status_record *record, const struct status_error *error,
				int64_t duration_ms);
/* Anything else that went wrong with the token (a publish, the state directory, a rejected token
 * that came back): counted by its reason and shown as the last error, but no outcome of a fetch. */
void status_record_problem(struct status_record *record, const struct status_error *error);

/* How a rejection was answered; results that no rejection gets are not counted. */
void status_record_rejection(struct status_record *record, enum tokenbroker_control_result result);
void status_record_revocation(struct status_record *record, bool has_succeeded);
void status_record_publish(struct status_record *record);

/* How many outcomes are remembered, and the one at index, 0 being the oldest. */
size_t status_record_history_count(const struct status_record *record);
const struct status_outcome *status_record_history(const struct status_record *record,
						   size_t index);
/* How many fetches took up to status_duration_bounds_ms[bucket]. */
uint64_t status_record_duration_count(const struct status_record *record, size_t bucket);

#endif
