/* SPDX-License-Identifier: MIT */
#include "source/oauth_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "harness.h"

/* The configuration owns its strings and so has no const; nobody writes to these. */
#define TEXT(string) ((char *)(string))

static struct config_token plain_config(void)
{
	return (struct config_token){
		.client_id = TEXT("id"),
		.client_auth = CONFIG_CLIENT_AUTH_POST,
		.scope = TEXT(""),
		.audience = TEXT(""),
	};
}

static struct secret *secret_of(const char *string)
{
	struct secret *secret;

	if (secret_new(&secret, 0, 1 << 20) < 0 || secret_append_string(secret, string) < 0)
		abort();
	return secret;
}

static void check_body(const struct config_token *config, const char *client_secret,
		       const char *expected)
{
	CLEANUP(secret_free) struct secret *secret = secret_of(client_secret);
	CLEANUP(oauth_request_fini) struct oauth_request request = {0};

	CU_ASSERT_EQUAL_FATAL(oauth_request_for_token(&request, config, secret), 0);
	CU_ASSERT_STRING_EQUAL(request.body->data, expected);
	CU_ASSERT_EQUAL(request.body->length, strlen(expected));
	CU_ASSERT_EQUAL(request.authorization == NULL,
			config->client_auth == CONFIG_CLIENT_AUTH_POST);
}

static void check_authorization(enum config_client_auth auth, const char *client_id,
				const char *client_secret, const char *expected)
{
	CLEANUP(secret_free) struct secret *secret = secret_of(client_secret);
	CLEANUP(oauth_request_fini) struct oauth_request request = {0};
	struct config_token config = plain_config();

	config.client_auth = auth;
	config.client_id = TEXT(client_id);
	CU_ASSERT_EQUAL_FATAL(oauth_request_for_token(&request, &config, secret), 0);
	CU_ASSERT_STRING_EQUAL(request.authorization->data, expected);
}

static void post_puts_id_and_secret_into_the_body(void)
{
	struct config_token config = plain_config();

	check_body(&config, "secret",
		   "grant_type=client_credentials&client_id=id&client_secret=secret");
}

static void basic_leaves_them_out_of_the_body(void)
{
	struct config_token config = plain_config();

	config.client_auth = CONFIG_CLIENT_AUTH_BASIC;
	check_body(&config, "secret", "grant_type=client_credentials");
	config.client_auth = CONFIG_CLIENT_AUTH_BASIC_RAW;
	check_body(&config, "secret", "grant_type=client_credentials");
}

static void everything_but_letters_digits_and_three_signs_is_encoded(void)
{
	struct config_token config = plain_config();

	config.client_id = TEXT("A-z.0_9~*");
	check_body(&config, " %&+=/?\"\xc2\xa3\xe2\x82\xac",
		   "grant_type=client_credentials&client_id=A-z.0_9%7E%2A"
		   "&client_secret=+%25%26%2B%3D%2F%3F%22%C2%A3%E2%82%AC");
}

static void all_that_is_configured_is_sent_in_order(void)
{
	char *resources[] = {TEXT("https://a.example/x?y=1"), TEXT(""), TEXT("urn:b")};
	struct config_parameter parameters[] = {
		{TEXT("prompt it"), TEXT("a&b")},
		{TEXT("nothing"), TEXT("")},
		{TEXT("last"), TEXT("1")},
	};
	struct config_token config = plain_config();

	config.scope = TEXT("read write");
	config.audience = TEXT("https://api");
	config.resources = (struct config_strings){resources, 3};
	config.parameters = parameters;
	config.parameter_count = 3;
	check_body(&config, "s",
		   "grant_type=client_credentials&scope=read+write&audience=https%3A%2F%2Fapi"
		   "&resource=https%3A%2F%2Fa.example%2Fx%3Fy%3D1&resource=urn%3Ab"
		   "&prompt+it=a%26b&last=1&client_id=id&client_secret=s");
}

static void an_empty_parameter_is_left_out(void)
{
	struct config_token config = plain_config();

	config.client_id = TEXT("");
	check_body(&config, "s", "grant_type=client_credentials&client_secret=s");
}

