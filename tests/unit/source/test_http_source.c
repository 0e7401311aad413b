/* SPDX-License-Identifier: MIT */
#include "source/http_source.h"

#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "http_fixture.h"

static bool is_secret_backwards(const struct fixture *fixture, const struct secret *token)
{
	bool is_equal = token != NULL && token->length == SECRET_BYTES;

	for (size_t i = 0; i < SECRET_BYTES && is_equal; i++)
		is_equal = (char)(token->data[SECRET_BYTES - 1 - i] ^ MASK) ==
			   fixture->masked_secret[i];
	return is_equal;
}

static void a_good_server_gives_a_token(void)
{
	FIXTURE(fixture, "/ok");
	CLEANUP(result) struct result result = {0};

	ask(&fixture, &result, NULL);
	CU_ASSERT_EQUAL(result.outcome.reason, TOKEN_OK);
	CU_ASSERT_STRING_EQUAL(result.outcome.message.text, "");
	CU_ASSERT(is_secret_backwards(&fixture, result.outcome.token));
	CU_ASSERT(result.outcome.was_tried);
	CU_ASSERT_EQUAL(result.outcome.http_status, 200);
	CU_ASSERT_EQUAL(result.outcome.lifetime_ms, 3600000);
}

/* Each path of tiny_server.h that ends with a failure. */
static void every_failure_has_its_reason(void)
{
	static const struct {
		const char *path;
		enum token_reason reason;
		bool is_permanent;
		long http_status;
		int64_t retry_after_ms;
		const char *part;
	} rows[] = {
		{"/large", TOKEN_BAD_RESPONSE, false, 200, 0, "256 KiB"},
		{"/headers", TOKEN_BAD_RESPONSE, false, 200, 0, "headers"},
		{"/header", TOKEN_BAD_RESPONSE, false, 200, 0, "longer than 100 KB"},
		{"/interim", TOKEN_BAD_RESPONSE, false, 103, 0, "headers"},
		{"/reset", TOKEN_NETWORK, false, 0, 0, "reset"},
		{"/nothing", TOKEN_NETWORK, false, 0, 0, "Empty reply"},
		{"/half", TOKEN_NETWORK, false, 200, 0, ""},
		{"/rubbish", TOKEN_BAD_RESPONSE, false, 0, 0, "HTTP/0.9"},
		{"/redirect", TOKEN_HTTP, true, 301, 0, "redirect to http://127.0.0.1/ok,"},
		{"/busy", TOKEN_HTTP, false, 503, 30000, "503"},
		{"/early", TOKEN_HTTP, false, 503, 0, "503"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		FIXTURE(fixture, rows[i].path);
		CLEANUP(result) struct result result = {0};

		ask(&fixture, &result, NULL);
		CU_ASSERT_EQUAL(result.outcome.reason, rows[i].reason);
		CU_ASSERT_EQUAL(result.outcome.is_permanent, rows[i].is_permanent);
		CU_ASSERT_EQUAL(result.outcome.http_status, rows[i].http_status);
		CU_ASSERT_EQUAL(result.outcome.retry_after_ms, rows[i].retry_after_ms);
		CU_ASSERT_PTR_NOT_NULL(strstr(result.outcome.message.text, rows[i].part));
		CU_ASSERT_STRING_NOT_EQUAL(result.outcome.message.text, "");
		CU_ASSERT_PTR_NULL(result.outcome.token);
		CU_ASSERT(result.outcome.was_tried);
	}
}

static void a_silent_server_runs_into_the_timeout(void)
{
	FIXTURE(fixture, "/stall");
	CLEANUP(result) struct result result = {0};

	fixture.config.request_timeout_s = 1;
	ask(&fixture, &result, NULL);
	CU_ASSERT_EQUAL(result.outcome.reason, TOKEN_TIMEOUT);
	CU_ASSERT(result.outcome.duration_ms >= 900 && result.outcome.duration_ms < 5000);
	CU_ASSERT(result.outcome.was_tried);
}

static void a_closed_port_is_a_network_failure_and_counts_as_a_request(void)
{
	FIXTURE(fixture, "/ok");
	CLEANUP(result) struct result result = {0};
	unsigned port;

	(void)close(tiny_server_listen(&port)); /* nobody listens there any more */
	(void)snprintf(fixture.url, sizeof(fixture.url), "http://127.0.0.1:%u/ok", port);
	ask(&fixture, &result, NULL);
	CU_ASSERT_EQUAL(result.outcome.reason, TOKEN_NETWORK);
	CU_ASSERT(result.outcome.was_tried);
	CU_ASSERT_EQUAL(result.outcome.http_status, 0);
	CU_ASSERT_STRING_NOT_EQUAL(result.outcome.hint, "");
}

static void a_server_without_tls_is_a_tls_failure_and_counts_as_a_request(void)
{
	FIXTURE(fixture, "/ok");
	CLEANUP(result) struct result no_tls = {0};
	CLEANUP(result) struct result no_authorities = {0};

	(void)snprintf(fixture.url, sizeof(fixture.url), "https://127.0.0.1:%u/ok",
		       fixture.server.port);
	ask(&fixture, &no_tls, NULL);
	CU_ASSERT_EQUAL(no_tls.outcome.reason, TOKEN_TLS);
	CU_ASSERT(no_tls.outcome.was_tried);
	CU_ASSERT_FALSE(no_tls.outcome.is_permanent);

	fixture.config.ca_file = TEXT("/nonexistent/ca.pem");
	ask(&fixture, &no_authorities, NULL);
	CU_ASSERT_EQUAL(no_authorities.outcome.reason, TOKEN_TLS);
	CU_ASSERT_PTR_NOT_NULL(strstr(no_authorities.outcome.message.text, "/nonexistent/ca.pem"));
	CU_ASSERT_PTR_NOT_NULL(strstr(no_authorities.outcome.hint, "ca_file"));
}

/* libcurl would wait for whoever writes into it, and with it the loop. */
static void a_fifo_as_authorities_is_a_tls_failure_at_once(void)
{
	FIXTURE(fixture, "/ok");
	CLEANUP(result) struct result result = {0};
	char path[sizeof(fixture.secret_path) + sizeof(".fifo")];

	(void)snprintf(path, sizeof(path), "%s.fifo", fixture.secret_path);
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	(void)snprintf(fixture.url, sizeof(fixture.url), "https://127.0.0.1:%u/ok",
		       fixture.server.port);
	fixture.config.ca_file = path;
	ask(&fixture, &result, NULL);
	(void)unlink(path);
	CU_ASSERT_EQUAL(result.outcome.reason, TOKEN_TLS);
	CU_ASSERT_FALSE(result.outcome.was_tried);
	CU_ASSERT_PTR_NOT_NULL(strstr(result.outcome.message.text, "is not a regular file"));
}

static void cleartext_needs_permission_and_a_loopback_address(void)
{
	FIXTURE(fixture, "/ok");
	CLEANUP(result) struct result refused = {0};
	CLEANUP(result) struct result foreign = {0};

	fixture.config.allow_http = false;
	ask(&fixture, &refused, NULL);
	CU_ASSERT_NOT_EQUAL(refused.outcome.reason, TOKEN_OK);
	CU_ASSERT_FALSE(refused.outcome.was_tried);
	fixture.config.allow_http = true;
	fixture.config.token_url = TEXT("http://192.0.2.1/ok"); /* RFC 5737: nobody's */
	ask(&fixture, &foreign, NULL);
	CU_ASSERT_EQUAL(foreign.outcome.reason, TOKEN_NETWORK);
	CU_ASSERT_FALSE(foreign.outcome.was_tried);
	CU_ASSERT_PTR_NOT_NULL(strstr(foreign.outcome.message.text, "loopback addresses only"));
}

static void only_a_configured_proxy_is_used(void)
{
	FIXTURE(fixture, "/ok");
	CLEANUP(result) struct result direct = {0};
	CLEANUP(result) struct result through_proxy = {0};
	char proxy[64];

	CU_ASSERT_EQUAL(setenv("http_proxy", "http://127.0.0.1:1/", 1), 0);
	ask(&fixture, &direct, NULL);
	CU_ASSERT_EQUAL(unsetenv("http_proxy"), 0);
	CU_ASSERT_EQUAL(direct.outcome.reason, TOKEN_OK);

	(void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", fixture.server.port);
	fixture.config.proxy = proxy;
	fixture.config.token_url = TEXT("http://192.0.2.1/ok");
	CU_ASSERT_EQUAL(setenv("no_proxy", "192.0.2.1", 1), 0);
	ask(&fixture, &through_proxy, NULL);
	CU_ASSERT_EQUAL(unsetenv("no_proxy"), 0);
	CU_ASSERT_EQUAL(through_proxy.outcome.reason, TOKEN_OK);
}

static void what_a_server_repeats_is_redacted(void)
{
	FIXTURE(fixture, "/echo");

	for (int auth = CONFIG_CLIENT_AUTH_POST; auth <= CONFIG_CLIENT_AUTH_BASIC_RAW; auth++) {
		CLEANUP(result) struct result result = {0};
		bool is_post = auth == CONFIG_CLIENT_AUTH_POST;

		fixture.config.client_auth = (enum config_client_auth)auth;
		ask(&fixture, &result, NULL);
		CU_ASSERT_EQUAL(result.outcome.reason, TOKEN_INVALID_CLIENT);
		CU_ASSERT_STRING_EQUAL(
			result.outcome.message.text,
			is_post ? "HTTP 401: invalid_client: grant_type=client_credentials"
				  "&client_id=id&client_secret=[redacted] "
				: "HTTP 401: invalid_client: grant_type=client_credentials "
				  "Authorization: Basic [redacted]");
	}
}

static void what_a_server_tells_of_a_token_that_the_broker_holds_is_redacted(void)
{
	FIXTURE(fixture, "/echo");
	CLEANUP(result) struct result fetched = {.known_token = "credentials"};
	CLEANUP(result) struct result revoked = {.known_token = "access"};

	fixture.config.client_auth = CONFIG_CLIENT_AUTH_POST;
	ask(&fixture, &fetched, NULL);
	CU_ASSERT_STRING_EQUAL(fetched.outcome.message.text,
			       "HTTP 401: invalid_client: grant_type=client_[redacted]"
			       "&client_id=id&client_secret=[redacted] ");
	ask(&fixture, &revoked, "t0ken");
	CU_ASSERT_STRING_EQUAL(revoked.outcome.message.text,
			       "HTTP 401: invalid_client: token=[redacted]"
			       "&token_type_hint=[redacted]_token&client_id=id"
			       "&client_secret=[redacted] ");
}

static void a_revocation_is_sent_and_understood(void)
{
	FIXTURE(fixture, "/revoked");
	FIXTURE(stubborn, "/unsupported");
	FIXTURE(talkative, "/echo");
	CLEANUP(result) struct result revoked = {0};
	CLEANUP(result) struct result given_up = {0};
	CLEANUP(result) struct result echoed = {0};

	ask(&fixture, &revoked, "t0ken");
	CU_ASSERT_EQUAL(revoked.outcome.reason, TOKEN_OK);
	ask(&stubborn, &given_up, "t0ken");
	CU_ASSERT_EQUAL(given_up.outcome.reason, TOKEN_OAUTH_OTHER);
	CU_ASSERT(given_up.outcome.is_permanent);
	ask(&talkative, &echoed, "t0ken");
	CU_ASSERT_STRING_EQUAL(echoed.outcome.message.text,
			       "HTTP 401: invalid_client: token=[redacted]"
			       "&token_type_hint=access_token&client_id=id"
			       "&client_secret=[redacted] ");
	CU_ASSERT_FALSE(echoed.outcome.is_permanent);
}

static void an_unreadable_secret_is_an_outcome_from_the_loop(void)
{
	FIXTURE(fixture, "/ok");
	CLEANUP(result) struct result result = {0};
	CLEANUP(result) struct result healed = {0};

	CU_ASSERT_EQUAL(chmod(fixture.secret_path, 0644), 0);
	ask(&fixture, &result, NULL);
	CU_ASSERT_EQUAL(result.outcome.reason, TOKEN_SECRET_UNREADABLE);
	CU_ASSERT_FALSE(result.outcome.was_tried);
	CU_ASSERT_PTR_NOT_NULL(strstr(result.outcome.message.text, "chmod 0400"));
	CU_ASSERT_EQUAL(chmod(fixture.secret_path, 0400), 0);
	ask(&fixture, &healed, NULL); /* it is read afresh for every request */
	CU_ASSERT_EQUAL(healed.outcome.reason, TOKEN_OK);
}

/* The broker looks at its tokens only after an event that is not one of these. */
static void no_inner_event_brings_an_outcome(void)
{
	FIXTURE(fixture, "/ok");
	CLEANUP(result) struct result result = {0};
	unsigned inner = 0;

	(void)begin(&fixture, &result, NULL);
	for (unsigned turns = 0; result.calls == 0 && turns < 1000; turns++) {
		const uint64_t before = fixture.source->inner_events;

		CU_ASSERT_FATAL(sd_event_run(fixture.event, PATIENCE_MS * 1000) > 0);
		if (fixture.source->inner_events == before)
			continue;
		inner++;
		CU_ASSERT_EQUAL(fixture.source->inner_events, before + 1);
		CU_ASSERT_EQUAL(result.calls, 0);
	}
	CU_ASSERT_EQUAL(result.outcome.reason, TOKEN_OK);
	CU_ASSERT(inner >= 2);
}

static void a_cancelled_request_is_never_heard_of_again(void)
{
	FIXTURE(fixture, "/stall");
	CLEANUP(result) struct result cancelled = {0};
	CLEANUP(result) struct result unreadable = {0};
	CLEANUP(result) struct result other = {0};
	struct source_request *request = begin(&fixture, &cancelled, NULL);

	for (int i = 0; i < 5; i++) /* long enough to be in flight */
		CU_ASSERT(sd_event_run(fixture.event, 20000) >= 0);
	token_source_cancel(fixture.source, request);
	fixture.config.client_secret_file = TEXT("/nonexistent/secret");
	token_source_cancel(fixture.source, begin(&fixture, &unreadable, NULL));
	token_source_cancel(fixture.source, NULL);

	fixture.config.client_secret_file = NULL;
	(void)snprintf(fixture.url, sizeof(fixture.url), "http://127.0.0.1:%u/ok",
		       fixture.server.port);
	ask(&fixture, &other, NULL);
	CU_ASSERT_EQUAL(other.outcome.reason, TOKEN_OK);
	CU_ASSERT_EQUAL(cancelled.calls, 0);
	CU_ASSERT_EQUAL(unreadable.calls, 0);
}

/* Leaves a request in each state behind; the leak checker looks at the rest. */
static void freeing_the_source_cancels_everything(void)
{
	FIXTURE(fixture, "/stall");
	CLEANUP(result) struct result in_flight = {0};
	CLEANUP(result) struct result unreadable = {0};

	(void)begin(&fixture, &in_flight, NULL);
	CU_ASSERT(sd_event_run(fixture.event, 20000) >= 0);
	fixture.config.client_secret_file = TEXT("/nonexistent/secret");
	(void)begin(&fixture, &unreadable, NULL);
	token_source_free(fixture.source);
	fixture.source = NULL;
	for (int i = 0; i < 3; i++)
		CU_ASSERT(sd_event_run(fixture.event, 1000) >= 0);
	CU_ASSERT_EQUAL(in_flight.calls + unreadable.calls, 0);
}

static void many_requests_run_side_by_side(void)
{
	enum { REQUESTS = 16 };
	FIXTURE(fixture, "/ok");
	struct result results[REQUESTS] = {0};

	for (size_t i = 0; i < REQUESTS; i++)
		(void)begin(&fixture, &results[i], NULL);
	for (size_t i = 0; i < REQUESTS; i++) {
		run_until(&fixture, &results[i].calls, 1);
		CU_ASSERT_EQUAL(results[i].outcome.reason, TOKEN_OK);
		cleanup_result(&results[i]);
	}
}

/* What a broker may do when it hears of an outcome. */
struct chain {
	struct fixture *fixture;
	struct source_request *victim;
	struct result next;
	int calls;
};

static void on_chain(struct source_request *request, struct source_outcome *outcome, void *userdata)
{
	struct chain *chain = userdata;

	(void)request;
	chain->calls++;
	secret_free(outcome->token);
	token_source_cancel(chain->fixture->source, chain->victim);
	(void)begin(chain->fixture, &chain->next, NULL);
}

static void a_callback_may_start_and_cancel_requests(void)
{
	FIXTURE(fixture, "/ok");
	CLEANUP(result) struct result victim = {0};
	struct chain chain = {.fixture = &fixture};
	struct config_token config = fixture.config;
	struct source_call call = {.config = &config, .done = on_chain, .userdata = &chain};
	struct source_request *request = NULL;

	config.token_url = fixture.url;
	config.client_secret_file = TEXT("/nonexistent/secret"); /* ends before the victim */
	CU_ASSERT_EQUAL_FATAL(token_source_fetch(fixture.source, &call, &request), 0);
	chain.victim = begin(&fixture, &victim, NULL);
	run_until(&fixture, &chain.next.calls, 1);
	CU_ASSERT_EQUAL(chain.calls, 1);
	CU_ASSERT_EQUAL(chain.next.outcome.reason, TOKEN_OK);
	CU_ASSERT_EQUAL(victim.calls, 0);
	cleanup_result(&chain.next);
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(a_good_server_gives_a_token),
		TEST(every_failure_has_its_reason),
		TEST(a_silent_server_runs_into_the_timeout),
		TEST(a_closed_port_is_a_network_failure_and_counts_as_a_request),
		TEST(a_server_without_tls_is_a_tls_failure_and_counts_as_a_request),
		TEST(a_fifo_as_authorities_is_a_tls_failure_at_once),
		TEST(cleartext_needs_permission_and_a_loopback_address),
		TEST(only_a_configured_proxy_is_used),
		TEST(what_a_server_repeats_is_redacted),
		TEST(what_a_server_tells_of_a_token_that_the_broker_holds_is_redacted),
		TEST(a_revocation_is_sent_and_understood),
		TEST(an_unreadable_secret_is_an_outcome_from_the_loop),
		TEST(no_inner_event_brings_an_outcome),
		TEST(a_cancelled_request_is_never_heard_of_again),
		TEST(freeing_the_source_cancels_everything),
		TEST(many_requests_run_side_by_side),
		TEST(a_callback_may_start_and_cancel_requests),
		CU_TEST_INFO_NULL,
	};

	return harness_run("http_source", tests);
}
