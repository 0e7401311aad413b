/* SPDX-License-Identifier: MIT */
#include "source/http_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "harness.h"
#include "source/wipe_heap.h"
#include "tiny_server.h"

enum {
	SECRET_BYTES = 40,
	MASK = 0x80, /* no byte of a secret has this bit */
	PATIENCE_MS = 10000,
};

/* How a request ended. */
struct result {
	int calls;
	struct source_request *request;
	struct source_outcome outcome;
};

struct fixture {
	struct tiny_server server;
	sd_event *event;
	struct token_source *source;
	struct config_token config;
	char url[64];
	char secret_path[64];
	char masked_secret[SECRET_BYTES]; /* so that the test itself keeps no copy */
};

/* The configuration owns its strings and so has no const; nobody writes to these. */
#define TEXT(string) ((char *)(string))

static void write_secret(struct fixture *fixture)
{
	static const char digits[] = "0123456789abcdef";
	CLEANUP(close_fd) int random = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	CLEANUP(close_fd) int fd = mkostemp(fixture->secret_path, O_CLOEXEC);

	if (read(random, fixture->masked_secret, SECRET_BYTES) != SECRET_BYTES)
		abort();
	for (size_t i = 0; i < SECRET_BYTES; i++) {
		char c = digits[fixture->masked_secret[i] & 15];

		if (write(fd, &c, 1) != 1)
			abort();
		fixture->masked_secret[i] = (char)(c ^ MASK);
	}
}

static struct fixture start(const char *path)
{
	struct fixture fixture = {
		.secret_path = "/tmp/test_http_source.XXXXXX",
		.config =
			{
				.provider = TEXT("none"),
				.revoke_url = TEXT(""),
				.client_id = TEXT("id"),
				.scope = TEXT(""),
				.audience = TEXT(""),
				.ca_file = TEXT(""),
				.proxy = TEXT(""),
				.connect_timeout_s = 5,
				.request_timeout_s = 5,
				.allow_http = true,
			},
	};
	struct http_source_settings settings = {
		.user_agent = "tokenbroker/test",
		.secret_rules = {.uid = geteuid(), .gid = getegid()},
	};

	tiny_server_start(&fixture.server);
	write_secret(&fixture);
	(void)snprintf(fixture.url, sizeof(fixture.url), "http://127.0.0.1:%u%s",
		       fixture.server.port, path);
	if (sd_event_new(&fixture.event) < 0 ||
	    http_source_new(&fixture.source, fixture.event, &settings) < 0)
		abort();
	return fixture;
}

static void cleanup_fixture(struct fixture *fixture)
{
	token_source_free(fixture->source);
	sd_event_unref(fixture->event);
	tiny_server_stop(&fixture->server);
	(void)unlink(fixture->secret_path);
}

#define FIXTURE(name, path) CLEANUP(fixture) struct fixture name = start(path)

static void cleanup_result(struct result *result)
{
	secret_free(result->outcome.token);
}

static void on_done(struct source_request *request, struct source_outcome *outcome, void *userdata)
{
	struct result *result = userdata;

	result->calls++;
	result->request = request;
	result->outcome = *outcome;
}

/* The configuration as it would be lent by its owner, who may free it at once. */
static struct source_request *begin(struct fixture *fixture, struct result *result,
				    const char *token)
{
	struct config_token config = fixture->config;
	struct source_call call = {
		.config = &config, .epoch = 42, .done = on_done, .userdata = result};
	struct source_request *request = NULL;

	if (config.token_url == NULL)
		config.token_url = fixture->url;
	if (config.client_secret_file == NULL)
		config.client_secret_file = fixture->secret_path;
	if (token != NULL) {
		config.revoke_url = fixture->url;
		CU_ASSERT_EQUAL_FATAL(
			token_source_revoke(fixture->source, &call, token, strlen(token), &request),
			0);
	} else {
		CU_ASSERT_EQUAL_FATAL(token_source_fetch(fixture->source, &call, &request), 0);
	}
	CU_ASSERT_EQUAL(result->calls, 0);
	return request;
}

