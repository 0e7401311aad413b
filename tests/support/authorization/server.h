/* SPDX-License-Identifier: MIT */
/*
 * One HTTP address on loopback, a thread for each connection, so that a request that is answered
 * late or never holds up no other. The home of libmicrohttpd: services see plain structs.
 *
 * An answer can be delivered as no honest server would: reset, never, by the byte, by half.
 */
#ifndef AUTH_SERVER_SERVER_H
#define AUTH_SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEADERS_MAX 8

/* Everything is borrowed and lives until on_end returns. Absent strings are NULL. */
struct http_request {
	const char *method;
	const char *path;
	const char *authorization;
	const char *content_type;
	const char *body; /* NUL-terminated, NULL before it is complete */
	size_t length;
	bool has_query;
	bool is_too_large; /* the body was dropped */
	bool has_nul;      /* the body holds a NUL byte, so length is not strlen() */
	uint64_t tag;      /* on_begin may set it; on_request and on_end see it */
};

enum http_delivery {
	HTTP_DELIVERY_PLAIN,
	HTTP_DELIVERY_RESET,         /* TCP RST instead of an answer */
	HTTP_DELIVERY_STALL,         /* no byte, until the peer gives up */
	HTTP_DELIVERY_STALL_HEADERS, /* status and headers, then no byte */
	HTTP_DELIVERY_SLOW,          /* a byte of the body every slow_ms */
	HTTP_DELIVERY_HALF,          /* half of the body, then the connection is closed */
	HTTP_DELIVERY_ENDLESS,       /* the body, then blanks until the peer gives up */
};

struct http_header {
	char name[64];
	char value[1024];
};

/* Starts zeroed. body is freed by the server. */
struct http_answer {
	unsigned status;
	char *body; /* from malloc(3); NULL: empty */
	size_t length;
	struct http_header headers[HTTP_HEADERS_MAX];
	size_t header_count;
	unsigned filler_headers; /* further headers of no meaning */
	int64_t delay_ms;        /* before the first byte */
	int64_t slow_ms;
	enum http_delivery delivery;
};

/* Adds a header, cut to its size; one more than HTTP_HEADERS_MAX is left out. */
void http_answer_header(struct http_answer *answer, const char *name, const char *value);

/* Called from the connections' threads, several at once. */
struct http_service {
	void *context;
	void (*on_begin)(void *context, struct http_request *request); /* headers are in */
	void (*on_request)(void *context, const struct http_request *request,
			   struct http_answer *ret_answer); /* the body is, too */
	/* its first byte goes out; NULL: not of interest */
	void (*on_answer)(void *context, const struct http_request *request);
	void (*on_end)(void *context, const struct http_request *request); /* answered or lost */
};

/* PEM texts; both NULL: no TLS. Borrowed while the server runs. */
struct server_tls {
	const char *certificate;
	const char *key;
};

struct server;

/* Listens on 127.0.0.1; port 0 takes a free one. service is borrowed. 0 or negative errno. */
int server_start(const struct http_service *service, uint16_t port, const struct server_tls *tls,
		 struct server **ret);
uint16_t server_port(const struct server *server);
/* Ends waiting deliveries, waits for the threads and frees. NULL is fine. */
void server_stop(struct server *server);

#endif
