/* SPDX-License-Identifier: MIT */
/*
 * A request to tokenbroker-httpd as a whole: its sockets, the HTTP library, routes, handlers, and
 * the answer as it comes over the wire. There is no broker, so that a command that gets through is
 * answered with 503.
 *
 * An input is a byte of flags, then method, path, Host, Origin, Content-Type, Authorization and
 * Content-Length, a line each (an empty one: not there), further headers up to an empty line, and
 * the body.
 */
#include <json-c/json.h>

#include "base/status_view.h"
#include "fuzz.h"
#include "http_answer.h"
#include "http_operations.h"
#include "http_server.h"

#define HTTP_LIBRARY_STATUSES 400, 413, 414, 431

enum {
	FLAG_UNIX = 1,
	FLAG_SECOND_HOST = 2,
	FLAG_SECOND_AUTHORIZATION = 4,
	FLAG_BODY = 8,
	FLAG_ODD_NAME = 16,
	FLAGS_BROKER = 32 + 64, /* one of enum broker_state */
	FLAG_NO_ACCESS_TOKEN = 128,
};

enum { HEAD_BYTES_MAX = 8 * 1024 }; /* the library takes more */

/* A request, and what must be true of it whichever answer it has. */
struct sent {
	bool is_unix;
	bool has_token_rule; /* the server knows an access token */
	bool is_plain;       /* nothing in it is to be understood in two ways */
	char *text;
	size_t size;
	size_t head_length;
	const char *method;
	size_t method_length;
	const char *path; /* these: within text */
	size_t path_length;
	bool has_body;
	bool is_head;
};

static bool is_printable(const char *text, size_t length, char least)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] < least || text[i] > '~')
			return false;
	return length > 0;
}

/* Only a whole word: where a method ends, and whether it is HEAD, is beyond doubt. */
static void make_word(char *method)
{
	for (; *method != '\0'; method++)
		if (!is_printable(method, 1, '!'))
			*method = '_';
}

static void add_header(FILE *request, const char *name, const char *value, bool is_twice)
{
	if (value[0] == '\0')
		return;
	for (int i = 0; i <= is_twice; i++)
		(void)fprintf(request, "%s: %s\r\n", name, value);
}

/* The body, and its length where the input names none. */
static void add_body(FILE *request, const struct fuzz_input *input, unsigned flags,
		     const char *length)
{
	bool has_own = input->size == 0 && (flags & FLAG_BODY) != 0;
	size_t size = has_own ? 2 : input->size;

	if (length[0] == '\0' && size > 0)
		(void)fprintf(request, "Content-Length: %zu\r\n", size);
	(void)fputs("\r\n", request);
	(void)fwrite(has_own ? "{}" : (const char *)input->data, 1, size, request);
}

static void add_lines(FILE *request, struct fuzz_input *input, unsigned flags)
{
	CLEANUP(free_memory) char *host = fuzz_line(input);
	CLEANUP(free_memory) char *origin = fuzz_line(input);
	CLEANUP(free_memory) char *type = fuzz_line(input);
	CLEANUP(free_memory) char *authorization = fuzz_line(input);
	CLEANUP(free_memory) char *length = fuzz_line(input);

	add_header(request, "Host", host, (flags & FLAG_SECOND_HOST) != 0);
	add_header(request, "Origin", origin, false);
	add_header(request, "Content-Type", type, false);
	add_header(request, "Authorization", authorization,
		   (flags & FLAG_SECOND_AUTHORIZATION) != 0);
	add_header(request, "Content-Length", length, false);
	if ((flags & FLAG_ODD_NAME) != 0)
		(void)fputs("X-Odd : 1\r\n", request);
	for (;;) {
		CLEANUP(free_memory) char *line = fuzz_line(input);

		if (line[0] == '\0')
			break;
		(void)fprintf(request, "%s\r\n", line);
	}
	add_body(request, input, flags, length);
}

static unsigned find(const struct sent *sent, const char *name, const char **ret_value,
		     size_t *ret_length)
{
	*ret_value = "";
	*ret_length = 0;
	return http_find(sent->text, sent->head_length, name, ret_value, ret_length);
}