static void run_until(struct fixture *fixture, const int *calls, int wanted)
{
	int64_t deadline_ms = clock_boottime_ms() + PATIENCE_MS;

	while (*calls < wanted && clock_boottime_ms() < deadline_ms)
		CU_ASSERT_FATAL(sd_event_run(fixture->event, 100000) >= 0);
	CU_ASSERT_EQUAL(*calls, wanted);
}

/* One request from start to end. */
static void ask(struct fixture *fixture, struct result *result, const char *token)
{
	struct source_request *request = begin(fixture, result, token);

	run_until(fixture, &result->calls, 1);
	CU_ASSERT_PTR_EQUAL(result->request, request);
	CU_ASSERT_EQUAL(result->outcome.epoch, 42);
	CU_ASSERT(result->outcome.finished_boottime_ns >= result->outcome.sent_boottime_ns);
	CU_ASSERT(result->outcome.sent_realtime_ns > 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(result->outcome.hint);
}

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
	CU_ASSERT(result.outcome.was_sent);
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
		CU_ASSERT(result.outcome.was_sent);
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
	CU_ASSERT(result.outcome.was_sent);
}

static void a_closed_port_is_a_network_failure_and_nothing_was_sent(void)
{
	FIXTURE(fixture, "/ok");
	CLEANUP(result) struct result result = {0};
	unsigned port;

	(void)close(tiny_server_listen(&port)); /* nobody listens there any more */
	(void)snprintf(fixture.url, sizeof(fixture.url), "http://127.0.0.1:%u/ok", port);
	ask(&fixture, &result, NULL);
	CU_ASSERT_EQUAL(result.outcome.reason, TOKEN_NETWORK);
	CU_ASSERT_FALSE(result.outcome.was_sent);
	CU_ASSERT_EQUAL(result.outcome.http_status, 0);
	CU_ASSERT_STRING_NOT_EQUAL(result.outcome.hint, "");
}

static void a_server_without_tls_is_a_tls_failure_and_nothing_was_sent(void)
{
	FIXTURE(fixture, "/ok");
	CLEANUP(result) struct result no_tls = {0};
	CLEANUP(result) struct result no_authorities = {0};

	(void)snprintf(fixture.url, sizeof(fixture.url), "https://127.0.0.1:%u/ok",
		       fixture.server.port);
	ask(&fixture, &no_tls, NULL);
	CU_ASSERT_EQUAL(no_tls.outcome.reason, TOKEN_TLS);
	CU_ASSERT_FALSE(no_tls.outcome.was_sent);
	CU_ASSERT_FALSE(no_tls.outcome.is_permanent);

	fixture.config.ca_file = TEXT("/nonexistent/ca.pem");
	ask(&fixture, &no_authorities, NULL);
	CU_ASSERT_EQUAL(no_authorities.outcome.reason, TOKEN_TLS);
	CU_ASSERT_PTR_NOT_NULL(strstr(no_authorities.outcome.message.text, "/nonexistent/ca.pem"));
	CU_ASSERT_PTR_NOT_NULL(strstr(no_authorities.outcome.hint, "ca_file"));
}

