/* SPDX-License-Identifier: MIT */
#include "status/record.h"

#include <assert.h>

/* design.md section 7: 0.1, 0.5, 1, 5, 15 s; the last is the default request_timeout. */
const int64_t status_duration_bounds_ms[STATUS_DURATION_BUCKETS] = {100, 500, 1000, 5000, 15000};

void status_record_init(struct status_record *record)
{
	*record = (struct status_record){.outcome_count = 0};
}

static void add_outcome(struct status_record *record, int64_t realtime_ns, int64_t duration_ms,
			enum token_reason reason)
{
	record->history[record->outcome_count++ % STATUS_HISTORY] = (struct status_outcome){
		.at_realtime_ns = realtime_ns,
		.duration_ms = duration_ms,
		.reason = reason,
	};
}

static void add_duration(struct status_record *record, int64_t duration_ms)
{
	record->duration_count++;
	record->duration_sum_ms += (uint64_t)duration_ms;
	for (size_t i = 0; i < STATUS_DURATION_BUCKETS; i++)
		if (duration_ms <= status_duration_bounds_ms[i]) {
			record->durations[i]++;
			break;
		}
}

static int64_t at_least_zero(int64_t value)
{
	return value > 0 ? value : 0;
}

void status_record_fetch_succeeded(struct status_record *record, int64_t realtime_ns,
				   int64_t duration_ms)
{
	record->fetches_ok++;
	add_duration(record, at_least_zero(duration_ms));
	add_outcome(record, realtime_ns, at_least_zero(duration_ms), TOKEN_OK);
}

void status_record_problem(struct status_record *record, const struct status_error *error)
{
	assert(error->reason > TOKEN_OK && error->reason < TOKEN_REASON_COUNT);
	record->fetch_errors[error->reason]++;
	record->has_last_error = true;
	record->last_error = *error;
}

void status_record_fetch_failed(struct status_record *record, const struct status_error *error,
				int64_t duration_ms)
{
	record->fetches_failed++;
	add_duration(record, at_least_zero(duration_ms));
	add_outcome(record, error->at_realtime_ns, at_least_zero(duration_ms), error->reason);
	status_record_problem(record, error);
}

void status_record_rejection(struct status_record *record, enum tokenbroker_control_result result)
{
	switch (result) {
	case TOKENBROKER_CONTROL_ACCEPTED:
		record->rejections.accepted++;
		break;
	case TOKENBROKER_CONTROL_STALE:
		record->rejections.stale++;
		break;
	case TOKENBROKER_CONTROL_DENIED:
		record->rejections.denied++;
		break;
	case TOKENBROKER_CONTROL_CONFLICT:
		record->rejections.conflict++;
		break;
	case TOKENBROKER_CONTROL_INVALID:
		record->rejections.invalid++;
		break;
	case TOKENBROKER_CONTROL_BUSY:
		record->rejections.busy++;
		break;
	case TOKENBROKER_CONTROL_NOT_DURABLE:
	case TOKENBROKER_CONTROL_TOO_SOON:
	case TOKENBROKER_CONTROL_UNKNOWN:
		break;
	}
}

void status_record_revocation(struct status_record *record, bool has_succeeded)
{
	if (has_succeeded)
		record->revocations_ok++;
	else
		record->revocations_failed++;
}

void status_record_publish(struct status_record *record)
{
	record->publishes++;
}

size_t status_record_history_count(const struct status_record *record)
{
	return record->outcome_count < STATUS_HISTORY ? (size_t)record->outcome_count
						      : STATUS_HISTORY;
}

const struct status_outcome *status_record_history(const struct status_record *record, size_t index)
{
	uint64_t oldest = record->outcome_count - status_record_history_count(record);

	assert(index < status_record_history_count(record));
	return &record->history[(oldest + index) % STATUS_HISTORY];
}

uint64_t status_record_duration_count(const struct status_record *record, size_t bucket)
{
	uint64_t count = 0;

	assert(bucket < STATUS_DURATION_BUCKETS);
	for (size_t i = 0; i <= bucket; i++)
		count += record->durations[i];
	return count;
}
