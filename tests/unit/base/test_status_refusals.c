/* SPDX-License-Identifier: MIT */
/* Status documents that no broker writes: each member wrong in each way. */
#include "base/status_file.h"
#include "status_fixture.h"

enum { TEXT_BYTES = 1024 };

static void what_is_no_json_is_refused(void)
{
	static const char *const odd[] = {
		"",
		"{",
		"[]",
		"null",
		"7",
		"{\"tokens\":[]} x",
		"{\"tokens\":[]}{}",
		"{\"tokens\":[\"\xff\"]}",
	};
	struct error_text error;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		CU_ASSERT_NOT_EQUAL(strlen(status_refusal(odd[i], &error)), 0);
}

static void a_nul_in_the_document_is_refused(void)
{
	static const char with_nul[] = "{\"tokens\":[]}\0{}";
	struct status_view *view;
	struct error_text error;

	CU_ASSERT_EQUAL(status_view_parse(with_nul, sizeof(with_nul) - 1, &view, &error), -EBADMSG);
}

static void a_document_beyond_the_bound_is_refused(void)
{
	size_t length = STATUS_FILE_BYTES_MAX + 1;
	CLEANUP(free_memory) char *text = malloc(length);
	struct status_view *view;
	struct error_text error;

	memset(text, ' ', length);
	memcpy(text, "{\"tokens\":[]}", strlen("{\"tokens\":[]}"));
	CU_ASSERT_EQUAL(status_view_parse(text, length, &view, &error), -EBADMSG);
	CU_ASSERT_EQUAL_FATAL(status_view_parse(text, length - 1, &view, &error), 0);
	status_view_free(view);
}

static void a_document_too_deep_is_refused(void)
{
	char text[200] = "{\"tokens\":[],\"x\":";
	struct error_text error;

	for (size_t i = 0; i < 20; i++)
		strcat(text, "[");
	for (size_t i = 0; i < 20; i++)
		strcat(text, "]");
	CU_ASSERT_NOT_EQUAL(strlen(status_refusal(strcat(text, "}"), &error)), 0);
}

/* Where a member stands: in the document, its config, or its one token. */
enum home {
	DOCUMENT,
	CONFIG,
	TOKEN,
};

static const char *const frames[] = {
	[DOCUMENT] = "{\"tokens\":[],%s}",
	[CONFIG] = "{\"config\":{%s},\"tokens\":[]}",
	[TOKEN] = "{\"tokens\":[{\"name\":\"a\",\"state\":\"valid\",%s}]}",
};

static const char *const ways[] = {
	[DOCUMENT] = "",
	[CONFIG] = "config.",
	[TOKEN] = "tokens[0].",
};

enum kind {
	COUNT,
	TIME,
	STRING,
	FINGERPRINT,
	NUMBER,
	OBJECT,
	ARRAY,
	ENTRY_OBJECT, /* of an array */
	ENTRY_STRING,
	REASON,
};

/* Values that a member of this kind must not have. */
static const struct oddity {
	enum kind kind;
	const char *value;
	const char *what;
} oddities[] = {
	{COUNT, "\"1\"", "not a whole number"},
	{COUNT, "1.5", "not a whole number"},
	{COUNT, "true", "not a whole number"},
	{COUNT, "{}", "not a whole number"},
	{COUNT, "-1", "negative"},
	{TIME, "1", "not a string"},
	{TIME, "\"\"", "not a time in RFC 3339, UTC"},
	{TIME, "\"now\"", "not a time in RFC 3339, UTC"},
	{TIME, "\"2026-02-30T10:00:00Z\"", "not a time in RFC 3339, UTC"},
	{TIME, "\"2026-11-23T10:00:00Z\\u0000\"", "a NUL in a text"},
	{STRING, "1", "not a string"},
	{STRING, "[]", "not a string"},
	{STRING, "\"a\\u0000b\"", "a NUL in a text"},
	{FINGERPRINT, "1", "not a string"},
	{FINGERPRINT, "\"0123456789abc\"", "not 12 hex digits"},
	{FINGERPRINT, "\"0123456789a\"", "not 12 hex digits"},
	{FINGERPRINT, "\"0123456789aB\"", "not 12 hex digits"},
	{NUMBER, "\"1\"", "not a number"},
	{NUMBER, "true", "not a number"},
	{NUMBER, "-0.1", "negative, or not finite"},
	{NUMBER, "1e999", "negative, or not finite"},
	{OBJECT, "1", "not an object"},
	{OBJECT, "[]", "not an object"},
	{OBJECT, "\"x\"", "not an object"},
	{ARRAY, "1", "not an array"},
	{ARRAY, "{}", "not an array"},
	{ENTRY_OBJECT, "1", "not an object"},
	{ENTRY_OBJECT, "null", "not an object"},
	{ENTRY_STRING, "1", "not a string"},
	{ENTRY_STRING, "null", "not a string"},
	{ENTRY_STRING, "\"a\\u0000b\"", "a NUL in a text"},
	{REASON, "1", "not a string"},
	{REASON, "\"\"", "not a reason"},
	{REASON, "\"a b\"", "not a reason"},
	{REASON, "\"A\"", "not a reason"},
	{REASON, "\"a123456789b123456789c123456789d123456789e1234567\"", "not a reason"},
};

