/* SPDX-License-Identifier: MIT */
#include "source/http_answer.h"

#include <string.h>

#include "base/cleanup.h"
#include "harness.h"

static void cleanup_answer(struct http_answer *answer)
{
	http_answer_fini(answer);
}

static bool add(struct http_answer *answer, const char *line)
{
	return http_answer_add_header(answer, line, strlen(line));
}

static void the_headers_that_matter_are_kept(void)
{
	CLEANUP(answer) struct http_answer answer = {0};

	CU_ASSERT(add(&answer, "HTTP/1.1 503 Service Unavailable\r\n"));
	CU_ASSERT(add(&answer, "Content-Type: text/html\r\n"));
	CU_ASSERT(add(&answer, "RETRY-AFTER: \t 120 \t\r\n"));
	CU_ASSERT(add(&answer, "location:https://a.example/\r\n"));
	CU_ASSERT(add(&answer, "\r\n"));
	CU_ASSERT_STRING_EQUAL(answer.retry_after, "120");
	CU_ASSERT_STRING_EQUAL(answer.location->data, "https://a.example/");
	CU_ASSERT_EQUAL(answer.header_count, 5);
}

static void other_headers_are_not_mistaken_for_them(void)
{
	CLEANUP(answer) struct http_answer answer = {0};

	CU_ASSERT(add(&answer, "Content-Location: /x\r\n"));
	CU_ASSERT(add(&answer, "Location-Of: /x\r\n"));
	CU_ASSERT(add(&answer, "Retry-After\r\n"));
	CU_ASSERT(add(&answer, "Loc"));
	CU_ASSERT(add(&answer, ""));
	CU_ASSERT_PTR_NULL(answer.location);
	CU_ASSERT_STRING_EQUAL(answer.retry_after, "");
}

static void odd_values_are_kept_or_left_out(void)
{
	CLEANUP(answer) struct http_answer answer = {0};
	char long_value[200] = "Retry-After: ";

	memset(long_value + strlen(long_value), '1', 100);
	CU_ASSERT(add(&answer, long_value));
	CU_ASSERT_STRING_EQUAL(answer.retry_after, "");
	CU_ASSERT(http_answer_add_header(&answer, "Location: a\0b\0\r\n", 16));
	CU_ASSERT_EQUAL(answer.location->length, 4);
	CU_ASSERT_EQUAL(memcmp(answer.location->data, "a\0b", 4), 0);
	CU_ASSERT(add(&answer, "Location: \r\n"));
	CU_ASSERT_EQUAL(answer.location->length, 0);
}

static void an_interim_answer_leaves_nothing_behind(void)
{
	CLEANUP(answer) struct http_answer answer = {0};

	CU_ASSERT(add(&answer, "HTTP/1.1 103 Early Hints\r\n"));
	CU_ASSERT(add(&answer, "Retry-After: 5\r\n"));
	CU_ASSERT(add(&answer, "Location: /x\r\n"));
	CU_ASSERT(add(&answer, "HTTP/1.1 200 OK\r\n"));
	CU_ASSERT_STRING_EQUAL(answer.retry_after, "");
	CU_ASSERT_PTR_NULL(answer.location);
}

static void too_many_headers_end_the_transfer(void)
{
	CLEANUP(answer) struct http_answer answer = {0};

	for (int i = 0; i < HTTP_ANSWER_HEADERS_MAX; i++)
		CU_ASSERT(add(&answer, "X: y\r\n"));
	CU_ASSERT_EQUAL(answer.excess, HTTP_ANSWER_FITS);
	CU_ASSERT_FALSE(add(&answer, "X: y\r\n"));
	CU_ASSERT_EQUAL(answer.excess, HTTP_ANSWER_TOO_MANY_HEADERS);
}

static void too_large_headers_end_the_transfer(void)
{
	static const char bytes[HTTP_ANSWER_HEADER_BYTES_MAX + 1];
	CLEANUP(answer) struct http_answer answer = {0};

	CU_ASSERT(http_answer_add_header(&answer, bytes, HTTP_ANSWER_HEADER_BYTES_MAX));
	CU_ASSERT_EQUAL(answer.excess, HTTP_ANSWER_FITS);
	CU_ASSERT_FALSE(http_answer_add_header(&answer, bytes, 1));
	CU_ASSERT_EQUAL(answer.excess, HTTP_ANSWER_TOO_MANY_HEADERS);
}

static void a_body_is_collected_up_to_its_bound(void)
{
	CLEANUP(answer) struct http_answer answer = {0};
	char piece[1024];

	memset(piece, 'x', sizeof(piece));
	for (int i = 0; i < HTTP_ANSWER_BODY_MAX / 1024; i++)
		CU_ASSERT(http_answer_add_body(&answer, piece, sizeof(piece)));
	CU_ASSERT_EQUAL(answer.body->length, HTTP_ANSWER_BODY_MAX);
	CU_ASSERT_EQUAL(answer.excess, HTTP_ANSWER_FITS);
	CU_ASSERT_FALSE(http_answer_add_body(&answer, piece, 1));
	CU_ASSERT_EQUAL(answer.excess, HTTP_ANSWER_BODY_TOO_LARGE);
}

static void an_empty_piece_of_body_is_fine(void)
{
	CLEANUP(answer) struct http_answer answer = {0};

	CU_ASSERT(http_answer_add_body(&answer, "", 0));
	CU_ASSERT_EQUAL(answer.body->length, 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the_headers_that_matter_are_kept", the_headers_that_matter_are_kept},
		{"other_headers_are_not_mistaken_for_them",
		 other_headers_are_not_mistaken_for_them},
		{"odd_values_are_kept_or_left_out", odd_values_are_kept_or_left_out},
		{"an_interim_answer_leaves_nothing_behind",
		 an_interim_answer_leaves_nothing_behind},
		{"too_many_headers_end_the_transfer", too_many_headers_end_the_transfer},
		{"too_large_headers_end_the_transfer", too_large_headers_end_the_transfer},
		{"a_body_is_collected_up_to_its_bound", a_body_is_collected_up_to_its_bound},
		{"an_empty_piece_of_body_is_fine", an_empty_piece_of_body_is_fine},
		CU_TEST_INFO_NULL,
	};

	return harness_run("http_answer", tests);
}
