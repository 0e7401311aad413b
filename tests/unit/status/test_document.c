/* SPDX-License-Identifier: MIT */
#include "status/document.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/status_file.h" /* STATUS_FILE_BYTES_MAX: what readers take */
#include "harness.h"

#define GOLDEN    "tests/unit/status/golden_status.json"
#define T(second) ((INT64_C(1795428000) + (second)) * NS_PER_S)

static char www_data[] = "@www-data", etl[] = "etl", number[] = "1007";
static char *reader_names[] = {www_data, etl, number};
static const struct config_strings readers = {reader_names, 3};
static const struct config_strings nobody = {NULL, 0};

static const struct status_pending_revocation pending[] = {
	{"aaaaaaaaaaaa", T(3600)},
	{"bbbbbbbbbbbb", 0},
};

static void fill_record(struct status_record *record)
{
	struct status_error error = {
		.at_realtime_ns = T(4),
		.reason = TOKEN_INVALID_CLIENT,
		.http_status = 401,
		.message = {"The \"client\" is\nunknown: \xff\\ <\xc3\xa9>"},
		.hint = "Is the application switched ON, are id and secret right?",
	};

	status_record_init(record);
	status_record_fetch_succeeded(record, T(1), 90);
	status_record_fetch_succeeded(record, T(2), 100);
	status_record_fetch_succeeded(record, T(3), 210);
	status_record_fetch_failed(record, &error, 1500);
	status_record_rejection(record, TOKENBROKER_CONTROL_ACCEPTED);
	status_record_rejection(record, TOKENBROKER_CONTROL_STALE);
	status_record_revocation(record, true);
	status_record_revocation(record, false);
	status_record_publish(record);
}

static struct status_content_token full_token(const struct status_record *record)
{
	return (struct status_content_token){
		.name = "default",
		.provider = "blueconic",
		.state = TOKENBROKER_SEGMENT_VALID,
		.generation = UINT64_C(1795428003),
		.fingerprint = "9f86d081884c",
		.token_type = "Bearer",
		.scope = "read write",
		.obtained_at_ns = T(3),
		.expires_at_ns = T(3603),
		.next_attempt_at_ns = T(2700),
		.failing_since_ns = T(4),
		.consecutive_failures = 1,
		.pending_revocations = pending,
		.pending_revocation_count = 2,
		.readers = &readers,
		.segment = "/tokenbroker.default.0123456789abcdef",
		.record = record,
	};
}

static struct status_content_token bare_token(const char *name, const struct status_record *record)
{
	return (struct status_content_token){
		.name = name, .provider = "none", .readers = &nobody, .record = record};
}

static struct status_content content_of(const struct status_content_token *tokens, size_t count)
{
	return (struct status_content){
		.version = "0.1.0",
		.pid = 4711,
		.started_at_ns = T(0),
		.published_at_ns = T(5),
		.config_loaded_at_ns = T(0),
		.loop_longest_ms = 3,
		.tokens = tokens,
		.token_count = count,
	};
}

static const char *build(struct status_document *document, const struct status_content *content)
{
	const char *text = NULL;
	size_t length = 0;

	CU_ASSERT_EQUAL_FATAL(status_document_build(document, content, &text, &length), 0);
	CU_ASSERT_EQUAL(strlen(text), length);
	CU_ASSERT_EQUAL(text[length - 1], '\n');
	return text;
}

/* Whether document, which knows earlier contents, gives what one that knows none gives. */
static bool is_built_right(struct status_document *document, const struct status_content *content)
{
	CLEANUP(status_document_free) struct status_document *fresh = status_document_new();

	return strcmp(build(document, content), build(fresh, content)) == 0;
}

/* Strict: RFC 8259, valid UTF-8 and nothing behind. NULL: not JSON. */
static struct json_object *parse(const char *text)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)strlen(text) - 1);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

/* The value at the end of a path of member names, NULL-terminated; NULL if there is none. */
static struct json_object *find(struct json_object *object, const char *const *path)
{
	for (; *path != NULL; path++)
		if (!json_object_object_get_ex(object, *path, &object))
			return NULL;
	return object;
}

#define FIND(object, ...) find(object, (const char *const[]){__VA_ARGS__, NULL})

static char *read_golden(void)
{
	CLEANUP(close_file) FILE *file = fopen(GOLDEN, "re");
	char *text = calloc(1, 65536);

	if (file == NULL || text == NULL || fread(text, 1, 65535, file) == 0)
		abort();
	return text;
}

static void the_document_is_the_golden_one(void)
{
	CLEANUP(status_document_free) struct status_document *document = status_document_new();
	CLEANUP(free_memory) char *golden = read_golden();
	struct status_record full, empty;
	struct status_content_token tokens[2];
	struct status_content content = content_of(tokens, 2);
	const struct error_text warnings[] = {{"admins: no user \"otto\""}};

	fill_record(&full);
	status_record_init(&empty);
	tokens[0] = full_token(&full);
	tokens[1] = bare_token("second", &empty);
	content.config_error = "tokenbroker.conf:3: retry_min: not a number";
	content.config_warnings = warnings;
	content.config_warning_count = 1;
	CU_ASSERT_STRING_EQUAL(build(document, &content), golden);
	CU_ASSERT_STRING_EQUAL(build(document, &content), golden); /* from what was kept */
}

