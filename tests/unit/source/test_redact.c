/* SPDX-License-Identifier: MIT */
#include "source/redact.h"

#include <string.h>

#include "base/cleanup.h"
#include "harness.h"

enum { BUFFER_BYTES = 200 };

static const char *clean_bytes(const char *secret, const char *text, size_t length)
{
	static char buffer[BUFFER_BYTES];
	struct redaction redaction = {0};

	redaction_add(&redaction, secret, strlen(secret));
	redact(&redaction, text, length, buffer, sizeof(buffer));
	return buffer;
}

static const char *clean(const char *secret, const char *text)
{
	return clean_bytes(secret, text, strlen(text));
}

struct row {
	const char *secret;
	const char *text;
	const char *expected;
};

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		CU_ASSERT_STRING_EQUAL(clean(rows[i].secret, rows[i].text), rows[i].expected);
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void every_way_to_write_a_secret_is_found(void)
{
	static const struct row rows[] = {
		{"s3cr/t+ x", "plain s3cr/t+ x.", "plain [redacted]."},
		{"s3cr/t+ x", "s3cr/t+ xs3cr/t+ x", "[redacted][redacted]"},
		{"s3cr/t+ x", "form s3cr%2Ft%2B+x&", "form [redacted]&"},
		{"s3cr/t+ x", "lower s3cr%2ft%2b%20x&", "lower [redacted]&"},
		{"s3cr/t+ x", "path s3cr/t+%20x&", "path [redacted]&"},
		{"s3cr/t+ x", "all %73%33%63%72%2F%74%2B%20%78", "all [redacted]"},
		{"s3cr/t+ x", "json s3cr\\/t+ x\"", "json [redacted]\""},
		{"s3cr/t+ x", "\\u0073\\u0033cr\\u002Ft\\u002b x", "[redacted]"},
		{"q\"u\\e", "say q\\\"u\\\\e and q\"u\\e", "say [redacted] and [redacted]"},
		{"100%25x", "raw 100%25x form 100%2525x", "raw [redacted] form [redacted]"},
		{"s3cr/t+ x", "base64 czNjci90KyB4.", "base64 [redacted]."},
		{"s3cr/t+", "base64 czNjci90Kw== of it", "base64 [redacted] of it"},
		{"s3cr/t+", "no padding: czNjci90Kw", "no padding: [redacted]"},
		{"s3cr/t+", "form czNjci90Kw%3D%3D&", "form [redacted]&"},
		{"s3cr/t", "within czNjci90KyB4", "within [redacted]KyB4"},
		{"\?\?\?>>>>", "either Pz8/Pj4+Pg== Pz8_Pj4-Pg", "either [redacted] [redacted]"},
		{"\?\?\?>>>>", "json Pz8\\/Pj4+Pg==", "json [redacted]"},
		{"a", "banana", "b[redacted]n[redacted]n[redacted]"},
		{"abc", "%41%42%43 is another", "%41%42%43 is another"},
	};

	CHECK(rows);
}

static void what_only_looks_like_a_secret_stays(void)
{
	static const struct row rows[] = {
		{"secret", "secre", "[redacted]"}, /* cut by somebody else */
		{"secret", "secre and more", "secre and more"},
		{"secret", "the sec", "the sec"},
		{"secret", "the secr", "the [redacted]"},
		{"secr/t", "the secr%2", "the [redacted]"},
		{"secr/t", "the secr\\u002", "the [redacted]"},
		{"secr/t", "the secr\\", "the [redacted]"},
		{"se/ret", "the se%2", "the se%2"},
		{"secret", "secr%zzt secr%2zt", "secr%zzt secr%2zt"},
		{"secret", "secr\\u00zzt secr\\xet", "secr\\u00zzt secr\\xet"},
		{"secret", "ssecret sesecret", "s[redacted] se[redacted]"},
		{"secret", "c2VjcmV", "[redacted]"}, /* base64, cut by somebody else */
		{"secret", "the c2V", "the c2V"},
		{"secret", "c2VjcmVu c2Vj", "c2VjcmVu [redacted]"},
		{"abc", "YWJj is base64 of something short", "YWJj is base64 of something short"},
		{"secret", "", ""},
	};

	CHECK(rows);
}

static void several_secrets_are_found_longest_first(void)
{
	CLEANUP(secret_free) struct secret *secret = NULL;
	struct redaction redaction = {0};
	char buffer[BUFFER_BYTES];

	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 0, 20), 0);
	redaction_add_secret(&redaction, NULL);
	redaction_add_secret(&redaction, secret); /* empty */
	CU_ASSERT_EQUAL(redaction.count, 0);
	CU_ASSERT_EQUAL(secret_append_string(secret, "token-and-more"), 0);
	redaction_add(&redaction, "token", 5);
	redaction_add_secret(&redaction, secret);
	redact(&redaction, "token-and-more token-and", 24, buffer, sizeof(buffer));
	CU_ASSERT_STRING_EQUAL(buffer, "[redacted] [redacted]");
	redact(&redaction, "token-and x", 11, buffer, sizeof(buffer));
	CU_ASSERT_STRING_EQUAL(buffer, "[redacted]-and x");
}

