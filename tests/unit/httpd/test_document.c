/* SPDX-License-Identifier: MIT */
#include "httpd/document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "harness.h"

/* 2026-11-23T10:00:00Z */
#define START_S INT64_C(1795428000)

#define FIRST   "{\"name\":\"first\",\"state\":\"valid\",\"expires_at\":\"2026-11-23T10:01:00Z\"}"
#define SECOND  "{\"name\":\"second\",\"state\":\"valid\",\"expires_at\":\"2026-11-23T10:02:00Z\"}"
#define THIRD   "{\"name\":\"third\",\"state\":\"suspended\",\"expires_at\":\"2026-11-23T10:00:30Z\"}"
#define FOREVER                                                                                    \
	"{\"name\":\"forever\",\"state\":\"valid\",\"expires_at\":null,\"unheard_of\":[1.50,true]" \
	"}"
#define PENDING      "{\"name\":\"pending\",\"state\":\"pending\",\"expires_at\":null}"
#define TOKENS(list) "{\"tokens\":[" list "]}"

struct both {
	struct status_view *view;
	struct document *document;
};

static void cleanup_both(struct both *both)
{
	document_free(both->document);
	status_view_free(both->view);
}

static struct both make(const char *text, int64_t now_s)
{
	struct both both = {.view = NULL};
	struct error_text error;

	CU_ASSERT_EQUAL_FATAL(status_view_parse(text, strlen(text), &both.view, &error), 0);
	CU_ASSERT_EQUAL_FATAL(document_new(&both.document, text, strlen(text), both.view, now_s),
			      0);
	return both;
}

static const char *token_text(const struct both *both, const char *name)
{
	struct shared_text *text = document_token(both->document, both->view, name);

	return text == NULL ? NULL : text->data;
}

static void it_is_served_whole_and_token_by_token(void)
{
	CLEANUP(both) struct both both = make(TOKENS(FIRST "," PENDING), START_S);

	CU_ASSERT_STRING_EQUAL(both.document->whole->data, TOKENS(FIRST "," PENDING) "\n");
	CU_ASSERT_EQUAL(both.document->whole->length, strlen(both.document->whole->data));
	CU_ASSERT_STRING_EQUAL(token_text(&both, "first"), FIRST "\n");
	CU_ASSERT_STRING_EQUAL(token_text(&both, "pending"), PENDING "\n");
	CU_ASSERT_PTR_NULL(token_text(&both, "third"));
	CU_ASSERT_PTR_NULL(token_text(&both, ""));
}

static void members_that_nobody_here_knows_are_passed_on(void)
{
	CLEANUP(both) struct both both = make(TOKENS(FOREVER), START_S);

	CU_ASSERT_STRING_EQUAL(both.document->whole->data, TOKENS(FOREVER) "\n");
}

static void a_token_past_its_expiry_is_shown_as_expired(void)
{
	CLEANUP(both) struct both before = make(TOKENS(FIRST "," SECOND), START_S + 59);
	CLEANUP(both) struct both after = make(TOKENS(FIRST "," SECOND), START_S + 60);

	CU_ASSERT_STRING_EQUAL(token_text(&before, "first"), FIRST "\n");
	CU_ASSERT_STRING_EQUAL(token_text(&after, "first"),
			       "{\"name\":\"first\",\"state\":\"expired\","
			       "\"expires_at\":\"2026-11-23T10:01:00Z\"}\n");
	CU_ASSERT_STRING_EQUAL(token_text(&after, "second"), SECOND "\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(after.document->whole->data, "\"state\":\"expired\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(after.document->event->data, "\"state\":\"expired\""));
}

static void only_a_valid_token_expires(void)
{
	CLEANUP(both) struct both both = make(TOKENS(THIRD "," FOREVER "," PENDING), INT64_MAX / 2);

	CU_ASSERT_STRING_EQUAL(both.document->whole->data,
			       TOKENS(THIRD "," FOREVER "," PENDING) "\n");
	CU_ASSERT_EQUAL(both.document->true_until_s, INT64_MAX);
}

static void it_is_true_until_the_next_token_expires(void)
{
	static const char text[] = TOKENS(SECOND "," THIRD "," FIRST);
	CLEANUP(both) struct both none = make(TOKENS(""), START_S);
	CLEANUP(both) struct both early = make(text, START_S);
	CLEANUP(both) struct both later = make(text, START_S + 60);
	CLEANUP(both) struct both last = make(text, START_S + 120);

	CU_ASSERT_EQUAL(none.document->true_until_s, INT64_MAX);
	CU_ASSERT_EQUAL(early.document->true_until_s, START_S + 60);
	CU_ASSERT_EQUAL(later.document->true_until_s, START_S + 120);
	CU_ASSERT_EQUAL(last.document->true_until_s, INT64_MAX);
}

