/* SPDX-License-Identifier: MIT */
#include "tests/support/authorization/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

/* A form with a token of the greatest length, every byte of it escaped, and some more. */
#define BODY_MAX ((size_t)512 * 1024)
/* For request and answer headers: a token may stand in one, and thousands of fillers in the other.
 */
#define CONNECTION_MEMORY_BYTES ((size_t)1024 * 1024)
#define CONNECTIONS_MAX         512
#define IDLE_TIMEOUT_S          60
#define ENDLESS_BLOCK_BYTES     16384
#define STALLED_BODY_BYTES      1024
#define PATH_BYTES              128

struct server {
	const struct http_service *service;
	struct MHD_Daemon *daemon;
	int stop_fd; /* an eventfd that is readable once the server shall end */
	uint16_t port;
};

struct exchange {
	struct http_request request;
	char path[PATH_BYTES];
	char *body;
	size_t capacity;
};

/* A body on its way that is not simply sent. */
struct delivery {
	const struct server *server;
	int fd;
	enum http_delivery kind;
	int64_t slow_ms;
	char *body;
	size_t length;
};

void http_answer_header(struct http_answer *answer, const char *name, const char *value)
{
	struct http_header *header = &answer->headers[answer->header_count];

	if (answer->header_count == HTTP_HEADERS_MAX)
		return;
	(void)snprintf(header->name, sizeof(header->name), "%s", name);
	(void)snprintf(header->value, sizeof(header->value), "%s", value);
	answer->header_count++;
}

static int connection_fd(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/* False when the peer has gone or the server shall end. duration_ms: -1 waits for one of these. */
static bool wait_with_peer(const struct server *server, int fd, int64_t duration_ms)
{
	int64_t deadline_ms = clock_monotonic_ns() / NS_PER_MS + duration_ms;
	struct pollfd polled[] = {
		{.fd = fd, .events = POLLRDHUP},
		{.fd = server->stop_fd, .events = POLLIN},
	};

	for (;;) {
		int64_t left_ms = deadline_ms - clock_monotonic_ns() / NS_PER_MS;
		int r;

		if (duration_ms >= 0 && left_ms <= 0)
			return true;
		r = poll(polled, 2, duration_ms < 0 ? -1 : (int)left_ms);
		if (r > 0 || (r < 0 && errno != EINTR))
			return false;
	}
}

/* Linux sends RST when a connected TCP socket is dissolved. */
static void reset_connection(int fd)
{
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

	(void)connect(fd, &nowhere, sizeof(nowhere));
}

static ssize_t read_slowly(const struct delivery *delivery, uint64_t position, char *buffer)
{
	if (position >= delivery->length)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!wait_with_peer(delivery->server, delivery->fd, delivery->slow_ms))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	*buffer = delivery->body[position];
	return 1;
}

static ssize_t read_part(const struct delivery *delivery, uint64_t position, char *buffer,
			 size_t size, size_t end)
{
	size_t count = end - (size_t)position;

	if (count > size)
		count = size;
	if (count > 0)
		memcpy(buffer, delivery->body + position, count);
	return (ssize_t)count;
}

