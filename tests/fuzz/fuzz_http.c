/* SPDX-License-Identifier: MIT */
/*
 * A request to tokenbroker-httpd, behind the HTTP library: a byte of flags, then method, path,
 * Host, Origin, Content-Type and Authorization, a line each. Nobody gets past the access token.
 */
#include "base/secret.h"
#include "base/tcp_address.h"
#include "fuzz.h"
#include "httpd/access.h"
#include "httpd/routes.h"

#define ACCESS_TOKEN "the-access-token"

static const struct route routes[] = {
	{.method = "GET", .path = "/", .access = ACCESS_PUBLIC},
	{.method = "GET", .path = "/v1/status", .access = ACCESS_READ},
	{.method = "GET", .path = "/v1/tokens/*", .access = ACCESS_READ},
	{.method = "POST", .path = "/v1/tokens/*/revoke", .access = ACCESS_COMMAND},
};

static bool has_access_token(const struct request *request)
{
	return request->authorization != NULL && request->authorization_count == 1 &&
	       strlen(request->authorization) >= strlen(ACCESS_TOKEN) &&
	       strstr(request->authorization, ACCESS_TOKEN) != NULL;
}

static void check_caller(const struct access_rules *rules, const struct request *request,
			 enum access access)
{
	struct answer answer = {0};
	bool may = access_check_caller(rules, request, access, &answer);

	FUZZ_MUST(may == (answer.status == 0));
	if (may && access != ACCESS_PUBLIC && !request->peer->is_unix)
		FUZZ_MUST(has_access_token(request));
	cleanup_answer(&answer);
}

static void check_post(const struct request *request)
{
	struct answer answer = {0};

	FUZZ_MUST(access_check_post(request, &answer) == (answer.status == 0));
	FUZZ_MUST(answer.status != 0 || !request->has_body);
	cleanup_answer(&answer);
}

static void check_route(const struct request *request)
{
	struct route_match match;

	memset(&match, 0, sizeof(match));
	routes_match(routes, sizeof(routes) / sizeof(routes[0]), request->method, request->path,
		     &match);
	if (match.route == NULL)
		return;
	FUZZ_MUST(strcmp(match.route->method, request->method) == 0 ||
		  strcmp(request->method, "HEAD") == 0);
	FUZZ_MUST((strchr(match.route->path, '*') != NULL) == (match.name[0] != '\0'));
	if (match.name[0] != '\0')
		FUZZ_MUST(token_name_is_valid(match.name) &&
			  strstr(request->path, match.name) != NULL);
}

/* NULL for an empty line: the header is not there. */
static const char *given(const char *line)
{
	return line[0] == '\0' ? NULL : line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	unsigned flags = fuzz_byte(&input);
	CLEANUP(free_memory) char *method = fuzz_line(&input);
	CLEANUP(free_memory) char *path = fuzz_line(&input);
	CLEANUP(free_memory) char *host = fuzz_line(&input);
	CLEANUP(free_memory) char *origin = fuzz_line(&input);
	CLEANUP(free_memory) char *type = fuzz_line(&input);
	CLEANUP(free_memory) char *authorization = fuzz_line(&input);
	CLEANUP(secret_free) struct secret *token = NULL;
	struct peer peer = {.is_unix = (flags & 1) != 0, .address = "127.0.0.1:8437"};
	const struct request request = {
		.method = method,
		.path = path,
		.host = given(host),
		.host_count = host[0] == '\0' ? 0 : 1 + (flags >> 1 & 1),
		.origin = given(origin),
		.content_type = given(type),
		.authorization = given(authorization),
		.authorization_count = authorization[0] == '\0' ? 0 : 1 + (flags >> 2 & 1),
		.has_body = (flags & 8) != 0,
		.has_odd_name = (flags & 16) != 0,
		.peer = &peer,
	};
	struct config_strings hosts = {0};
	struct answer answer = {0};
	struct access_rules rules = {.hosts = &hosts};
	bool is_ours;

	FUZZ_MUST(secret_new(&token, strlen(ACCESS_TOKEN), strlen(ACCESS_TOKEN)) == 0);
	FUZZ_MUST(secret_append_string(token, ACCESS_TOKEN) == 0);
	rules.access_token = token;
	is_ours = access_check_host(&rules, &request, &answer);
	FUZZ_MUST(is_ours == (answer.status == 0));
	cleanup_answer(&answer);
	if (is_ours)
		check_post(&request);
	for (unsigned access = ACCESS_PUBLIC; access <= ACCESS_COMMAND; access++)
		check_caller(&rules, &request, (enum access)access);
	check_route(&request);
	return 0;
}