/* All that is read: value stands for %s, and way is how the message calls the place. */
static const struct member {
	enum home home;
	enum kind kind;
	const char *text;
	const char *way;
} members[] = {
	{DOCUMENT, STRING, "\"version\":%s", "version"},
	{DOCUMENT, COUNT, "\"pid\":%s", "pid"},
	{DOCUMENT, TIME, "\"started_at\":%s", "started_at"},
	{DOCUMENT, TIME, "\"published_at\":%s", "published_at"},
	{DOCUMENT, OBJECT, "\"config\":%s", "config"},
	{DOCUMENT, OBJECT, "\"loop\":%s", "loop"},
	{DOCUMENT, COUNT, "\"loop\":{\"longest_ms\":%s}", "loop.longest_ms"},
	{CONFIG, TIME, "\"loaded_at\":%s", "loaded_at"},
	{CONFIG, STRING, "\"error\":%s", "error"},
	{CONFIG, ARRAY, "\"warnings\":%s", "warnings"},
	{CONFIG, ENTRY_STRING, "\"warnings\":[\"x\",%s]", "warnings[1]"},
	{TOKEN, STRING, "\"provider\":%s", "provider"},
	{TOKEN, COUNT, "\"generation\":%s", "generation"},
	{TOKEN, FINGERPRINT, "\"fingerprint\":%s", "fingerprint"},
	{TOKEN, STRING, "\"token_type\":%s", "token_type"},
	{TOKEN, STRING, "\"scope\":%s", "scope"},
	{TOKEN, STRING, "\"segment\":%s", "segment"},
	{TOKEN, TIME, "\"obtained_at\":%s", "obtained_at"},
	{TOKEN, TIME, "\"expires_at\":%s", "expires_at"},
	{TOKEN, TIME, "\"next_attempt_at\":%s", "next_attempt_at"},
	{TOKEN, TIME, "\"failing_since\":%s", "failing_since"},
	{TOKEN, COUNT, "\"consecutive_failures\":%s", "consecutive_failures"},
	{TOKEN, OBJECT, "\"last_error\":%s", "last_error"},
	{TOKEN, TIME, "\"last_error\":{\"at\":%s}", "last_error.at"},
	{TOKEN, COUNT, "\"last_error\":{\"http_status\":%s}", "last_error.http_status"},
	{TOKEN, STRING, "\"last_error\":{\"reason\":%s}", "last_error.reason"},
	{TOKEN, STRING, "\"last_error\":{\"message\":%s}", "last_error.message"},
	{TOKEN, STRING, "\"last_error\":{\"hint\":%s}", "last_error.hint"},
	{TOKEN, ARRAY, "\"pending_revocations\":%s", "pending_revocations"},
	{TOKEN, ENTRY_OBJECT, "\"pending_revocations\":[%s]", "pending_revocations[0]"},
	{TOKEN, FINGERPRINT, "\"pending_revocations\":[{},{\"fingerprint\":%s}]",
	 "pending_revocations[1].fingerprint"},
	{TOKEN, TIME, "\"pending_revocations\":[{\"until\":%s}]", "pending_revocations[0].until"},
	{TOKEN, ARRAY, "\"readers\":%s", "readers"},
	{TOKEN, ENTRY_STRING, "\"readers\":[%s]", "readers[0]"},
	{TOKEN, OBJECT, "\"counters\":%s", "counters"},
	{TOKEN, COUNT, "\"counters\":{\"publishes\":%s}", "counters.publishes"},
	{TOKEN, OBJECT, "\"counters\":{\"fetches\":%s}", "counters.fetches"},
	{TOKEN, COUNT, "\"counters\":{\"fetches\":{\"ok\":%s}}", "counters.fetches.ok"},
	{TOKEN, COUNT, "\"counters\":{\"fetches\":{\"failed\":%s}}", "counters.fetches.failed"},
	{TOKEN, OBJECT, "\"counters\":{\"revocations\":%s}", "counters.revocations"},
	{TOKEN, COUNT, "\"counters\":{\"revocations\":{\"ok\":%s}}", "counters.revocations.ok"},
	{TOKEN, COUNT, "\"counters\":{\"revocations\":{\"failed\":%s}}",
	 "counters.revocations.failed"},
	{TOKEN, OBJECT, "\"counters\":{\"rejections\":%s}", "counters.rejections"},
	{TOKEN, COUNT, "\"counters\":{\"rejections\":{\"accepted\":%s}}",
	 "counters.rejections.accepted"},
	{TOKEN, COUNT, "\"counters\":{\"rejections\":{\"busy\":%s}}", "counters.rejections.busy"},
	{TOKEN, OBJECT, "\"counters\":{\"fetch_errors\":%s}", "counters.fetch_errors"},
	{TOKEN, OBJECT, "\"fetch_duration\":%s", "fetch_duration"},
	{TOKEN, NUMBER, "\"fetch_duration\":{\"sum\":%s}", "fetch_duration.sum"},
	{TOKEN, COUNT, "\"fetch_duration\":{\"count\":%s}", "fetch_duration.count"},
	{TOKEN, OBJECT, "\"fetch_duration\":{\"buckets\":%s}", "fetch_duration.buckets"},
	{TOKEN, ARRAY, "\"history\":%s", "history"},
	{TOKEN, ENTRY_OBJECT, "\"history\":[{\"result\":\"ok\"},%s]", "history[1]"},
	{TOKEN, TIME, "\"history\":[{\"result\":\"ok\",\"at\":%s}]", "history[0].at"},
	{TOKEN, COUNT, "\"history\":[{\"result\":\"ok\",\"ms\":%s}]", "history[0].ms"},
	{TOKEN, REASON, "\"history\":[{\"result\":%s}]", "history[0].result"},
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
/* The formats stand in the tables above. */
static void put_document(char text[static TEXT_BYTES], enum home home, const char *member,
			 const char *value)
{
	char filled[TEXT_BYTES / 2];

	(void)snprintf(filled, sizeof(filled), member, value);
	(void)snprintf(text, TEXT_BYTES, frames[home], filled);
}
#pragma GCC diagnostic pop

static void check_member(const struct member *member, const struct oddity *oddity)
{
	char text[TEXT_BYTES];
	char expected[TEXT_BYTES];
	struct error_text error;

	put_document(text, member->home, member->text, oddity->value);
	(void)snprintf(expected, sizeof(expected), "%s%s: %s", ways[member->home], member->way,
		       oddity->what);
	CU_ASSERT_STRING_EQUAL(status_refusal(text, &error), expected);
	if (strcmp(error.text, expected) != 0)
		printf("       %s\n", expected);
}

static void each_member_wrong_in_each_way_is_named(void)
{
	size_t checks = 0;

	for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++)
		for (size_t o = 0; o < sizeof(oddities) / sizeof(oddities[0]); o++)
			if (members[m].kind == oddities[o].kind) {
				check_member(&members[m], &oddities[o]);
				checks++;
			}
	CU_ASSERT(checks > 150);
}