static void the_document_reads_back(void)
{
	CLEANUP(status_document_free) struct status_document *document = status_document_new();
	struct status_record record;
	struct status_content_token token;
	struct status_content content = content_of(&token, 1);
	struct json_object *object, *first;

	fill_record(&record);
	token = full_token(&record);
	object = parse(build(document, &content));
	CU_ASSERT_PTR_NOT_NULL_FATAL(object);
	first = json_object_array_get_idx(FIND(object, "tokens"), 0);
	CU_ASSERT_EQUAL(json_object_get_int64(FIND(first, "generation")), 1795428003);
	CU_ASSERT_STRING_EQUAL(json_object_get_string(FIND(first, "last_error", "message")),
			       "The \"client\" is\nunknown: \xef\xbf\xbd\\ <\xc3\xa9>");
	CU_ASSERT_EQUAL(json_object_get_double(FIND(first, "fetch_duration", "sum")), 1.9);
	CU_ASSERT_EQUAL(json_object_get_int(FIND(first, "fetch_duration", "buckets", "0.1")), 2);
	CU_ASSERT_EQUAL(json_object_get_int(FIND(first, "fetch_duration", "buckets", "15")), 4);
	CU_ASSERT_EQUAL(json_object_get_int(FIND(first, "counters", "fetches", "ok")), 3);
	CU_ASSERT_EQUAL(json_object_array_length(FIND(first, "history")), 4);
	json_object_put(object);
}

static void what_is_not_there_is_null(void)
{
	CLEANUP(status_document_free) struct status_document *document = status_document_new();
	const char *const nulls[] = {
		"generation", "fingerprint",     "token_type",    "scope",      "obtained_at",
		"expires_at", "next_attempt_at", "failing_since", "last_error", "segment"};
	struct status_record record;
	struct status_content_token token;
	struct status_content content = content_of(&token, 1);
	struct json_object *object, *first;

	status_record_init(&record);
	token = bare_token("a", &record);
	token.fingerprint = "";
	object = parse(build(document, &content));
	CU_ASSERT_PTR_NOT_NULL_FATAL(object);
	first = json_object_array_get_idx(FIND(object, "tokens"), 0);
	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++) {
		struct json_object *value = first; /* anything but NULL */

		CU_ASSERT_TRUE(json_object_object_get_ex(first, nulls[i], &value));
		CU_ASSERT_PTR_NULL(value);
	}
	CU_ASSERT_TRUE(json_object_object_get_ex(object, "config", NULL));
	CU_ASSERT_PTR_NULL(FIND(object, "config", "error"));
	json_object_put(object);
}

static void the_four_states_have_names(void)
{
	CLEANUP(status_document_free) struct status_document *document = status_document_new();
	const char *const names[] = {"pending", "valid", "expired", "suspended"};
	struct status_record record;
	struct status_content_token token;
	struct status_content content = content_of(&token, 1);

	status_record_init(&record);
	token = bare_token("a", &record);
	for (int i = TOKENBROKER_SEGMENT_NONE; i <= TOKENBROKER_SEGMENT_SUSPENDED; i++) {
		char expected[32];

		token.state = (enum tokenbroker_segment_state)i;
		(void)snprintf(expected, sizeof(expected), "\"state\": \"%s\",", names[i]);
		CU_ASSERT_PTR_NOT_NULL(strstr(build(document, &content), expected));
	}
}

static void without_tokens_the_list_is_empty(void)
{
	CLEANUP(status_document_free) struct status_document *document = status_document_new();
	struct status_content content = content_of(NULL, 0);
	struct json_object *object = parse(build(document, &content));

	CU_ASSERT_PTR_NOT_NULL_FATAL(object);
	CU_ASSERT_EQUAL(json_object_array_length(FIND(object, "tokens")), 0);
	json_object_put(object);
}

static void every_change_of_a_token_is_seen(void)
{
	CLEANUP(status_document_free) struct status_document *document = status_document_new();
	struct status_pending_revocation one = pending[0];
	struct status_record record;
	struct status_content_token token;
	struct status_content content = content_of(&token, 1);
	char a[] = "a", b[] = "b", c[] = "c";
	char *names[] = {a, b};
	struct config_strings list = {names, 1};
	char *last;

	fill_record(&record);
	token = full_token(&record);
	token.pending_revocations = &one;
	token.pending_revocation_count = 1;
	token.readers = &list;
	last = strdup(build(document, &content));
#define CHANGE(statement)                                                                          \
	do {                                                                                       \
		statement;                                                                         \
		CU_ASSERT_TRUE(is_built_right(document, &content));                                \
		CU_ASSERT_STRING_NOT_EQUAL(build(document, &content), last);                       \
		free(last);                                                                        \
		last = strdup(build(document, &content));                                          \
	} while (0)
	CHANGE(token.name = "other");
	CHANGE(token.provider = "none");
	CHANGE(token.state = TOKENBROKER_SEGMENT_EXPIRED);
	CHANGE(token.generation++);
	CHANGE(token.fingerprint = NULL);
	CHANGE(token.token_type = NULL);
	CHANGE(token.scope = "");
	CHANGE(token.obtained_at_ns += NS_PER_S);
	CHANGE(token.expires_at_ns += NS_PER_S);
	CHANGE(token.next_attempt_at_ns += NS_PER_S);
	CHANGE(token.failing_since_ns = 0);
	CHANGE(token.consecutive_failures++);
	CHANGE(one.fingerprint[0] = 'c');
	CHANGE(one.until_realtime_ns += NS_PER_S);
	CHANGE(token.pending_revocation_count = 0);
	CHANGE(names[0] = c);
	CHANGE(list.count = 2);
	CHANGE(token.segment = NULL);
	CHANGE(status_record_publish(&record));
	CHANGE(status_record_fetch_succeeded(&record, T(9), 1));
	CHANGE(record.last_error.message.text[0] = 'X');
#undef CHANGE
	free(last);
}