static bool has_plain_lines(const struct sent *sent)
{
	const char *end = sent->text + sent->head_length - 2;
	const char *line = strstr(sent->text, "\r\n") + 2;

	while (line < end) {
		const char *line_end = strstr(line, "\r\n");
		size_t name = strcspn(line, ":");

		if (line + name >= line_end || !is_printable(line, name, '!') ||
		    (line_end > line + name + 1 &&
		     !is_printable(line + name + 1, (size_t)(line_end - line) - name - 1, ' ')))
			return false;
		line = line_end + 2;
	}
	return true;
}

static bool is_plain(const struct sent *sent)
{
	const char *value;
	size_t length;

	return sent->head_length < HEAD_BYTES_MAX &&
	       is_printable(sent->method, sent->method_length, 'A') &&
	       is_printable(sent->path, sent->path_length, '!') && has_plain_lines(sent) &&
	       find(sent, "Content-Length", &value, &length) <= 1 &&
	       strspn(value, "0123456789") >= length && length < 8 &&
	       find(sent, "Transfer-Encoding", &value, &length) == 0 &&
	       find(sent, "Expect", &value, &length) == 0;
}

/* A body that is not as long as it is said to be makes the rest the next request. */
static void look_at_body(struct sent *sent)
{
	const char *value;
	size_t length;

	(void)find(sent, "Content-Length", &value, &length);
	sent->has_body = strtoul(value, NULL, 10) > 0;
	if (strtoul(value, NULL, 10) != sent->size - sent->head_length)
		sent->is_plain = false;
}

static void build(struct sent *ret, struct fuzz_input *input, unsigned flags)
{
	CLEANUP(free_memory) char *method = fuzz_line(input);
	CLEANUP(free_memory) char *path = fuzz_line(input);
	FILE *request;

	make_word(method);
	*ret = (struct sent){
		.is_unix = (flags & FLAG_UNIX) != 0,
		.has_token_rule = (flags & FLAG_NO_ACCESS_TOKEN) == 0,
		.is_head = strcmp(method, "HEAD") == 0,
		.method_length = strlen(method),
		.path_length = strlen(path),
	};
	request = open_memstream(&ret->text, &ret->size);
	FUZZ_MUST(request != NULL);
	(void)fprintf(request, "%s %s HTTP/1.1\r\n", method, path);
	add_lines(request, input, flags);
	FUZZ_MUST(fclose(request) == 0);
	ret->method = ret->text;
	ret->path = ret->text + ret->method_length + 1;
	ret->head_length = (size_t)(strstr(ret->text, "\r\n\r\n") + 4 - ret->text);
	ret->is_plain = is_plain(ret);
	if (ret->is_plain)
		look_at_body(ret);
	ret->path_length = strcspn(ret->path, "? \r\n");
}

/* --- what must hold --------------------------------------------------------------------------- */

/* Where the request can be understood in two ways: the token is somewhere in it. */
static bool has_access_token(const struct sent *sent)
{
	static const char bearer[] = "Bearer ";
	size_t prefix = sizeof(bearer) - 1;
	const char *value;
	size_t length;

	if (!sent->has_token_rule)
		return false;
	if (!sent->is_plain)
		return memmem(sent->text, sent->size, ACCESS_TOKEN, strlen(ACCESS_TOKEN)) != NULL;
	return find(sent, "Authorization", &value, &length) == 1 &&
	       length == prefix + strlen(ACCESS_TOKEN) && strncasecmp(value, bearer, prefix) == 0 &&
	       memcmp(value + prefix, ACCESS_TOKEN, strlen(ACCESS_TOKEN)) == 0;
}

static bool may_read(const struct sent *sent)
{
	return sent->is_unix || !sent->has_token_rule || has_access_token(sent);
}

static bool may_command(const struct sent *sent)
{
	return sent->is_unix || has_access_token(sent);
}

/* Over TCP: an own name, perhaps with a port. */
static bool has_own_host(const struct sent *sent)
{
	static const char *const names[] = {"localhost", "127.0.0.1", FURTHER_HOST};
	const char *value;
	size_t length;

	if (find(sent, "Host", &value, &length) != 1)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t name = strlen(names[i]);

		if (length >= name && strncasecmp(value, names[i], name) == 0 &&
		    (length == name || value[name] == ':'))
			return true;
	}
	return sent->is_unix;
}

