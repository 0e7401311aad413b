/* SPDX-License-Identifier: MIT */
#include "httpd/access.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "harness.h"

#define ACCESS_TOKEN "0123456789abcdef"

static char proxy_name[] = "Tokens.Example.COM";
static char proxy_address[] = "[2001:db8::1]";
static char one_port[] = "status.example.com:8443";
static char *host_items[] = {proxy_name, proxy_address, one_port};
static const struct config_strings no_hosts;
static const struct config_strings hosts = {.items = host_items, .count = 3};

static const struct peer ipv4 = {.address = "127.0.0.1"};
static const struct peer ipv6 = {.address = "[::1]"};
static const struct peer nameless = {.address = ""};
static const struct peer local = {.is_unix = true, .uid = 1000};

static struct secret *new_secret(const char *text)
{
	struct secret *secret = NULL;

	CU_ASSERT_EQUAL_FATAL(secret_new(&secret, 64, 64), 0);
	CU_ASSERT_EQUAL_FATAL(secret_append_string(secret, text), 0);
	return secret;
}

/* 0: may pass, and the answer is untouched; else the status of the refusal. */
static unsigned status_of(bool may, struct answer *answer)
{
	CLEANUP(answer) struct answer held = *answer;

	CU_ASSERT_EQUAL(may, held.status == 0);
	CU_ASSERT_EQUAL(may, held.body == NULL);
	return held.status;
}

static unsigned check_host(const struct peer *peer, const struct config_strings *names,
			   const char *host, unsigned count)
{
	const struct access_rules rules = {.hosts = names};
	const struct request request = {.host = host, .host_count = count, .peer = peer};
	struct answer answer = {.status = 0};
	bool may = access_check_host(&rules, &request, &answer);

	return status_of(may, &answer);
}

static unsigned host_on(const struct peer *peer, const char *host)
{
	return check_host(peer, &no_hosts, host, 1);
}

static void localhost_and_the_address_in_use_are_ours_with_any_port(void)
{
	CU_ASSERT_EQUAL(host_on(&ipv4, "localhost"), 0);
	CU_ASSERT_EQUAL(host_on(&ipv4, "LocalHost:8437"), 0);
	CU_ASSERT_EQUAL(host_on(&ipv4, "127.0.0.1"), 0);
	CU_ASSERT_EQUAL(host_on(&ipv4, "127.0.0.1:1"), 0);
	CU_ASSERT_EQUAL(host_on(&ipv4, "127.0.0.1:65535"), 0);
	CU_ASSERT_EQUAL(host_on(&ipv6, "[::1]"), 0);
	CU_ASSERT_EQUAL(host_on(&ipv6, "[::1]:8437"), 0);
	CU_ASSERT_EQUAL(host_on(&ipv6, "localhost:8437"), 0);
}

static void another_address_is_not_ours(void)
{
	CU_ASSERT_EQUAL(host_on(&ipv4, "127.0.0.2"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv4, "[::1]"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv6, "127.0.0.1"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv6, "::1"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv6, "[::1"), 421);
}

static void a_name_that_only_contains_ours_is_another(void)
{
	CU_ASSERT_EQUAL(host_on(&ipv4, "localhost.evil"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv4, "evil.localhost"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv4, "localhos"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv4, "127.0.0.10"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv4, "127.0.0.1.evil:80"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv6, "[::1].evil"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv6, "[::1]evil:80"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv4, "user@localhost"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv4, "localhost/"), 421);
}

static void behind_the_colon_stands_a_port_or_nothing(void)
{
	CU_ASSERT_EQUAL(host_on(&ipv4, "localhost:"), 0); /* RFC 3986 3.2.3 */
	CU_ASSERT_EQUAL(host_on(&ipv4, "localhost:80a"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv4, "localhost:-1"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv4, "localhost:80:80"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv4, "localhost: 80"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv4, "localhost:000080"), 421);
	CU_ASSERT_EQUAL(host_on(&ipv6, "[::1]:evil"), 421);
}

static void an_empty_host_is_never_ours(void)
{
	CU_ASSERT_EQUAL(host_on(&ipv4, ""), 421);
	CU_ASSERT_EQUAL(host_on(&ipv4, ":8437"), 421);
	CU_ASSERT_EQUAL(host_on(&nameless, ""), 421);
	CU_ASSERT_EQUAL(host_on(&nameless, ":8437"), 421);
	CU_ASSERT_EQUAL(host_on(&nameless, "localhost"), 0);
}