static void tokens_may_come_go_and_trade_places(void)
{
	CLEANUP(status_document_free) struct status_document *document = status_document_new();
	struct status_record record;
	struct status_content_token tokens[3];
	struct status_content content = content_of(tokens, 3);

	fill_record(&record);
	tokens[0] = full_token(&record);
	tokens[1] = bare_token("b", &record);
	tokens[2] = bare_token("c", &record);
	CU_ASSERT_TRUE(is_built_right(document, &content));
	content.token_count = 1;
	CU_ASSERT_TRUE(is_built_right(document, &content));
	content.token_count = 3;
	CU_ASSERT_TRUE(is_built_right(document, &content));
	tokens[0] = bare_token("c", &record);
	tokens[2] = full_token(&record);
	CU_ASSERT_TRUE(is_built_right(document, &content));
	content.token_count = 0;
	CU_ASSERT_TRUE(is_built_right(document, &content));
	content.token_count = 2;
	CU_ASSERT_TRUE(is_built_right(document, &content));
}

static void any_bytes_make_valid_json(void)
{
	CLEANUP(status_document_free) struct status_document *document = status_document_new();
	struct status_error error = {.at_realtime_ns = T(1), .reason = TOKEN_HTTP};
	struct status_record record;
	struct status_content_token token;
	struct status_content content = content_of(&token, 1);
	char text[256];
	char *names[] = {text};
	const struct config_strings list = {names, 1};
	struct json_object *object;

	for (unsigned i = 1; i < 256; i++)
		text[i - 1] = (char)i;
	text[255] = '\0';
	status_record_init(&record);
	memcpy(error.message.text, text, sizeof(text));
	error.hint = text;
	status_record_problem(&record, &error);
	token = bare_token("a", &record);
	token.scope = text;
	token.token_type = text;
	token.readers = &list;
	content.config_error = text;
	object = parse(build(document, &content));
	CU_ASSERT_PTR_NOT_NULL(object);
	json_object_put(object);

	memset(error.message.text, 0xff, sizeof(error.message.text) - 1); /* each becomes three */
	status_record_problem(&record, &error);
	object = parse(build(document, &content));
	CU_ASSERT_PTR_NOT_NULL(object);
	json_object_put(object);
}

static void a_thousand_tokens_are_few_enough_for_every_reader(void)
{
	enum { COUNT = 1000 };
	CLEANUP(status_document_free) struct status_document *document = status_document_new();
	static struct status_record records[COUNT];
	static struct status_content_token tokens[COUNT];
	struct status_content content = content_of(tokens, COUNT);
	int64_t start_ns, first_ns, second_ns;

	for (size_t i = 0; i < COUNT; i++) {
		fill_record(&records[i]);
		for (unsigned times = 0; times < 2 * STATUS_HISTORY; times++)
			status_record_fetch_succeeded(&records[i], T(times), 100);
		tokens[i] = full_token(&records[i]);
	}
	start_ns = clock_monotonic_ns();
	CU_ASSERT_TRUE(strlen(build(document, &content)) < STATUS_FILE_BYTES_MAX);
	first_ns = clock_monotonic_ns() - start_ns;
	status_record_publish(&records[500]);
	start_ns = clock_monotonic_ns();
	(void)build(document, &content);
	second_ns = clock_monotonic_ns() - start_ns;
	printf("1000 tokens: %d ms, then %d ms for a change of one\n", (int)(first_ns / NS_PER_MS),
	       (int)(second_ns / NS_PER_MS));
	CU_ASSERT_TRUE(second_ns < first_ns);
	CU_ASSERT_TRUE(is_built_right(document, &content));
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(the_document_is_the_golden_one),
		TEST(the_document_reads_back),
		TEST(what_is_not_there_is_null),
		TEST(the_four_states_have_names),
		TEST(without_tokens_the_list_is_empty),
		TEST(every_change_of_a_token_is_seen),
		TEST(tokens_may_come_go_and_trade_places),
		TEST(any_bytes_make_valid_json),
		TEST(a_thousand_tokens_are_few_enough_for_every_reader),
		CU_TEST_INFO_NULL,
	};

	return harness_run("document", tests);
}