/* Not sent by the page of another site: RFC 6454's Origin is a scheme and our Host, and the type is
 * none that a form can have. */
static bool comes_from_us(const struct sent *sent)
{
	const char *host;
	const char *value;
	size_t host_length;
	size_t length;

	if (find(sent, "Content-Type", &value, &length) > 1 ||
	    (length > 0 && strncasecmp(value, "application/json", 16) != 0))
		return false;
	if (find(sent, "Origin", &value, &length) == 0)
		return true;
	return find(sent, "Host", &host, &host_length) == 1 && length > host_length &&
	       strncasecmp(value + length - host_length, host, host_length) == 0 &&
	       strncasecmp(value, "http", 4) == 0;
}

static bool is_one_of(unsigned status, const unsigned *statuses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (statuses[i] == status)
			return true;
	return false;
}

#define IS_ONE_OF(status, ...)                                                                     \
	is_one_of(status, (const unsigned[]){__VA_ARGS__},                                         \
		  sizeof((const unsigned[]){__VA_ARGS__}) / sizeof(unsigned))

static bool is_method(const struct sent *sent, const char *method)
{
	return sent->method_length == strlen(method) &&
	       memcmp(sent->method, method, sent->method_length) == 0;
}

/* As docs/openapi.yaml has it. NULL: nothing is there; ret_is_path: but for other methods. */
static const struct operation *operation_of(const struct operations *operations,
					    const struct sent *sent, bool *ret_is_path)
{
	const struct operation *found = NULL;

	*ret_is_path = false;
	for (size_t i = 0; i < operations->count; i++) {
		const struct operation *operation = &operations->items[i];

		if (!operation_has_path(operation, sent->path, sent->path_length))
			continue;
		*ret_is_path = true;
		if (is_method(sent, operation->method) ||
		    (sent->is_head && strcmp(operation->method, "GET") == 0))
			found = operation;
	}
	return found;
}

/* Whoever is no administrator and no page of ours gets no further than this. */
static void check_rights(const struct sent *sent, const struct operation *operation,
			 unsigned status)
{
	bool is_command = strcmp(operation->method, "POST") == 0;

	if (is_command ? !may_command(sent) : !operation->is_public && !may_read(sent))
		FUZZ_MUST(IS_ONE_OF(status, 400, 401, 403, 421));
	if (!has_own_host(sent))
		FUZZ_MUST(IS_ONE_OF(status, 400, 421));
	if (sent->has_body)
		FUZZ_MUST(IS_ONE_OF(status, 400, 401, 403, 413, 415, 421));
	if (is_command && !comes_from_us(sent))
		FUZZ_MUST(IS_ONE_OF(status, 400, 401, 403, 415, 421));
}

static void check_status(const struct operations *operations, const struct sent *sent,
			 const struct http_answer *answer)
{
	bool is_path;
	const struct operation *operation = operation_of(operations, sent, &is_path);

	if (operation != NULL) {
		FUZZ_MUST(operation_has_status(operation, answer->status));
		check_rights(sent, operation, answer->status);
	} else if (is_path) {
		FUZZ_MUST(IS_ONE_OF(answer->status, 400, 405, 421));
	} else {
		FUZZ_MUST(IS_ONE_OF(answer->status, 400, 404, 421));
	}
}

