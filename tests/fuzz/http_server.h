/* SPDX-License-Identifier: MIT */
/*
 * Servers of tokenbroker-httpd in this process, made once: one for each state that a broker can
 * leave its runtime directory in, each with a Unix socket and a TCP port. No broker listens in any.
 */
#ifndef TESTS_FUZZ_HTTP_SERVER_H
#define TESTS_FUZZ_HTTP_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "http_answer.h"
#include "httpd/server_private.h"
#include "httpd/stream.h"

#define ACCESS_TOKEN "the-access-token"
#define FURTHER_HOST "tokens.example"

enum broker_state { BROKER_UP, BROKER_HANGS, BROKER_NEVER_RAN, BROKER_DAMAGED, BROKER_STATES };

enum {
	HTTP_RECEIVED_MAX = 256 * 1024,
	HTTP_PATIENCE_MS = 60000,
	HTTP_NAP_USEC = 10000,
	HTTP_BEAT_S = 10, /* more often than a heartbeat is due */
};

struct http_exchange {
	enum broker_state broker;
	bool is_unix;
	bool has_access_token; /* the server knows one */
	bool is_head;
	const char *request;
	size_t request_size;
};

struct received {
	char text[HTTP_RECEIVED_MAX + 1]; /* a NUL follows it */
	size_t size;
	bool is_closed; /* by the server */
};

struct http_server {
	char dir[64];
	char status[80];
	struct sockaddr_un unix_address;
	struct sockaddr_in tcp_address;
	struct listeners listeners;
	struct server *server;
};

static struct http_server http_servers[BROKER_STATES];
static sd_event *http_event;
static struct secret *http_access_token;

static inline int http_listen(const struct sockaddr *address, socklen_t size)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	FUZZ_MUST(fd >= 0 && bind(fd, address, size) == 0 && listen(fd, 16) == 0);
	return fd;
}

/* The seed of the status target, whose first token is valid for long. */
static inline size_t http_read_status(char *ret, size_t size)
{
	static const char *const expiry = "\"expires_at\": \"2";
	FILE *file = fopen("tests/fuzz/corpus/status/golden", "re");
	size_t length;
	char *at;

	FUZZ_MUST(file != NULL);
	length = fread(ret, 1, size - 1, file);
	(void)fclose(file);
	ret[length] = '\0';
	at = strstr(ret, expiry);
	FUZZ_MUST(at != NULL);
	at[strlen(expiry)] = '9'; /* 29.. */
	return length;
}