/* As a JSON Web Token that a server cuts; and what it could make us compare is bounded. */
static void a_long_beginning_of_a_secret_is_found_anywhere(void)
{
	char secret[1000];
	char text[1000];
	struct redaction redaction = {0};
	char buffer[BUFFER_BYTES];

	memset(secret, 's', sizeof(secret));
	memset(text, 's', sizeof(text));
	redaction_add(&redaction, secret, sizeof(secret));
	memcpy(text + 256, "... is old", 10);
	redact(&redaction, text, 266, buffer, sizeof(buffer));
	CU_ASSERT_STRING_EQUAL(buffer, "[redacted]... is old");
	memcpy(text, "no. ", 4);
	memcpy(text + 4 + 255, "...", 3);
	redact(&redaction, text, 4 + 258, buffer, sizeof(buffer));
	CU_ASSERT_EQUAL(strncmp(buffer, "no. ssss", 8), 0);
}

static void control_characters_and_broken_utf8_are_escaped(void)
{
	static const struct row rows[] = {
		{"x", "a\nb\r\t\x1b[31m\x7f", "a\\x0ab\\x0d\\x09\\x1b[31m\\x7f"},
		{"x", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x91",
		 "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x91"},
		{"x", "\xc2\x85\xc2\x9f\xc2\xa0", "\\xc2\\x85\\xc2\\x9f\xc2\xa0"},
		{"x", "\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6",
		 "\\xe2\\x80\\xa8\\xe2\\x80\\xae\\xe2\\x81\\xa6"},
		{"x", "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xaa",
		 "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xaa"},
		{"x", "\xff\xc3(\xc0\xaf", "\\xff\\xc3(\\xc0\\xaf"},
		{"x", "\xe0\x9f\xbf\xed\xa0\x80", "\\xe0\\x9f\\xbf\\xed\\xa0\\x80"},
		{"x", "\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf"},
		{"x", "\xf4\x90\x80\x80\xf5", "\\xf4\\x90\\x80\\x80\\xf5"},
		{"x", "\xe2\x82", "\\xe2\\x82"},
	};

	CHECK(rows);
	CU_ASSERT_STRING_EQUAL(clean_bytes("x", "a\0b", 3), "a\\x00b");
}

static void a_long_text_is_cut_between_characters(void)
{
	struct redaction none = {0};
	char buffer[16];

	redact(&none, "123456789012345", 15, buffer, sizeof(buffer));
	CU_ASSERT_STRING_EQUAL(buffer, "123456789012345");
	redact(&none, "1234567890123456", 16, buffer, sizeof(buffer));
	CU_ASSERT_STRING_EQUAL(buffer, "123456789012...");
	redact(&none, "12345678901\xe2\x82\xac_____", 19, buffer, sizeof(buffer));
	CU_ASSERT_STRING_EQUAL(buffer, "12345678901...");
	redact(&none, "1234567890\n_____", 16, buffer, sizeof(buffer));
	CU_ASSERT_STRING_EQUAL(buffer, "1234567890...");
}

/* A secret at every place around the cut: not one of its characters may be seen. */
static void no_part_of_a_secret_survives_at_the_cut(void)
{
	static const char secret[] = "SECRETSECRETSECRET";

	for (size_t offset = 0; offset < BUFFER_BYTES + 20; offset++) {
		char text[2 * BUFFER_BYTES + sizeof(secret)];
		const char *result;

		memset(text, '.', sizeof(text));
		memcpy(text + offset, secret, sizeof(secret) - 1);
		result = clean_bytes(secret, text, sizeof(text));
		CU_ASSERT_PTR_NULL(strpbrk(result, "SECRT"));
		CU_ASSERT(strlen(result) < BUFFER_BYTES);
		CU_ASSERT_STRING_EQUAL(result + strlen(result) - 3, "...");
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"every_way_to_write_a_secret_is_found", every_way_to_write_a_secret_is_found},
		{"what_only_looks_like_a_secret_stays", what_only_looks_like_a_secret_stays},
		{"several_secrets_are_found_longest_first",
		 several_secrets_are_found_longest_first},
		{"a_long_beginning_of_a_secret_is_found_anywhere",
		 a_long_beginning_of_a_secret_is_found_anywhere},
		{"control_characters_and_broken_utf8_are_escaped",
		 control_characters_and_broken_utf8_are_escaped},
		{"a_long_text_is_cut_between_characters", a_long_text_is_cut_between_characters},
		{"no_part_of_a_secret_survives_at_the_cut",
		 no_part_of_a_secret_survives_at_the_cut},
		CU_TEST_INFO_NULL,
	};

	return harness_run("redact", tests);
}