static void its_tag_is_that_of_what_is_shown(void)
{
	CLEANUP(both) struct both one = make(TOKENS(FIRST), START_S);
	CLEANUP(both) struct both same = make(" {\"tokens\" : [\n" FIRST " ] }\n", START_S + 30);
	CLEANUP(both) struct both expired = make(TOKENS(FIRST), START_S + 60);
	CLEANUP(both) struct both other = make(TOKENS(SECOND), START_S);

	CU_ASSERT_EQUAL(strlen(one.document->etag), 34);
	CU_ASSERT_EQUAL(strspn(one.document->etag + 1, "0123456789abcdef"), 32);
	CU_ASSERT(one.document->etag[0] == '"' && one.document->etag[33] == '"');
	CU_ASSERT_STRING_EQUAL(same.document->etag, one.document->etag);
	CU_ASSERT_STRING_NOT_EQUAL(expired.document->etag, one.document->etag);
	CU_ASSERT_STRING_NOT_EQUAL(other.document->etag, one.document->etag);
}

/* A line end within would end the event (HTML, "Server-sent events"), or begin a field. */
static void an_event_is_one_line_whatever_the_texts_are(void)
{
	static const char text[] =
		"{\"config\":{\"error\":\"a\\nevent: x\\r\\ndata: y\\n\\n\",\n"
		"\"warnings\":[\"\\u2028\\u0007\"]},\n \"tokens\":[\n" FIRST "\n]\n}\n";
	static const char head[] = "event: status\ndata: {";
	static const char tail[] = "]}\n\n";
	CLEANUP(both) struct both both = make(text, START_S);
	const char *event = both.document->event->data;

	CU_ASSERT_EQUAL(both.document->event->length, strlen(event));
	CU_ASSERT_EQUAL(strncmp(event, head, strlen(head)), 0);
	CU_ASSERT_STRING_EQUAL(event + strlen(event) - strlen(tail), tail);
	CU_ASSERT_EQUAL(strcspn(event + strlen("event: status\n"), "\r\n"),
			strlen(event) - strlen("event: status\n") - 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(event, "\"a\\nevent: x\\r\\ndata: y\\n\\n\""));
}

static void letters_beyond_ascii_and_nuls_in_unknown_members_stay_what_they_are(void)
{
	CLEANUP(both)
	struct both both =
		make("{\"tokens\":[],\"x\":\"\xc3\xa9\xf0\x9f\x94\x91\",\"y\":\"a\\u0000b</\"}",
		     START_S);

	CU_ASSERT_STRING_EQUAL(
		both.document->whole->data,
		"{\"tokens\":[],\"x\":\"\xc3\xa9\xf0\x9f\x94\x91\",\"y\":\"a\\u0000b</\"}\n");
}

/* The file that was parsed and the one that is served are one; a mix-up must not crash. */
static void a_text_that_the_view_is_not_of_is_refused(void)
{
	static const char *const others[] = {
		"", "{", "[]", "{}", "{\"tokens\":{}}", TOKENS(""), TOKENS(FIRST "," SECOND),
	};
	CLEANUP(both) struct both both = make(TOKENS(FIRST), START_S);
	struct document *document = NULL;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CU_ASSERT_EQUAL(
			document_new(&document, others[i], strlen(others[i]), both.view, START_S),
			-EBADMSG);
	CU_ASSERT_PTR_NULL(document);
	document_free(NULL);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"it_is_served_whole_and_token_by_token", it_is_served_whole_and_token_by_token},
		{"members_that_nobody_here_knows_are_passed_on",
		 members_that_nobody_here_knows_are_passed_on},
		{"a_token_past_its_expiry_is_shown_as_expired",
		 a_token_past_its_expiry_is_shown_as_expired},
		{"only_a_valid_token_expires", only_a_valid_token_expires},
		{"it_is_true_until_the_next_token_expires",
		 it_is_true_until_the_next_token_expires},
		{"its_tag_is_that_of_what_is_shown", its_tag_is_that_of_what_is_shown},
		{"an_event_is_one_line_whatever_the_texts_are",
		 an_event_is_one_line_whatever_the_texts_are},
		{"letters_beyond_ascii_and_nuls_in_unknown_members_stay_what_they_are",
		 letters_beyond_ascii_and_nuls_in_unknown_members_stay_what_they_are},
		{"a_text_that_the_view_is_not_of_is_refused",
		 a_text_that_the_view_is_not_of_is_refused},
		CU_TEST_INFO_NULL,
	};

	return harness_run("document", tests);
}
