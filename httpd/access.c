/* SPDX-License-Identifier: MIT */
#include "httpd/access.h"

#include <string.h>
#include <strings.h>

#include "httpd/problem.h"

#define JSON_TYPE "application/json"
#define BEARER    "Bearer "

/* The part of a Host header before the port; brackets of an IPv6 address belong to it. */
static size_t host_length(const char *host)
{
	const char *end = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');

	if (end == NULL)
		return strlen(host);
	return (size_t)(end - host) + (*end == ']' ? 1 : 0);
}

static bool is_port_or_nothing(const char *rest)
{
	return rest[0] == '\0' ||
	       (rest[0] == ':' && strspn(rest + 1, "0123456789") == strlen(rest + 1) &&
		strlen(rest) <= sizeof(":65535") - 1);
}

static bool is_same(const char *host, size_t length, const char *name)
{
	return strlen(name) == length && strncasecmp(host, name, length) == 0;
}

static bool is_our_name(const struct access_rules *rules, const struct request *request)
{
	size_t length = host_length(request->host);

	/* The address is "" if the kernel would not tell it. */
	if (length == 0 || !is_port_or_nothing(request->host + length))
		return false;
	if (is_same(request->host, length, "localhost") ||
	    is_same(request->host, length, request->peer->address))
		return true;
	/* A further name may have a port, which then is the only one. */
	for (size_t i = 0; i < rules->hosts->count; i++)
		if (is_same(request->host, length, rules->hosts->items[i]) ||
		    strcasecmp(request->host, rules->hosts->items[i]) == 0)
			return true;
	return false;
}

bool access_check_host(const struct access_rules *rules, const struct request *request,
		       struct answer *ret)
{
	/* RFC 9112 5.1: a proxy in front may have taken "Content-Length : 9" for a length. */
	if (request->has_odd_name) {
		problem_set(ret, 400, "a header's name has no space in it");
		return false;
	}
	/* RFC 9112 3.2: none or two is an error, whoever asks. */
	if (request->host_count != 1 || request->host == NULL) {
		problem_set(ret, 400, "a request has one Host header");
		return false;
	}
	if (request->peer->is_unix || is_our_name(rules, request))
		return true;
	problem_set(ret, 421,
		    "this server does not answer for that host name: use its address or localhost, "
		    "or add the name to http.hosts in tokenbroker.conf");
	return false;
}

static bool has_access_token(const struct access_rules *rules, const struct request *request)
{
	const char *value = request->authorization;

	return rules->access_token != NULL && request->authorization_count == 1 && value != NULL &&
	       strncasecmp(value, BEARER, sizeof(BEARER) - 1) == 0 &&
	       secret_equals(rules->access_token, value + sizeof(BEARER) - 1,
			     strlen(value + sizeof(BEARER) - 1));
}

bool access_may_read(const struct access_rules *rules, const struct request *request)
{
	return request->peer->is_unix || rules->access_token == NULL ||
	       has_access_token(rules, request);
}

bool access_check_caller(const struct access_rules *rules, const struct request *request,
			 enum access access, struct answer *ret)
{
	if (access == ACCESS_PUBLIC || request->peer->is_unix ||
	    (access == ACCESS_READ && access_may_read(rules, request)))
		return true;
	if (rules->access_token == NULL) {
		problem_set(ret, 403,
			    "over TCP this server is read-only, because no access_token_file is "
			    "configured: use its Unix socket or the tokenbroker command");
		return false;
	}
	if (has_access_token(rules, request))
		return true;
	problem_set(ret, 401, "%s",
		    request->authorization == NULL
			    ? "send the access token: Authorization: Bearer ..."
			    : "the access token is not the one in access_token_file");
	ret->asks_for_token = true;
	return false;
}

bool access_has_commands(const struct access_rules *rules, const struct request *request)
{
	return request->peer->is_unix || has_access_token(rules, request);
}

/* "http://HOST" or "https://HOST": a proxy in front may speak TLS. */
static bool is_own_origin(const char *origin, const char *host)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t length = strlen(schemes[i]);

		if (strncasecmp(origin, schemes[i], length) == 0)
			return strcasecmp(origin + length, host) == 0;
	}
	return false;
}

/* Parameters such as charset may follow. */
static bool is_json(const char *content_type)
{
	size_t length = sizeof(JSON_TYPE) - 1;

	return strncasecmp(content_type, JSON_TYPE, length) == 0 &&
	       (content_type[length] == '\0' || strchr(" \t;", content_type[length]) != NULL);
}

bool access_check_post(const struct request *request, struct answer *ret)
{
	if (request->origin != NULL && !is_own_origin(request->origin, request->host)) {
		problem_set(ret, 403, "a command may not come from a page of another site");
		return false;
	}
	if (request->content_type != NULL && !is_json(request->content_type)) {
		problem_set(ret, 415, "send no Content-Type, or " JSON_TYPE);
		return false;
	}
	if (request->has_body) {
		problem_set(ret, 413, "a command has an empty body");
		return false;
	}
	return true;
}
