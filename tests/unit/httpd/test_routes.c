/* SPDX-License-Identifier: MIT */
#include "httpd/routes.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define NAME_12 "abcdefghij-_"
#define NAME_48 NAME_12 NAME_12 NAME_12 NAME_12

static const struct route table[] = {
	{.method = "GET", .path = "/"},
	{.method = "GET", .path = "/list"},
	{.method = "GET", .path = "/item/*"},
	{.method = "POST", .path = "/item/*/do"},
	{.method = "POST", .path = "/item/*/undo"},
};

static struct route_match match_of(const char *method, const char *path)
{
	struct route_match match;

	memset(&match, 0xff, sizeof(match)); /* whatever was there before */
	routes_match(table, sizeof(table) / sizeof(table[0]), method, path, &match);
	return match;
}

/* The place in the table; -1: none. */
static long place_of(const char *method, const char *path)
{
	struct route_match match = match_of(method, path);

	return match.route == NULL ? -1 : match.route - table;
}

static bool is_nothing(const char *path)
{
	struct route_match match = match_of("GET", path);

	return match.route == NULL && match.allow == NULL && match.name[0] == '\0';
}

static void a_path_is_found_with_its_method(void)
{
	CU_ASSERT_EQUAL(place_of("GET", "/"), 0);
	CU_ASSERT_EQUAL(place_of("GET", "/list"), 1);
	CU_ASSERT_EQUAL(place_of("GET", "/item/default"), 2);
	CU_ASSERT_EQUAL(place_of("POST", "/item/default/do"), 3);
	CU_ASSERT_EQUAL(place_of("POST", "/item/default/undo"), 4);
}

static void head_is_answered_where_get_is_and_nowhere_else(void)
{
	CU_ASSERT_EQUAL(place_of("HEAD", "/"), 0);
	CU_ASSERT_EQUAL(place_of("HEAD", "/item/default"), 2);
	CU_ASSERT_EQUAL(place_of("HEAD", "/item/default/do"), -1);
}

static void the_name_in_the_path_is_handed_on(void)
{
	CU_ASSERT_STRING_EQUAL(match_of("GET", "/item/default").name, "default");
	CU_ASSERT_STRING_EQUAL(match_of("POST", "/item/e-t_l9/do").name, "e-t_l9");
	CU_ASSERT_STRING_EQUAL(match_of("GET", "/item/" NAME_48).name, NAME_48);
	CU_ASSERT_STRING_EQUAL(match_of("GET", "/list").name, "");
	/* As a name, not as a part of the path. */
	CU_ASSERT_EQUAL(place_of("GET", "/item/do"), 2);
}

static void a_method_that_is_not_there_is_told_which_are(void)
{
	CU_ASSERT_STRING_EQUAL(match_of("POST", "/list").allow, "GET, HEAD");
	CU_ASSERT_STRING_EQUAL(match_of("DELETE", "/item/default").allow, "GET, HEAD");
	CU_ASSERT_STRING_EQUAL(match_of("GET", "/item/default/do").allow, "POST");
	CU_ASSERT_PTR_NULL(match_of("POST", "/list").route);
	CU_ASSERT_STRING_EQUAL(match_of("GET", "/item/default/do").name, "");
}

static void methods_are_told_by_their_case(void)
{
	CU_ASSERT_EQUAL(place_of("get", "/"), -1); /* RFC 9110 9.1 */
	CU_ASSERT_EQUAL(place_of("Head", "/"), -1);
	CU_ASSERT_EQUAL(place_of("GETS", "/"), -1);
	CU_ASSERT_EQUAL(place_of("", "/"), -1);
	CU_ASSERT_STRING_EQUAL(match_of("get", "/").allow, "GET, HEAD");
}

static void what_no_token_can_be_called_is_no_path(void)
{
	CU_ASSERT(is_nothing("/item/"));
	CU_ASSERT(is_nothing("/item/."));
	CU_ASSERT(is_nothing("/item/.."));
	CU_ASSERT(is_nothing("/item/a.b"));
	CU_ASSERT(is_nothing("/item/-a"));
	CU_ASSERT(is_nothing("/item/_a"));
	CU_ASSERT(is_nothing("/item/Default"));
	CU_ASSERT(is_nothing("/item/d\xc3\xa9"));
	CU_ASSERT(is_nothing("/item/a b"));
	CU_ASSERT(is_nothing("/item/*"));
	CU_ASSERT(is_nothing("/item/" NAME_48 "a"));
	CU_ASSERT(is_nothing("/item/" NAME_48 NAME_48 NAME_48));
}

static void an_escaped_path_is_not_decoded(void)
{
	CU_ASSERT(is_nothing("/item/a%2fdo"));
	CU_ASSERT(is_nothing("/item/%61"));
	CU_ASSERT(is_nothing("/item/default%00"));
	CU_ASSERT(is_nothing("/%6cist"));
	CU_ASSERT(is_nothing("/item/..%2flist"));
}

static void a_slash_more_or_less_is_another_path(void)
{
	CU_ASSERT(is_nothing(""));
	CU_ASSERT(is_nothing("//"));
	CU_ASSERT(is_nothing("list"));
	CU_ASSERT(is_nothing("/list/"));
	CU_ASSERT(is_nothing("//list"));
	CU_ASSERT(is_nothing("/item"));
	CU_ASSERT(is_nothing("/item//do"));
	CU_ASSERT(is_nothing("/item/default/"));
	CU_ASSERT(is_nothing("/item/default/do/"));
	CU_ASSERT(is_nothing("/item/default//do"));
	CU_ASSERT(is_nothing("/item/a/b/do"));
	CU_ASSERT(is_nothing("/item/default/d"));
	CU_ASSERT(is_nothing("/item/default/done"));
	CU_ASSERT(is_nothing("/./list"));
	CU_ASSERT(is_nothing("*"));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_path_is_found_with_its_method", a_path_is_found_with_its_method},
		{"head_is_answered_where_get_is_and_nowhere_else",
		 head_is_answered_where_get_is_and_nowhere_else},
		{"the_name_in_the_path_is_handed_on", the_name_in_the_path_is_handed_on},
		{"a_method_that_is_not_there_is_told_which_are",
		 a_method_that_is_not_there_is_told_which_are},
		{"methods_are_told_by_their_case", methods_are_told_by_their_case},
		{"what_no_token_can_be_called_is_no_path", what_no_token_can_be_called_is_no_path},
		{"an_escaped_path_is_not_decoded", an_escaped_path_is_not_decoded},
		{"a_slash_more_or_less_is_another_path", a_slash_more_or_less_is_another_path},
		CU_TEST_INFO_NULL,
	};

	return harness_run("routes", tests);
}