/* RFC 6749 2.3.1 has the first pair as its example; the others were made with base64(1). */
static void basic_encodes_each_part_first_and_basic_raw_does_not(void)
{
	check_authorization(CONFIG_CLIENT_AUTH_BASIC, "s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw",
			    "Authorization: Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
	check_authorization(CONFIG_CLIENT_AUTH_BASIC, "a b", "c/d", /* a+b:c%2Fd */
			    "Authorization: Basic YStiOmMlMkZk");
	check_authorization(CONFIG_CLIENT_AUTH_BASIC_RAW, "a b", "c/d", /* a b:c/d */
			    "Authorization: Basic YSBiOmMvZA==");
	check_authorization(CONFIG_CLIENT_AUTH_BASIC_RAW, "a", "b", /* a:b */
			    "Authorization: Basic YTpi");
}

static void both_forms_of_the_credentials_are_there_to_be_redacted(void)
{
	CLEANUP(secret_free) struct secret *secret = secret_of("c/d");
	CLEANUP(oauth_request_fini) struct oauth_request request = {0};
	struct config_token config = plain_config();

	config.client_id = TEXT("a b");
	CU_ASSERT_EQUAL_FATAL(oauth_request_for_token(&request, &config, secret), 0);
	CU_ASSERT_STRING_EQUAL(request.credentials_raw->data, "YSBiOmMvZA==");
	CU_ASSERT_STRING_EQUAL(request.credentials_encoded->data, "YStiOmMlMkZk");
}

static void a_revocation_names_the_token_and_what_it_is(void)
{
	CLEANUP(secret_free) struct secret *secret = secret_of("s");
	CLEANUP(secret_free) struct secret *token = secret_of("t/1=");
	struct config_token config = plain_config();

	config.scope = TEXT("read");
	for (int auth = CONFIG_CLIENT_AUTH_POST; auth <= CONFIG_CLIENT_AUTH_BASIC_RAW; auth++) {
		CLEANUP(oauth_request_fini) struct oauth_request request = {0};
		bool is_post = auth == CONFIG_CLIENT_AUTH_POST;

		config.client_auth = (enum config_client_auth)auth;
		CU_ASSERT_EQUAL_FATAL(
			oauth_request_for_revocation(&request, &config, secret, token), 0);
		CU_ASSERT_STRING_EQUAL(
			request.body->data,
			is_post ? "token=t%2F1%3D&token_type_hint=access_token&client_id=id"
				  "&client_secret=s"
				: "token=t%2F1%3D&token_type_hint=access_token");
		CU_ASSERT_EQUAL(request.authorization == NULL, is_post);
	}
}

static void the_longest_token_fits_and_absurd_ones_do_not(void)
{
	CLEANUP(secret_free) struct secret *secret = secret_of("s");
	CLEANUP(secret_free) struct secret *token = secret_of("");
	CLEANUP(oauth_request_fini) struct oauth_request request = {0};
	struct oauth_request untouched = {0};
	struct config_token config = plain_config();

	for (int i = 0; i < 61440; i++) /* each becomes three bytes */
		CU_ASSERT_EQUAL_FATAL(secret_append(token, "/", 1), 0);
	CU_ASSERT_EQUAL(oauth_request_for_revocation(&request, &config, secret, token), 0);
	CU_ASSERT_EQUAL(strncmp(request.body->data, "token=%2F%2F", 12), 0);
	for (int i = 0; i < 61440; i++)
		CU_ASSERT_EQUAL_FATAL(secret_append(token, "/", 1), 0);
	CU_ASSERT_EQUAL(oauth_request_for_revocation(&untouched, &config, secret, token),
			-EMSGSIZE);
	CU_ASSERT_PTR_NULL(untouched.body);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"post_puts_id_and_secret_into_the_body", post_puts_id_and_secret_into_the_body},
		{"basic_leaves_them_out_of_the_body", basic_leaves_them_out_of_the_body},
		{"everything_but_letters_digits_and_three_signs_is_encoded",
		 everything_but_letters_digits_and_three_signs_is_encoded},
		{"all_that_is_configured_is_sent_in_order",
		 all_that_is_configured_is_sent_in_order},
		{"an_empty_parameter_is_left_out", an_empty_parameter_is_left_out},
		{"basic_encodes_each_part_first_and_basic_raw_does_not",
		 basic_encodes_each_part_first_and_basic_raw_does_not},
		{"both_forms_of_the_credentials_are_there_to_be_redacted",
		 both_forms_of_the_credentials_are_there_to_be_redacted},
		{"a_revocation_names_the_token_and_what_it_is",
		 a_revocation_names_the_token_and_what_it_is},
		{"the_longest_token_fits_and_absurd_ones_do_not",
		 the_longest_token_fits_and_absurd_ones_do_not},
		CU_TEST_INFO_NULL,
	};

	return harness_run("oauth_request", tests);
}
