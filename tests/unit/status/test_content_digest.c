/* SPDX-License-Identifier: MIT */
#include "status/content_digest.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"

static const struct config_strings no_readers;

/* One failure, in memory that held fill before. */
static void fill_record(struct status_record *record, int fill)
{
	struct status_error error;

	memset(record, fill, sizeof(*record));
	status_record_init(record);
	memset(&error, fill, sizeof(error));
	error.at_realtime_ns = 1000;
	error.reason = TOKEN_NETWORK;
	error.http_status = 0;
	error.hint = "";
	snprintf(error.message.text, sizeof(error.message.text), "no route to host");
	status_record_fetch_failed(record, &error, 20);
	record->last_error = error; /* with what lies between the members */
	memset(&record->history[1], 0, sizeof(record->history[1]));
}

static struct status_content_token token_of(const struct status_record *record)
{
	return (struct status_content_token){
		.name = "default",
		.provider = "none",
		.segment = "",
		.readers = &no_readers,
		.record = record,
	};
}

static uint64_t digest_of(const struct status_record *record)
{
	struct status_content_token token = token_of(record);

	return content_digest(&token);
}

static void what_no_member_holds_is_left_out(void)
{
	struct status_record first;
	struct status_record second;

	fill_record(&first, 0x00);
	fill_record(&second, 0xff);
	CU_ASSERT_EQUAL(digest_of(&first), digest_of(&second));
}

static void each_change_of_the_record_shows(void)
{
	struct status_record record;
	uint64_t before;

	fill_record(&record, 0);
#define SHOWS(change)                                                                              \
	before = digest_of(&record);                                                               \
	change;                                                                                    \
	CU_ASSERT_NOT_EQUAL(digest_of(&record), before)
	SHOWS(status_record_fetch_succeeded(&record, 5, 7));
	SHOWS(status_record_publish(&record));
	SHOWS(status_record_revocation(&record, true));
	SHOWS(status_record_revocation(&record, false));
	SHOWS(status_record_rejection(&record, TOKENBROKER_CONTROL_ACCEPTED));
	SHOWS(status_record_rejection(&record, TOKENBROKER_CONTROL_STALE));
	SHOWS(status_record_rejection(&record, TOKENBROKER_CONTROL_DENIED));
	SHOWS(status_record_rejection(&record, TOKENBROKER_CONTROL_CONFLICT));
	SHOWS(status_record_rejection(&record, TOKENBROKER_CONTROL_INVALID));
	SHOWS(status_record_rejection(&record, TOKENBROKER_CONTROL_BUSY));
	SHOWS(record.history[0].duration_ms++);
	SHOWS(record.history[STATUS_HISTORY - 1].at_realtime_ns++);
	SHOWS(record.history[0].reason = TOKEN_TIMEOUT);
	SHOWS(record.last_error.at_realtime_ns++);
	SHOWS(record.last_error.reason = TOKEN_TIMEOUT);
	SHOWS(record.last_error.http_status = 500);
	SHOWS(record.last_error.message.text[0] = 'N');
	SHOWS(record.last_error.hint = "look at the network");
	SHOWS(record.has_last_error = false);
	SHOWS(record.fetch_errors[TOKEN_TLS]++);
	SHOWS(record.durations[0]++);
	SHOWS(record.duration_sum_ms++);
#undef SHOWS
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"what_no_member_holds_is_left_out", what_no_member_holds_is_left_out},
		{"each_change_of_the_record_shows", each_change_of_the_record_shows},
		CU_TEST_INFO_NULL,
	};

	return harness_run("content_digest", tests);
}