static void configured_names_are_ours_in_any_case(void)
{
	CU_ASSERT_EQUAL(check_host(&ipv4, &hosts, "tokens.example.com", 1), 0);
	CU_ASSERT_EQUAL(check_host(&ipv4, &hosts, "TOKENS.EXAMPLE.COM:443", 1), 0);
	CU_ASSERT_EQUAL(check_host(&ipv4, &hosts, "[2001:DB8::1]:80", 1), 0);
	CU_ASSERT_EQUAL(check_host(&ipv4, &hosts, "example.com", 1), 421);
	CU_ASSERT_EQUAL(check_host(&ipv4, &hosts, "Status.example.com:8443", 1), 0);
	CU_ASSERT_EQUAL(check_host(&ipv4, &hosts, "status.example.com:8444", 1), 421);
	CU_ASSERT_EQUAL(check_host(&ipv4, &hosts, "status.example.com", 1), 421);
	CU_ASSERT_EQUAL(check_host(&ipv4, &hosts, "tokens.example.com.evil", 1), 421);
}

static void over_the_unix_socket_any_host_will_do_but_one_there_is(void)
{
	CU_ASSERT_EQUAL(host_on(&local, "whatever"), 0);
	CU_ASSERT_EQUAL(host_on(&local, ""), 0);
	CU_ASSERT_EQUAL(check_host(&local, &no_hosts, NULL, 0), 400);
	CU_ASSERT_EQUAL(check_host(&local, &no_hosts, "localhost", 2), 400);
	CU_ASSERT_EQUAL(check_host(&ipv4, &no_hosts, NULL, 0), 400);
	CU_ASSERT_EQUAL(check_host(&ipv4, &no_hosts, "localhost", 2), 400);
}

static void a_space_in_the_name_of_a_header_is_refused_whoever_asks(void)
{
	const struct access_rules rules = {.hosts = &no_hosts};
	const struct request request = {
		.host = "localhost", .host_count = 1, .has_odd_name = true, .peer = &local};
	struct answer answer = {.status = 0};
	bool may = access_check_host(&rules, &request, &answer);

	CU_ASSERT_EQUAL(status_of(may, &answer), 400);
}

/* --- who may ---------------------------------------------------------------------------------- */

struct call {
	const struct peer *peer;
	const char *authorization;
	unsigned authorization_count;
	bool has_token; /* access_token_file is configured */
};

static unsigned check_caller(const struct call *call, enum access access)
{
	CLEANUP(secret_free) struct secret *token = new_secret(ACCESS_TOKEN);
	const struct access_rules rules = {.hosts = &no_hosts,
					   .access_token = call->has_token ? token : NULL};
	const struct request request = {
		.authorization = call->authorization,
		.authorization_count = call->authorization_count,
		.peer = call->peer,
	};
	struct answer answer = {.status = 0};
	bool may = access_check_caller(&rules, &request, access, &answer);

	CU_ASSERT_EQUAL(answer.asks_for_token, answer.status == 401);
	if (access == ACCESS_COMMAND)
		CU_ASSERT_EQUAL(access_has_commands(&rules, &request), may);
	return status_of(may, &answer);
}

static unsigned with(const char *authorization)
{
	const struct call call = {&ipv4, authorization, authorization == NULL ? 0 : 1, true};

	CU_ASSERT_EQUAL(check_caller(&call, ACCESS_PUBLIC), 0);
	CU_ASSERT_EQUAL(check_caller(&call, ACCESS_READ), check_caller(&call, ACCESS_COMMAND));
	return check_caller(&call, ACCESS_READ);
}

static void over_the_unix_socket_everybody_may_ask(void)
{
	const struct call plain = {.peer = &local};
	const struct call configured = {.peer = &local, .has_token = true};

	CU_ASSERT_EQUAL(check_caller(&plain, ACCESS_READ), 0);
	CU_ASSERT_EQUAL(check_caller(&plain, ACCESS_COMMAND), 0);
	CU_ASSERT_EQUAL(check_caller(&configured, ACCESS_READ), 0);
	CU_ASSERT_EQUAL(check_caller(&configured, ACCESS_COMMAND), 0);
}