static void cleartext_needs_permission_and_a_loopback_address(void)
{
	FIXTURE(fixture, "/ok");
	CLEANUP(result) struct result refused = {0};
	CLEANUP(result) struct result foreign = {0};

	fixture.config.allow_http = false;
	ask(&fixture, &refused, NULL);
	CU_ASSERT_NOT_EQUAL(refused.outcome.reason, TOKEN_OK);
	CU_ASSERT_FALSE(refused.outcome.was_sent);
	fixture.config.allow_http = true;
	fixture.config.token_url = TEXT("http://192.0.2.1/ok"); /* RFC 5737: nobody's */
	ask(&fixture, &foreign, NULL);
	CU_ASSERT_EQUAL(foreign.outcome.reason, TOKEN_NETWORK);
	CU_ASSERT_FALSE(foreign.outcome.was_sent);
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
	CU_ASSERT_FALSE(result.outcome.was_sent);
	CU_ASSERT_PTR_NOT_NULL(strstr(result.outcome.message.text, "chmod 0400"));
	CU_ASSERT_EQUAL(chmod(fixture.secret_path, 0400), 0);
	ask(&fixture, &healed, NULL); /* it is read afresh for every request */
	CU_ASSERT_EQUAL(healed.outcome.reason, TOKEN_OK);
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

/* Half a secret is a find, too. */
static size_t count_masked(const char *memory, size_t size, const char *masked, int direction)
{
	enum { HALF = SECRET_BYTES / 2 };
	size_t count = 0;

	for (size_t at = 0; at + HALF <= size; at++) {
		size_t same = 0;

		while (same < HALF &&
		       (char)(memory[at + same] ^ MASK) == masked[direction * (int)same])
			same++;
		count += same == HALF;
	}
	return count;
}

/* Looks for both ends of the secret, forwards and backwards, in one mapping. */
static size_t count_in_mapping(int memory_fd, unsigned long start, unsigned long end,
			       const char *masked, char *buffer, size_t buffer_bytes)
{
	size_t size = end - start;
	const char *last = masked + SECRET_BYTES - 1;

	if ((start <= (unsigned long)buffer && (unsigned long)buffer < end) || size > buffer_bytes)
		return 0;
	if (pread(memory_fd, buffer, size, (off_t)start) != (ssize_t)size)
		return 0; /* [vvar] and the like */
	return count_masked(buffer, size, masked, 1) +
	       count_masked(buffer, size, masked + SECRET_BYTES / 2, 1) +
	       count_masked(buffer, size, last, -1) +
	       count_masked(buffer, size, last - SECRET_BYTES / 2, -1);
}

/* How many pieces of secret or token this process can be found to hold. */
static size_t count_in_process(const char *masked)
{
	enum { BUFFER_BYTES = 64 << 20 };
	CLEANUP(close_file) FILE *maps = fopen("/proc/self/maps", "re");
	CLEANUP(close_fd) int memory_fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	char *buffer = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	char line[512];
	size_t count = 0;

	CU_ASSERT_FATAL(maps != NULL && memory_fd >= 0 && buffer != MAP_FAILED);
	while (fgets(line, sizeof(line), maps) != NULL) {
		unsigned long start;
		unsigned long end;
		char writable;

		if (sscanf(line, "%lx-%lx %*c%c", &start, &end, &writable) == 3 && writable == 'w')
			count += count_in_mapping(memory_fd, start, end, masked, buffer,
						  BUFFER_BYTES);
	}
	CU_ASSERT_EQUAL(munmap(buffer, BUFFER_BYTES), 0);
	return count;
}

static void no_copy_of_secret_or_token_stays_in_memory(void)
{
	FIXTURE(fixture, "/ok");
	CLEANUP(result) struct result result = {0};

	if (!wipe_heap_is_active())
		return; /* a sanitizer's allocator, which keeps what was freed */
	ask(&fixture, &result, NULL);
	CU_ASSERT_EQUAL(result.outcome.reason, TOKEN_OK);
	/* The token itself is there to be found: both its halves, which are the secret's. */
	CU_ASSERT_EQUAL(count_in_process(fixture.masked_secret), 2);
	secret_free(result.outcome.token);
	result.outcome.token = NULL;
	CU_ASSERT_EQUAL(count_in_process(fixture.masked_secret), 0);
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

int main(void)
{
	CU_TestInfo tests[] = {
		TEST(no_copy_of_secret_or_token_stays_in_memory),
		TEST(a_good_server_gives_a_token),
		TEST(every_failure_has_its_reason),
		TEST(a_silent_server_runs_into_the_timeout),
		TEST(a_closed_port_is_a_network_failure_and_nothing_was_sent),
		TEST(a_server_without_tls_is_a_tls_failure_and_nothing_was_sent),
		TEST(cleartext_needs_permission_and_a_loopback_address),
		TEST(only_a_configured_proxy_is_used),
		TEST(what_a_server_repeats_is_redacted),
		TEST(a_revocation_is_sent_and_understood),
		TEST(an_unreadable_secret_is_an_outcome_from_the_loop),
		TEST(a_cancelled_request_is_never_heard_of_again),
		TEST(freeing_the_source_cancels_everything),
		TEST(many_requests_run_side_by_side),
		TEST(a_callback_may_start_and_cancel_requests),
		CU_TEST_INFO_NULL,
	};

	return harness_run("http_source", tests);
}