static void check_body(const struct sent *sent, const struct http_answer *answer)
{
	struct json_tokener *tokener;
	struct json_object *object;
	struct json_object *status;
	bool is_problem = http_has(answer, "Content-Type", "application/problem+json");

	FUZZ_MUST(is_problem == (answer->is_ours && answer->status >= 400 &&
				 !http_has(answer, "Content-Type", "text/plain; charset=utf-8")));
	FUZZ_MUST(memmem(answer->body, answer->body_length, ACCESS_TOKEN, strlen(ACCESS_TOKEN)) ==
			  NULL ||
		  memmem(sent->path, sent->path_length, ACCESS_TOKEN, strlen(ACCESS_TOKEN)) !=
			  NULL);
	if (answer->body_length == 0 ||
	    (!is_problem && !http_has(answer, "Content-Type", "application/json")))
		return;
	tokener = json_tokener_new();
	FUZZ_MUST(tokener != NULL);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	object = json_tokener_parse_ex(tokener, answer->body, (int)answer->body_length);
	FUZZ_MUST(object != NULL && json_object_is_type(object, json_type_object));
	FUZZ_MUST(json_tokener_get_parse_end(tokener) + 1 >= answer->body_length);
	if (is_problem)
		FUZZ_MUST(json_object_object_get_ex(object, "status", &status) &&
			  json_object_get_int(status) == (int)answer->status);
	(void)json_object_put(object);
	json_tokener_free(tokener);
}

static void check_headers(const struct sent *sent, const struct http_answer *answer)
{
	http_check_headers(answer);
	FUZZ_MUST(memmem(answer->head, answer->head_length, ACCESS_TOKEN, strlen(ACCESS_TOKEN)) ==
		  NULL);
	if (!answer->is_ours) {
		FUZZ_MUST(IS_ONE_OF(answer->status, HTTP_LIBRARY_STATUSES) &&
			  http_has(answer, "Connection", "close"));
		return;
	}
	FUZZ_MUST(http_has(answer, "Content-Security-Policy", NULL) &&
		  http_has(answer, "Cache-Control", NULL));
	FUZZ_MUST(http_has(answer, "Allow", NULL) == (answer->status == 405));
	FUZZ_MUST(http_has(answer, "WWW-Authenticate", NULL) == (answer->status == 401));
	FUZZ_MUST(may_command(sent) || !http_has(answer, "Tokenbroker-Commands", "available"));
	FUZZ_MUST(may_read(sent) || !http_has(answer, "Tokenbroker-Reading", "available"));
}

/* Whatever the request was taken for, and however many: over TCP no status without the token. */
static void check_secrecy(const struct sent *sent, const struct http_answer *answer)
{
	if (may_read(sent) || !answer->is_ours)
		return;
	FUZZ_MUST(!http_has(answer, "ETag", NULL) && !answer->is_stream);
	FUZZ_MUST(memmem(answer->body, answer->body_length, "\"fingerprint\"", 13) == NULL &&
		  memmem(answer->body, answer->body_length, "tokenbroker_up", 14) == NULL &&
		  memmem(answer->body, answer->body_length, "broker: ", 8) == NULL);
}

static void check(const struct operations *operations, const struct sent *sent,
		  const struct received *received)
{
	const char *text = received->text;
	size_t left = received->size;
	unsigned answers = 0;

	while (left > 0) {
		struct http_answer answer;

		FUZZ_MUST(http_take_answer(text, left, sent->is_head, &answer));
		if (answer.status >= 200) {
			answers++;
			check_headers(sent, &answer);
			check_body(sent, &answer);
			check_secrecy(sent, &answer);
		}
		if (sent->is_plain)
			check_status(operations, sent, &answer);
		/* libmicrohttpd 0.9.75 sends the head of its own refusals twice: they are the last.
		 */
		if (answers > 0 && (!answer.is_ours || !sent->is_plain))
			break;
		left -= answer.head_length + answer.body_length;
		text = answer.body + answer.body_length;
	}
	FUZZ_MUST(!sent->is_plain || answers == 1);
	FUZZ_MUST(answers > 0 || received->is_closed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct operations operations;
	static struct received received;
	struct fuzz_input input = {data, size};
	unsigned flags = fuzz_byte(&input);
	struct sent sent;

	if (operations.count == 0)
		operations_read(&operations);
	build(&sent, &input, flags);
	http_server_exchange(
		&(struct http_exchange){
			.broker = (enum broker_state)((flags & FLAGS_BROKER) / 32),
			.is_unix = sent.is_unix,
			.has_access_token = sent.has_token_rule,
			.is_head = sent.is_head,
			.request = sent.text,
			.request_size = sent.size,
		},
		&received);
	check(&operations, &sent, &received);
	free(sent.text);
	return 0;
}