static void null_is_as_good_as_no_member(void)
{
	char text[TEXT_BYTES];

	for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++) {
		CLEANUP(status_view_free) struct status_view *view = NULL;
		bool is_needed = members[m].kind == ENTRY_OBJECT ||
				 members[m].kind == ENTRY_STRING || members[m].kind == REASON;

		put_document(text, members[m].home, members[m].text, "null");
		CU_ASSERT_EQUAL(status_parse(text, &view, NULL), is_needed ? -EBADMSG : 0);
	}
}

static void what_every_document_must_have_is_named(void)
{
	static const struct {
		const char *text;
		const char *error;
	} odd[] = {
		{"{}", "tokens: missing"},
		{"{\"tokens\":null}", "tokens: missing"},
		{"{\"tokens\":{}}", "tokens: not an array"},
		{"{\"tokens\":[1]}", "tokens[0]: not an object"},
		{"{\"tokens\":[{}]}", "tokens[0].name: not a token name"},
		{"{\"tokens\":[{\"name\":\"A\"}]}", "tokens[0].name: not a token name"},
		{"{\"tokens\":[{\"name\":1}]}", "tokens[0].name: not a string"},
		{"{\"tokens\":[{\"name\":\"a\"}]}",
		 "tokens[0].state: not a state this version knows"},
		{"{\"tokens\":[{\"name\":\"a\",\"state\":\"odd\"}]}",
		 "tokens[0].state: not a state this version knows"},
		{"{\"tokens\":[{\"name\":\"a\",\"state\":1}]}", "tokens[0].state: not a string"},
	};
	struct error_text error;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		CU_ASSERT_STRING_EQUAL(status_refusal(odd[i].text, &error), odd[i].error);
}

