/* SPDX-License-Identifier: MIT */
/*
 * The typical loop, with a request function of your own: get a token, call; on 401 tell the broker,
 * wait for a newer token, get it, call once more.
 *
 * loop PORT PATH sends a GET to a server on this host, without TLS: replace call_api() by what your
 * program does. Prints the HTTP status; exit 0 if it is 2xx, 1 if not, 2: usage.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tokenbroker.h>

#define MIN_REMAINING_MS 5000  /* a call may take this long: the token must live as long */
#define WAIT_MS          30000 /* for the first token, and for a newer one after a 401 */

struct api {
	uint16_t port;
	const char *path;
};

static int connect_to(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static int send_request(int fd, const struct api *api, const char *token)
{
	char request[TOKENBROKER_TOKEN_MAX + 4096];
	int length = snprintf(request, sizeof(request),
			      "GET %s HTTP/1.0\r\n"
			      "Host: 127.0.0.1:%u\r\n"
			      "Authorization: Bearer %s\r\n\r\n",
			      api->path, (unsigned)api->port, token);
	int r = -E2BIG;

	if (length > 0 && (size_t)length < sizeof(request))
		r = send(fd, request, (size_t)length, MSG_NOSIGNAL) == length ? 0 : -EIO;
	explicit_bzero(request, sizeof(request)); /* it holds a copy of the token */
	return r;
}

/* The status in the first line of the answer. */
static int receive_status(int fd)
{
	char line[256];
	ssize_t length = recv(fd, line, sizeof(line) - 1, 0);
	int status;

	if (length <= 0)
		return -EIO;
	line[length] = '\0';
	return sscanf(line, "HTTP/%*d.%*d %d", &status) == 1 ? status : -EIO;
}

/* Yours: one request with this token. Returns the HTTP status or a negative errno. */
static int call_api(const struct api *api, const char *token)
{
	int fd = connect_to(api->port);
	int r;

	if (fd < 0)
		return fd;
	r = send_request(fd, api, token);
	if (r == 0)
		r = receive_status(fd);
	close(fd);
	return r;
}

/* Gets the current token and calls. The copy lives as long as the call. */
static int call_with_token(struct tokenbroker *tb, const struct api *api, uint64_t *ret_generation)
{
	char token[TOKENBROKER_TOKEN_MAX + 1];
	struct tokenbroker_info info;
	int r = tokenbroker_get(tb, MIN_REMAINING_MS, token, sizeof(token), &info);

	if (r < 0)
		return r;
	r = call_api(api, token);
	explicit_bzero(token, sizeof(token));
	*ret_generation = info.generation;
	return r;
}

/* Returns the HTTP status or a negative errno. */
static int call(struct tokenbroker *tb, const struct api *api)
{
	uint64_t generation;
	int status = call_with_token(tb, api, &generation);
	int r;

	if (status != 401)
		return status;
	r = tokenbroker_reject(tb, generation);
	if (r < 0 && r != -ESTALE) /* -ESTALE: the newer one is already there */
		return r;
	r = tokenbroker_wait(tb, generation, WAIT_MS);
	if (r < 0)
		return r;
	return call_with_token(tb, api,
			       &generation); /* once: a second 401 is not the token's fault */
}

int main(int argc, char **argv)
{
	struct tokenbroker *tb;
	struct api api;
	int r;

	if (argc != 3) {
		fprintf(stderr, "usage: loop PORT PATH\n");
		return 2;
	}
	api = (struct api){.port = (uint16_t)strtoul(argv[1], NULL, 10), .path = argv[2]};
	r = tokenbroker_open(&tb, NULL);
	if (r < 0) {
		fprintf(stderr, "loop: %s\n", tokenbroker_strerror(r));
		return 1;
	}
	r = tokenbroker_wait(tb, 0, WAIT_MS); /* the broker may have started just now */
	if (r == 0)
		r = call(tb, &api);
	tokenbroker_close(tb);
	if (r < 0) {
		fprintf(stderr, "loop: %s\n", tokenbroker_strerror(r));
		return 1;
	}
	printf("%d\n", r);
	return r >= 200 && r < 300 ? 0 : 1;
}