static void without_an_access_token_tcp_only_reads(void)
{
	const struct call plain = {.peer = &ipv4};
	const struct call guess = {&ipv4, "Bearer ", 1, false};

	CU_ASSERT_EQUAL(check_caller(&plain, ACCESS_PUBLIC), 0);
	CU_ASSERT_EQUAL(check_caller(&plain, ACCESS_READ), 0);
	CU_ASSERT_EQUAL(check_caller(&plain, ACCESS_COMMAND), 403);
	CU_ASSERT_EQUAL(check_caller(&guess, ACCESS_COMMAND), 403);
}

static void the_access_token_opens_with_its_scheme_in_any_case(void)
{
	CU_ASSERT_EQUAL(with("Bearer " ACCESS_TOKEN), 0);
	CU_ASSERT_EQUAL(with("bearer " ACCESS_TOKEN), 0);
	CU_ASSERT_EQUAL(with("BEARER " ACCESS_TOKEN), 0);
}

static void anything_but_the_whole_access_token_is_refused(void)
{
	CU_ASSERT_EQUAL(with(NULL), 401);
	CU_ASSERT_EQUAL(with(""), 401);
	CU_ASSERT_EQUAL(with("Bearer"), 401);
	CU_ASSERT_EQUAL(with("Bearer "), 401);
	CU_ASSERT_EQUAL(with("Bearer 0123456789abcde"), 401);
	CU_ASSERT_EQUAL(with("Bearer " ACCESS_TOKEN "0"), 401);
	CU_ASSERT_EQUAL(with("Bearer " ACCESS_TOKEN " "), 401);
	CU_ASSERT_EQUAL(with("Bearer 0123456789ABCDEF"), 401);
	CU_ASSERT_EQUAL(with("Bearer" ACCESS_TOKEN), 401);
	CU_ASSERT_EQUAL(with("Basic " ACCESS_TOKEN), 401);
	CU_ASSERT_EQUAL(with(ACCESS_TOKEN), 401);
}

static void two_authorizations_are_none(void)
{
	const struct call call = {&ipv4, "Bearer " ACCESS_TOKEN, 2, true};

	CU_ASSERT_EQUAL(check_caller(&call, ACCESS_READ), 401);
	CU_ASSERT_EQUAL(check_caller(&call, ACCESS_COMMAND), 401);
}

/* --- commands from other sites ---------------------------------------------------------------- */

static unsigned check_post(const char *host, const char *origin, const char *content_type,
			   bool has_body)
{
	const struct request request = {
		.host = host,
		.host_count = 1,
		.origin = origin,
		.content_type = content_type,
		.has_body = has_body,
		.peer = &ipv4,
	};
	struct answer answer = {.status = 0};
	bool may = access_check_post(&request, &answer);

	return status_of(may, &answer);
}

static unsigned from(const char *origin)
{
	return check_post("localhost:8437", origin, NULL, false);
}

static void a_command_comes_from_no_page_or_from_ours(void)
{
	CU_ASSERT_EQUAL(from(NULL), 0);
	CU_ASSERT_EQUAL(from("http://localhost:8437"), 0);
	CU_ASSERT_EQUAL(from("https://localhost:8437"), 0); /* a proxy in front speaks TLS */
	CU_ASSERT_EQUAL(from("HTTP://LOCALHOST:8437"), 0);
	CU_ASSERT_EQUAL(check_post("[::1]:8437", "http://[::1]:8437", NULL, false), 0);
}

static void a_page_of_another_site_is_refused(void)
{
	CU_ASSERT_EQUAL(from(""), 403);
	CU_ASSERT_EQUAL(from("null"), 403); /* of a sandboxed frame */
	CU_ASSERT_EQUAL(from("http://evil.example"), 403);
	CU_ASSERT_EQUAL(from("http://localhost"), 403);
	CU_ASSERT_EQUAL(from("http://localhost:8438"), 403);
	CU_ASSERT_EQUAL(from("http://localhost:84370"), 403);
	CU_ASSERT_EQUAL(from("http://localhost:8437.evil.example"), 403);
	CU_ASSERT_EQUAL(from("http://localhost:8437/"), 403);
	CU_ASSERT_EQUAL(from("http://localhost:8437@evil.example"), 403);
	CU_ASSERT_EQUAL(from("http://evil.example/http://localhost:8437"), 403);
	CU_ASSERT_EQUAL(from("ftp://localhost:8437"), 403);
	CU_ASSERT_EQUAL(from("localhost:8437"), 403);
	CU_ASSERT_EQUAL(from("http:localhost:8437"), 403);
}