static ssize_t read_delivery(void *context, uint64_t position, char *buffer, size_t size)
{
	const struct delivery *delivery = context;

	switch (delivery->kind) {
	case HTTP_DELIVERY_SLOW:
		return read_slowly(delivery, position, buffer);
	case HTTP_DELIVERY_HALF:
		if (position >= delivery->length / 2)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		return read_part(delivery, position, buffer, size, delivery->length / 2);
	case HTTP_DELIVERY_ENDLESS:
		if (position < delivery->length)
			return read_part(delivery, position, buffer, size, delivery->length);
		memset(buffer, ' ', size);
		return (ssize_t)size;
	case HTTP_DELIVERY_STALL_HEADERS:
		(void)wait_with_peer(delivery->server, delivery->fd, -1);
		return MHD_CONTENT_READER_END_WITH_ERROR;
	case HTTP_DELIVERY_PLAIN:
	case HTTP_DELIVERY_RESET:
	case HTTP_DELIVERY_STALL:
		break;
	}
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static void free_delivery(void *context)
{
	struct delivery *delivery = context;

	free(delivery->body);
	free(delivery);
}

static uint64_t declared_size(const struct http_answer *answer)
{
	if (answer->delivery == HTTP_DELIVERY_ENDLESS)
		return MHD_SIZE_UNKNOWN;
	if (answer->delivery == HTTP_DELIVERY_STALL_HEADERS && answer->length == 0)
		return STALLED_BODY_BYTES;
	return answer->length;
}

/* Takes over answer->body, also when it returns NULL. */
static struct MHD_Response *odd_response(const struct server *server, int fd,
					 struct http_answer *answer)
{
	struct delivery *delivery = malloc(sizeof(*delivery));
	struct MHD_Response *response;

	if (delivery == NULL) {
		free(answer->body);
		return NULL;
	}
	*delivery = (struct delivery){
		.server = server,
		.fd = fd,
		.kind = answer->delivery,
		.slow_ms = answer->slow_ms,
		.body = answer->body,
		.length = answer->length,
	};
	response = MHD_create_response_from_callback(declared_size(answer), ENDLESS_BLOCK_BYTES,
						     read_delivery, delivery, free_delivery);
	if (response == NULL)
		free_delivery(delivery);
	return response;
}

static struct MHD_Response *make_response(const struct server *server, int fd,
					  struct http_answer *answer)
{
	if (answer->delivery != HTTP_DELIVERY_PLAIN)
		return odd_response(server, fd, answer);
	return MHD_create_response_from_buffer(answer->length, answer->body, MHD_RESPMEM_MUST_FREE);
}

static void add_headers(struct MHD_Response *response, const struct http_answer *answer)
{
	for (size_t i = 0; i < answer->header_count; i++)
		(void)MHD_add_response_header(response, answer->headers[i].name,
					      answer->headers[i].value);
	for (unsigned i = 0; i < answer->filler_headers; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "X-Filler-%u", i);
		(void)MHD_add_response_header(response, name, "nothing to see here");
	}
}

static enum MHD_Result send_answer(const struct server *server, struct MHD_Connection *connection,
				   struct http_answer *answer)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	response = make_response(server, connection_fd(connection), answer);
	if (response == NULL)
		return MHD_NO;
	add_headers(response, answer);
	result = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return result;
}

/* Takes over answer->body. MHD_NO closes the connection without a further byte. */
static enum MHD_Result deliver(const struct server *server, struct MHD_Connection *connection,
			       const struct http_request *request, struct http_answer *answer)
{
	int fd = connection_fd(connection);
	bool is_silent =
		answer->delivery == HTTP_DELIVERY_STALL || answer->delivery == HTTP_DELIVERY_RESET;

	if (answer->delay_ms > 0 && !wait_with_peer(server, fd, answer->delay_ms))
		is_silent = true;
	else if (answer->delivery == HTTP_DELIVERY_STALL)
		(void)wait_with_peer(server, fd, -1);
	else if (answer->delivery == HTTP_DELIVERY_RESET)
		reset_connection(fd);
	if (!is_silent) {
		if (server->service->on_answer != NULL)
			server->service->on_answer(server->service->context, request);
		return send_answer(server, connection, answer);
	}
	free(answer->body);
	return MHD_NO;
}

static struct exchange *new_exchange(struct MHD_Connection *connection, const char *path,
				     const char *method)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (exchange == NULL)
		return NULL;
	(void)snprintf(exchange->path, sizeof(exchange->path), "%s", path);
	exchange->request = (struct http_request){
		.method = method,
		.path = exchange->path,
		.authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							     MHD_HTTP_HEADER_AUTHORIZATION),
		.content_type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							    MHD_HTTP_HEADER_CONTENT_TYPE),
		.has_query = MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, NULL,
						       NULL) > 0,
	};
	return exchange;
}

static enum MHD_Result take_upload(struct exchange *exchange, const char *data, size_t size)
{
	size_t needed = exchange->request.length + size + 1;

