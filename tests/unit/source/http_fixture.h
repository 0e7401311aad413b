/* SPDX-License-Identifier: MIT */
/* What the tests of http_source.c share: a server, a source that asks it, and a secret of its own.
 */
#ifndef TESTS_UNIT_SOURCE_HTTP_FIXTURE_H
#define TESTS_UNIT_SOURCE_HTTP_FIXTURE_H

#include <fcntl.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "harness.h"
#include "source/http_source.h"
#include "tiny_server.h"

enum {
	SECRET_BYTES = 40,
	MASK = 0x80, /* no byte of a secret has this bit */
	PATIENCE_MS = 10000,
};

/* How a request ended. */
struct result {
	const char *known_token; /* of the broker; NULL: none */
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

static inline void write_secret(struct fixture *fixture)
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

static inline struct fixture start(const char *path)
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
		.secret_rules = {.whose = "the broker", .uid = geteuid(), .gid = getegid()},
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

static inline void cleanup_fixture(struct fixture *fixture)
{
	token_source_free(fixture->source);
	sd_event_unref(fixture->event);
	tiny_server_stop(&fixture->server);
	(void)unlink(fixture->secret_path);
}

#define FIXTURE(name, path) CLEANUP(fixture) struct fixture name = start(path)

static inline void cleanup_result(struct result *result)
{
	secret_free(result->outcome.token);
}

static inline void add_known(struct redaction *redaction, void *userdata)
{
	const struct result *result = userdata;

	if (result->known_token != NULL)
		redaction_add(redaction, result->known_token, strlen(result->known_token));
}

static inline void on_done(struct source_request *request, struct source_outcome *outcome,
			   void *userdata)
{
	struct result *result = userdata;

	result->calls++;
	result->request = request;
	result->outcome = *outcome;
}

/* The configuration as it would be lent by its owner, who may free it at once. */
static inline struct source_request *begin(struct fixture *fixture, struct result *result,
					   const char *token)
{
	struct config_token config = fixture->config;
	struct source_call call = {
		.config = &config,
		.epoch = 42,
		.known = add_known,
		.done = on_done,
		.userdata = result,
	};
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

static inline void run_until(struct fixture *fixture, const int *calls, int wanted)
{
	int64_t deadline_ms = clock_boottime_ms() + PATIENCE_MS;

	while (*calls < wanted && clock_boottime_ms() < deadline_ms)
		CU_ASSERT_FATAL(sd_event_run(fixture->event, 100000) >= 0);
	CU_ASSERT_EQUAL(*calls, wanted);
}

/* One request from start to end. */
static inline void ask(struct fixture *fixture, struct result *result, const char *token)
{
	struct source_request *request = begin(fixture, result, token);

	run_until(fixture, &result->calls, 1);
	CU_ASSERT_PTR_EQUAL(result->request, request);
	CU_ASSERT_EQUAL(result->outcome.epoch, 42);
	CU_ASSERT(result->outcome.finished_boottime_ns >= result->outcome.sent_boottime_ns);
	CU_ASSERT(result->outcome.sent_realtime_ns > 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(result->outcome.hint);
}

#endif