/* Members whose names say something, too. */
static void odd_reasons_and_buckets_are_named(void)
{
	static const struct {
		const char *text;
		const char *way;
		const char *what;
	} odd[] = {
		{"\"counters\":{\"fetch_errors\":{\"Http\":1}}", "counters.fetch_errors",
		 "not a reason"},
		{"\"counters\":{\"fetch_errors\":{\"\":1}}", "counters.fetch_errors",
		 "not a reason"},
		{"\"counters\":{\"fetch_errors\":{\"http\":\"1\"}}", "counters.fetch_errors",
		 "a member that is not a whole number"},
		{"\"counters\":{\"fetch_errors\":{\"http\":-1}}", "counters.fetch_errors",
		 "negative"},
		{"\"fetch_duration\":{\"count\":9,\"buckets\":{\"x\":1}}", "fetch_duration.buckets",
		 "not a number of seconds"},
		{"\"fetch_duration\":{\"count\":9,\"buckets\":{\"1.\":1}}",
		 "fetch_duration.buckets", "not a number of seconds"},
		{"\"fetch_duration\":{\"count\":9,\"buckets\":{\".5\":1}}",
		 "fetch_duration.buckets", "not a number of seconds"},
		{"\"fetch_duration\":{\"count\":9,\"buckets\":{\"1.2.3\":1}}",
		 "fetch_duration.buckets", "not a number of seconds"},
		{"\"fetch_duration\":{\"count\":9,\"buckets\":{\"1234567890123456\":1}}",
		 "fetch_duration.buckets", "not a number of seconds"},
		{"\"fetch_duration\":{\"count\":9,\"buckets\":{\"+inf\":1}}",
		 "fetch_duration.buckets", "not a number of seconds"},
		{"\"fetch_duration\":{\"count\":9,\"buckets\":{\"1\":1,\"0.5\":2}}",
		 "fetch_duration.buckets", "bounds or counts do not rise"},
		{"\"fetch_duration\":{\"count\":9,\"buckets\":{\"1\":2,\"5\":1}}",
		 "fetch_duration.buckets", "bounds or counts do not rise"},
		{"\"fetch_duration\":{\"count\":1,\"buckets\":{\"1\":1,\"5\":2}}",
		 "fetch_duration.buckets", "more than count says"},
	};
	char text[TEXT_BYTES];
	char expected[TEXT_BYTES];
	struct error_text error;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		put_document(text, TOKEN, "%s", odd[i].text);
		(void)snprintf(expected, sizeof(expected), "tokens[0].%s: %s", odd[i].way,
			       odd[i].what);
		CU_ASSERT_STRING_EQUAL(status_refusal(text, &error), expected);
	}
}

/* A token with a list of count entries, or (entry is NULL) with as many members 0, 1, 2... */
static char *make_list(const char *before, const char *entry, size_t count, const char *after)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	(void)fprintf(stream, "{\"tokens\":[{\"name\":\"a\",\"state\":\"valid\",%s", before);
	for (size_t i = 0; i < count; i++) {
		(void)fputs(i == 0 ? "" : ",", stream);
		if (entry != NULL)
			(void)fputs(entry, stream);
		else
			(void)fprintf(stream, "\"%zu\":%zu", i, i);
	}
	(void)fprintf(stream, "%s}]}", after);
	(void)fclose(stream);
	return text;
}