	if (exchange->request.is_too_large || needed > BODY_MAX) {
		exchange->request.is_too_large = true;
		return MHD_YES;
	}
	if (needed > exchange->capacity) {
		char *grown = realloc(exchange->body, 2 * needed);

		if (grown == NULL)
			return MHD_NO;
		exchange->body = grown;
		exchange->capacity = 2 * needed;
	}
	memcpy(exchange->body + exchange->request.length, data, size);
	exchange->request.length += size;
	exchange->body[exchange->request.length] = '\0';
	if (memchr(data, '\0', size) != NULL)
		exchange->request.has_nul = true;
	return MHD_YES;
}

static enum MHD_Result answer_request(const struct server *server,
				      struct MHD_Connection *connection, struct exchange *exchange)
{
	const struct http_service *service = server->service;
	struct http_answer answer = {0};

	exchange->request.body = exchange->body != NULL ? exchange->body : "";
	service->on_request(service->context, &exchange->request, &answer);
	return deliver(server, connection, &exchange->request, &answer);
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
				 const char *method, const char *version, const char *upload_data,
				 size_t *upload_data_size, void **connection_context)
{
	const struct server *server = context;
	struct exchange *exchange = *connection_context;
	enum MHD_Result result;

	(void)version;
	if (exchange == NULL) {
		exchange = new_exchange(connection, url, method);
		if (exchange == NULL)
			return MHD_NO;
		server->service->on_begin(server->service->context, &exchange->request);
		*connection_context = exchange;
		return MHD_YES;
	}
	if (*upload_data_size == 0)
		return answer_request(server, connection, exchange);
	result = take_upload(exchange, upload_data, *upload_data_size);
	*upload_data_size = 0;
	return result;
}

static void on_completed(void *context, struct MHD_Connection *connection,
			 void **connection_context, enum MHD_RequestTerminationCode code)
{
	const struct server *server = context;
	struct exchange *exchange = *connection_context;

	(void)connection;
	(void)code;
	if (exchange == NULL)
		return;
	server->service->on_end(server->service->context, &exchange->request);
	free(exchange->body);
	free(exchange);
	*connection_context = NULL;
}

static struct MHD_Daemon *start_daemon(struct server *server, const struct sockaddr_in *address,
				       const struct server_tls *tls)
{
	bool has_tls = tls->certificate != NULL;
	struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
	struct MHD_OptionItem secured[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)tls->certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)tls->key},
		{MHD_OPTION_END, 0, NULL},
	};
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
			 MHD_USE_POLL | (has_tls ? (unsigned)MHD_USE_TLS : 0U);

	return MHD_start_daemon(flags, 0, NULL, NULL, on_access, server, MHD_OPTION_SOCK_ADDR,
				(const struct sockaddr *)address, MHD_OPTION_NOTIFY_COMPLETED,
				on_completed, server, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
				MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES,
				MHD_OPTION_ARRAY, has_tls ? secured : plain, MHD_OPTION_END);
}

int server_start(const struct http_service *service, uint16_t port, const struct server_tls *tls,
		 struct server **ret)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct server *server = calloc(1, sizeof(*server));
	int r;

	if (server == NULL)
		return -ENOMEM;
	server->service = service;
	server->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (server->stop_fd < 0) {
		r = -errno;
		free(server);
		return r;
	}
	server->daemon = start_daemon(server, &address, tls);
	if (server->daemon == NULL) {
		server_stop(server);
		return -EADDRINUSE; /* libmicrohttpd tells no reason */
	}
	server->port = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
	*ret = server;
	return 0;
}

uint16_t server_port(const struct server *server)
{
	return server->port;
}

void server_stop(struct server *server)
{
	const uint64_t one = 1;

	if (server == NULL)
		return;
	(void)!write(server->stop_fd, &one, sizeof(one));
	if (server->daemon != NULL)
		MHD_stop_daemon(server->daemon);
	(void)close(server->stop_fd);
	free(server);
}