static unsigned typed(const char *content_type)
{
	return check_post("localhost", NULL, content_type, false);
}

static void a_command_has_no_type_or_json(void)
{
	CU_ASSERT_EQUAL(typed(NULL), 0);
	CU_ASSERT_EQUAL(typed("application/json"), 0);
	CU_ASSERT_EQUAL(typed("Application/JSON"), 0);
	CU_ASSERT_EQUAL(typed("application/json; charset=utf-8"), 0);
	CU_ASSERT_EQUAL(typed("application/json;charset=utf-8"), 0);
	CU_ASSERT_EQUAL(typed("application/json\t; charset=utf-8"), 0);
}

/* The three types of a form, which a page may send anywhere without asking (CORS). */
static void what_a_form_can_send_is_refused(void)
{
	CU_ASSERT_EQUAL(typed("application/x-www-form-urlencoded"), 415);
	CU_ASSERT_EQUAL(typed("multipart/form-data; boundary=x"), 415);
	CU_ASSERT_EQUAL(typed("text/plain"), 415);
	CU_ASSERT_EQUAL(typed("text/plain; application/json"), 415);
	CU_ASSERT_EQUAL(typed("application/jsonx"), 415);
	CU_ASSERT_EQUAL(typed("application/json+ld"), 415);
	CU_ASSERT_EQUAL(typed("application/jso"), 415);
	CU_ASSERT_EQUAL(typed(""), 415);
}

static void a_command_has_no_body(void)
{
	CU_ASSERT_EQUAL(check_post("localhost", NULL, NULL, true), 413);
	CU_ASSERT_EQUAL(check_post("localhost", NULL, "application/json", true), 413);
	CU_ASSERT_EQUAL(check_post("localhost", NULL, "text/plain", true), 415);
	CU_ASSERT_EQUAL(check_post("localhost", "null", "text/plain", true), 403);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"localhost_and_the_address_in_use_are_ours_with_any_port",
		 localhost_and_the_address_in_use_are_ours_with_any_port},
		{"another_address_is_not_ours", another_address_is_not_ours},
		{"a_name_that_only_contains_ours_is_another",
		 a_name_that_only_contains_ours_is_another},
		{"behind_the_colon_stands_a_port_or_nothing",
		 behind_the_colon_stands_a_port_or_nothing},
		{"an_empty_host_is_never_ours", an_empty_host_is_never_ours},
		{"configured_names_are_ours_in_any_case", configured_names_are_ours_in_any_case},
		{"over_the_unix_socket_any_host_will_do_but_one_there_is",
		 over_the_unix_socket_any_host_will_do_but_one_there_is},
		{"a_space_in_the_name_of_a_header_is_refused_whoever_asks",
		 a_space_in_the_name_of_a_header_is_refused_whoever_asks},
		{"over_the_unix_socket_everybody_may_ask", over_the_unix_socket_everybody_may_ask},
		{"without_an_access_token_tcp_only_reads", without_an_access_token_tcp_only_reads},
		{"the_access_token_opens_with_its_scheme_in_any_case",
		 the_access_token_opens_with_its_scheme_in_any_case},
		{"anything_but_the_whole_access_token_is_refused",
		 anything_but_the_whole_access_token_is_refused},
		{"two_authorizations_are_none", two_authorizations_are_none},
		{"a_command_comes_from_no_page_or_from_ours",
		 a_command_comes_from_no_page_or_from_ours},
		{"a_page_of_another_site_is_refused", a_page_of_another_site_is_refused},
		{"a_command_has_no_type_or_json", a_command_has_no_type_or_json},
		{"what_a_form_can_send_is_refused", what_a_form_can_send_is_refused},
		{"a_command_has_no_body", a_command_has_no_body},
		CU_TEST_INFO_NULL,
	};

	return harness_run("access", tests);
}