static void lists_are_bounded(void)
{
	static const struct {
		const char *before;
		const char *entry;
		size_t count_max;
		const char *after;
		const char *error;
	} table[] = {
		{"\"readers\":[", "\"x\"", STATUS_VIEW_ENTRIES_MAX, "]",
		 "tokens[0].readers: too many entries"},
		{"\"pending_revocations\":[", "{}", STATUS_VIEW_ENTRIES_MAX, "]",
		 "tokens[0].pending_revocations: too many entries"},
		{"\"history\":[", "{\"result\":\"ok\"}", STATUS_VIEW_ENTRIES_MAX, "]",
		 "tokens[0].history: too many entries"},
		{"\"counters\":{\"fetch_errors\":{", NULL, STATUS_VIEW_REASONS_MAX, "}}",
		 "tokens[0].counters.fetch_errors: too many members"},
		{"\"fetch_duration\":{\"count\":99,\"buckets\":{", NULL, STATUS_VIEW_BUCKETS_MAX,
		 "}}", "tokens[0].fetch_duration.buckets: too many members"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		CLEANUP(status_view_free) struct status_view *view = NULL;
		CLEANUP(free_memory)
		char *most = make_list(table[i].before, table[i].entry, table[i].count_max,
				       table[i].after);
		CLEANUP(free_memory)
		char *more = make_list(table[i].before, table[i].entry, table[i].count_max + 1,
				       table[i].after);
		struct error_text error;

		CU_ASSERT_EQUAL(status_parse(most, &view, NULL), 0);
		CU_ASSERT_STRING_EQUAL(status_refusal(more, &error), table[i].error);
	}
}

static char *make_tokens(size_t count)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	(void)fputs("{\"tokens\":[", stream);
	for (size_t i = 0; i < count; i++)
		(void)fprintf(stream, "%s{\"name\":\"t%zu\",\"state\":\"valid\"}",
			      i == 0 ? "" : ",", i);
	(void)fputs("]}", stream);
	(void)fclose(stream);
	return text;
}

static void tokens_are_bounded(void)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;
	CLEANUP(free_memory) char *most = make_tokens(STATUS_VIEW_ENTRIES_MAX);
	CLEANUP(free_memory) char *more = make_tokens(STATUS_VIEW_ENTRIES_MAX + 1);
	struct error_text error;

	CU_ASSERT_EQUAL_FATAL(status_parse(most, &view, NULL), 0);
	CU_ASSERT_EQUAL(view->token_count, STATUS_VIEW_ENTRIES_MAX);
	CU_ASSERT_STRING_EQUAL(status_refusal(more, &error), "tokens: too many entries");
}

static void a_name_that_two_tokens_have_is_refused(void)
{
	struct error_text error;

	CU_ASSERT_STRING_EQUAL(status_refusal("{\"tokens\":[{\"name\":\"a\",\"state\":\"valid\"},"
					      "{\"name\":\"b\",\"state\":\"valid\"},"
					      "{\"name\":\"a\",\"state\":\"valid\"}]}",
					      &error),
			       "tokens: a name that stands there twice");
}

/* Every prefix of a good document, and every byte of it replaced: no crash, no leak, no success
 * that a cut document should not have. */
static void damage_anywhere_is_survived(void)
{
	CLEANUP(free_memory) char *text = status_read_golden();
	const size_t length = strlen(text);
	struct error_text error;
	size_t accepted = 0;

	for (size_t cut = 0; cut + 1 < length; cut++) {
		struct status_view *view;

		CU_ASSERT_EQUAL(status_view_parse(text, cut, &view, &error), -EBADMSG);
	}
	for (size_t i = 0; i < length; i++) {
		struct status_view *view = NULL;
		const char was = text[i];

		text[i] = '0';
		if (status_parse(text, &view, &error) == 0)
			accepted++;
		text[i] = was;
		status_view_free(view);
	}
	CU_ASSERT(accepted > 0 && accepted < length);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"what_is_no_json_is_refused", what_is_no_json_is_refused},
		{"a_nul_in_the_document_is_refused", a_nul_in_the_document_is_refused},
		{"a_document_beyond_the_bound_is_refused", a_document_beyond_the_bound_is_refused},
		{"a_document_too_deep_is_refused", a_document_too_deep_is_refused},
		{"each_member_wrong_in_each_way_is_named", each_member_wrong_in_each_way_is_named},
		{"null_is_as_good_as_no_member", null_is_as_good_as_no_member},
		{"what_every_document_must_have_is_named", what_every_document_must_have_is_named},
		{"odd_reasons_and_buckets_are_named", odd_reasons_and_buckets_are_named},
		{"lists_are_bounded", lists_are_bounded},
		{"tokens_are_bounded", tokens_are_bounded},
		{"a_name_that_two_tokens_have_is_refused", a_name_that_two_tokens_have_is_refused},
		{"damage_anywhere_is_survived", damage_anywhere_is_survived},
		CU_TEST_INFO_NULL,
	};

	return harness_run("status_refusals", tests);
}
