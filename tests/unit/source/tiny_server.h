/* SPDX-License-Identifier: MIT */
/*
 * A token server in a process of its own, for the tests of http_source.c. It listens on a free
 * loopback port and forks for every connection; what it does with a request stands in the path. A
 * process of its own, because the tests look for copies of the secret in theirs.
 */
#ifndef TESTS_UNIT_SOURCE_TINY_SERVER_H
#define TESTS_UNIT_SOURCE_TINY_SERVER_H

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct tiny_server {
	pid_t pid;
	unsigned port;
};

enum { TINY_SERVER_REQUEST_BYTES = 8192 };

#define TINY_SERVER_JSON                                                                           \
	"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s"

static inline void tiny_server_send(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

		if (sent <= 0)
			_exit(0);
		bytes += sent;
		length -= (size_t)sent;
	}
}

static inline void tiny_server_answer(int fd, const char *status, const char *body)
{
	char text[2 * TINY_SERVER_REQUEST_BYTES];
	int length = snprintf(text, sizeof(text), TINY_SERVER_JSON, status, strlen(body), body);

	tiny_server_send(fd, text, (size_t)length);
}

/* The whole request, NUL-terminated; returns where its body starts. */
static inline char *tiny_server_read(int fd, char *request)
{
	size_t length = 0;

	for (;;) {
		ssize_t count =
			recv(fd, request + length, TINY_SERVER_REQUEST_BYTES - 1 - length, 0);
		char *end;
		char *announced;

		if (count <= 0)
			_exit(0);
		length += (size_t)count;
		request[length] = '\0';
		if (request[0] == 0x16) { /* a TLS handshake, RFC 8446 5.1: not understood */
			tiny_server_send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
			_exit(0);
		}
		end = strstr(request, "\r\n\r\n");
		announced = strstr(request, "Content-Length: ");
		if (end != NULL && announced != NULL &&
		    length >= (size_t)(end + 4 - request) + strtoul(announced + 16, NULL, 10))
			return end + 4;
	}
}

/* The token is the client secret backwards: nobody else needs to know it. */
static inline void tiny_server_grant(int fd, const char *request_body)
{
	const char *secret = strstr(request_body, "client_secret=");
	size_t length = secret == NULL ? 0 : strcspn(secret + 14, "&");
	char token[256] = "";
	char body[512];

	for (size_t i = 0; i < length && length < sizeof(token); i++)
		token[i] = secret[14 + length - 1 - i];
	(void)snprintf(body, sizeof(body),
		       "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":3600}",
		       token);
	tiny_server_answer(fd, "200 OK", body);
}

/* 200 only for a request that has all it should have and nothing else. */
static inline void tiny_server_judge(int fd, const char *request, const char *body)
{
	static const char *const forbidden[] = {
		"Expect:", "Cookie:", "Authorization:", "Accept-Encoding:"};
	bool is_good = strstr(request, "Accept: application/json\r\n") != NULL &&
		       strstr(request, "User-Agent: tokenbroker/test\r\n") != NULL &&
		       strstr(request, "Content-Type: application/x-www-form-urlencoded\r\n") &&
		       strncmp(body, "grant_type=client_credentials&client_id=id&", 43) == 0;

	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		is_good = is_good && strstr(request, forbidden[i]) == NULL;
	if (is_good)
		tiny_server_grant(fd, body);
	else
		tiny_server_answer(fd, "400 Bad Request", "{\"error\":\"invalid_request\"}");
}

/* An error that shows all that was sent. */
static inline void tiny_server_echo(int fd, const char *request, const char *body)
{
	const char *credentials = strstr(request, "Authorization: ");
	char json[TINY_SERVER_REQUEST_BYTES];

	(void)snprintf(json, sizeof(json),
		       "{\"error\":\"invalid_client\",\"error_description\":\"%s %.*s\"}", body,
		       credentials == NULL ? 0 : (int)strcspn(credentials, "\r"), credentials);
	tiny_server_answer(fd, "401 Unauthorized", json);
}

static inline void tiny_server_pour(int fd, const char *head, const char *piece, size_t times)
{
	tiny_server_send(fd, head, strlen(head));
	for (size_t i = 0; i < times; i++)
		tiny_server_send(fd, piece, strlen(piece));
}

static inline void tiny_server_reset(int fd)
{
	struct linger linger = {.l_onoff = 1};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	(void)close(fd);
}

struct tiny_server_text {
	const char *path;
	const char *answer;
};

/* What is sent as it stands, before the connection is closed. */
static const struct tiny_server_text tiny_server_texts[] = {
	{"/redirect", "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1/ok?x=1\r\n"
		      "Content-Length: 0\r\n\r\n"},
	{"/busy", "HTTP/1.1 503 Busy\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"},
	{"/half", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"access_token\":"},
	{"/early", "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
		   "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"},
	{"/rubbish", "220 mail.example ESMTP\r\n"},
	{"/nothing", ""},
	{"/revoked", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	{"/unsupported", "HTTP/1.1 400 Bad\r\nContent-Length: 34\r\n\r\n"
			 "{\"error\":\"unsupported_token_type\"}"},
};

static inline void tiny_server_serve(int fd)
{
	char request[TINY_SERVER_REQUEST_BYTES] = "";
	const char *body = tiny_server_read(fd, request);
	char *path = request + strcspn(request, "/");

	path[strcspn(path, " ")] = '\0'; /* the headers stay behind it */
	if (strstr(path, "/ok") != NULL)
		tiny_server_judge(fd, path + strlen(path) + 1, body);
	else if (strcmp(path, "/echo") == 0)
		tiny_server_echo(fd, path + strlen(path) + 1, body);
	else if (strcmp(path, "/stall") == 0)
		(void)pause();
	else if (strcmp(path, "/large") == 0)
		tiny_server_pour(fd, "HTTP/1.1 200 OK\r\n\r\n", "0123456789abcdef", 100000);
	else if (strcmp(path, "/headers") == 0)
		tiny_server_pour(fd, "HTTP/1.1 200 OK\r\n", "X: y\r\n", 10000);
	else if (strcmp(path, "/header") == 0)
		tiny_server_pour(fd, "HTTP/1.1 200 OK\r\nX: ", "0123456789abcdef", 100000);
	else if (strcmp(path, "/interim") == 0)
		tiny_server_pour(fd, "", "HTTP/1.1 103 Early Hints\r\n\r\n", 10000);
	else if (strcmp(path, "/reset") == 0)
		tiny_server_reset(fd);
	for (size_t i = 0; i < sizeof(tiny_server_texts) / sizeof(tiny_server_texts[0]); i++)
		if (strcmp(path, tiny_server_texts[i].path) == 0)
			tiny_server_send(fd, tiny_server_texts[i].answer,
					 strlen(tiny_server_texts[i].answer));
}

static inline void tiny_server_run(int listener)
{
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0 && fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a stalled one ends with us */
			tiny_server_serve(fd);
			_exit(0);
		}
		(void)close(fd);
	}
}

/* A listening loopback socket; its port in *ret_port. */
static inline int tiny_server_listen(unsigned *ret_port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 16) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		abort();
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static inline void tiny_server_start(struct tiny_server *server)
{
	int listener = tiny_server_listen(&server->port);

	server->pid = fork();
	if (server->pid < 0)
		abort();
	if (server->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		tiny_server_run(listener);
	}
	(void)close(listener);
}

static inline void tiny_server_stop(const struct tiny_server *server)
{
	(void)kill(server->pid, SIGKILL);
	(void)waitpid(server->pid, NULL, 0);
}

#endif