static inline void http_write_status(const struct http_server *server, enum broker_state state)
{
	static const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	char text[8192];
	size_t length = http_read_status(text, sizeof(text));
	int fd;

	if (state == BROKER_NEVER_RAN)
		return;
	if (state == BROKER_DAMAGED)
		length /= 2;
	fd = open(server->status, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	FUZZ_MUST(fd >= 0 && write(fd, text, length) == (ssize_t)length);
	if (state == BROKER_HANGS)
		FUZZ_MUST(futimens(fd, long_ago) == 0);
	(void)close(fd);
}

static inline void http_open_server(struct http_server *server, enum broker_state state)
{
	socklen_t size = sizeof(server->tcp_address);
	const struct server_settings settings = {
		.event = http_event,
		.listeners = &server->listeners,
		.runtime_path = server->dir,
		.connections_max = 64,
	};

	(void)snprintf(server->dir, sizeof(server->dir), "/tmp/tokenbroker-fuzz-XXXXXX");
	FUZZ_MUST(mkdtemp(server->dir) != NULL);
	(void)snprintf(server->status, sizeof(server->status), "%s/status.json", server->dir);
	http_write_status(server, state);
	server->unix_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	(void)snprintf(server->unix_address.sun_path, sizeof(server->unix_address.sun_path),
		       "%s/http", server->dir);
	server->tcp_address = (struct sockaddr_in){.sin_family = AF_INET,
						   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	server->listeners = (struct listeners){.count = 2};
	server->listeners.items[0].is_unix = true;
	server->listeners.items[0].fd =
		http_listen((struct sockaddr *)&server->unix_address, sizeof(server->unix_address));
	server->listeners.items[1].fd = http_listen((struct sockaddr *)&server->tcp_address, size);
	FUZZ_MUST(getsockname(server->listeners.items[1].fd,
			      (struct sockaddr *)&server->tcp_address, &size) == 0);
	FUZZ_MUST(server_new(&server->server, &settings) == 0);
}

static inline void http_close_servers(void)
{
	for (size_t i = 0; i < BROKER_STATES; i++) {
		struct http_server *server = &http_servers[i];

		server_free(server->server);
		(void)close(server->listeners.items[0].fd);
		(void)close(server->listeners.items[1].fd);
		(void)unlink(server->unix_address.sun_path);
		(void)unlink(server->status);
		(void)rmdir(server->dir);
	}
	http_event = sd_event_unref(http_event);
	secret_free(http_access_token);
}

static inline void http_open_servers(void)
{
	if (http_event != NULL)
		return;
	FUZZ_MUST(sd_event_new(&http_event) >= 0);
	FUZZ_MUST(secret_new(&http_access_token, strlen(ACCESS_TOKEN), strlen(ACCESS_TOKEN)) == 0);
	FUZZ_MUST(secret_append_string(http_access_token, ACCESS_TOKEN) == 0);
	for (unsigned i = 0; i < BROKER_STATES; i++)
		http_open_server(&http_servers[i], (enum broker_state)i);
	FUZZ_MUST(atexit(http_close_servers) == 0);
}

static inline void http_beat(void)
{
	static int64_t last_s;
	int64_t now_s = clock_monotonic_ns() / NS_PER_S;

	if (now_s - last_s < HTTP_BEAT_S)
		return;
	last_s = now_s;
	FUZZ_MUST(utimensat(AT_FDCWD, http_servers[BROKER_UP].status, NULL, 0) == 0);
}

static inline void http_set_rules(const struct http_server *server, bool has_access_token)
{
	static char host[] = FURTHER_HOST;
	static char *names[] = {host};
	static const struct config_strings hosts = {names, 1};

	server_set_rules(server->server,
			 &(struct access_rules){
				 .hosts = &hosts,
				 .access_token = has_access_token ? http_access_token : NULL,
			 });
}

static inline int http_connect(const struct http_server *server, bool is_unix)
{
	static const struct linger at_once = {.l_onoff = 1}; /* leaves no TIME_WAIT behind */
	const struct sockaddr *address = is_unix ? (const struct sockaddr *)&server->unix_address
						 : (const struct sockaddr *)&server->tcp_address;
	socklen_t size = is_unix ? sizeof(server->unix_address) : sizeof(server->tcp_address);
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	FUZZ_MUST(fd >= 0 && connect(fd, address, size) == 0);
	FUZZ_MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
	return fd;
}

/* Whether there is an answer that is no interim one. */
static inline bool http_is_answered(const struct received *received, bool is_head)
{
	struct http_answer answer = {.status = 0};
	const char *text = received->text;
	size_t left = received->size;

	while (answer.status < 200) {
		if (!http_take_answer(text, left, is_head, &answer))
			return false;
		left -= answer.head_length + answer.body_length;
		text = answer.body + answer.body_length;
	}
	return true;
}

/* All that is there. */
static inline void http_receive(int fd, struct received *ret)
{
	ssize_t size;

	do {
		size = recv(fd, ret->text + ret->size, HTTP_RECEIVED_MAX - ret->size, MSG_DONTWAIT);
		if (size > 0)
			ret->size += (size_t)size;
	} while (size > 0);
	FUZZ_MUST(ret->size < HTTP_RECEIVED_MAX);
	ret->text[ret->size] = '\0';
	if (size == 0 || (errno != EAGAIN && errno != EINTR))
		ret->is_closed = true;
}

/* What the server does not take any more is not sent. */
static inline size_t http_send(int fd, const struct http_exchange *exchange, size_t sent)
{
	ssize_t size = send(fd, exchange->request + sent, exchange->request_size - sent,
			    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (size >= 0)
		return sent + (size_t)size;
	return errno == EAGAIN || errno == EINTR ? sent : exchange->request_size;
}

/* Until there is nothing to do for the server, but not before it has answered. */
static inline void http_converse(int fd, const struct http_exchange *exchange, struct received *ret)
{
	int64_t end_ns = clock_monotonic_ns() + HTTP_PATIENCE_MS * NS_PER_MS;
	size_t sent = 0;
	bool is_busy = true;

	while (is_busy || (!ret->is_closed && !http_is_answered(ret, exchange->is_head))) {
		size_t before = ret->size;

		FUZZ_MUST(clock_monotonic_ns() < end_ns); /* neither answered nor closed */
		if (sent < exchange->request_size)
			sent = http_send(fd, exchange, sent);
		is_busy = sd_event_run(http_event, is_busy ? 0 : HTTP_NAP_USEC) > 0;
		http_receive(fd, ret);
		is_busy |= ret->size > before;
	}
}

/* Nothing of a connection is left behind. */
static inline void http_hang_up(struct server *server, int fd)
{
	int64_t end_ns = clock_monotonic_ns() + HTTP_PATIENCE_MS * NS_PER_MS;

	(void)close(fd);
	while (server->connections != NULL) {
		FUZZ_MUST(clock_monotonic_ns() < end_ns);
		for (struct connection *c = server->connections; c != NULL; c = c->next) {
			connection_cut(c); /* a stream would see it with its next event */
			stream_resume(c);
		}
		server_run(server);
		(void)sd_event_run(http_event, 0);
	}
	FUZZ_MUST(server->stream_count == 0 && server->command_count == 0 &&
		  server->accepted_count == 0);
}

static inline void http_server_exchange(const struct http_exchange *exchange, struct received *ret)
{
	const struct http_server *server;
	int fd;

	http_open_servers();
	http_beat();
	server = &http_servers[exchange->broker];
	http_set_rules(server, exchange->has_access_token);
	ret->size = 0;
	ret->is_closed = false;
	fd = http_connect(server, exchange->is_unix);
	http_converse(fd, exchange, ret);
	http_hang_up(server->server, fd);
}

#endif
