/* SPDX-License-Identifier: MIT */
/*
 * libcurl tells which sockets and which timer it wants to be woken for (on_socket_wanted,
 * on_timer_wanted), the loop wakes it (act), and then every finished transfer is taken out of it.
 */
#include "source/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/tcp_address.h"
#include "source/http_options.h"
#include "source/locked_heap.h"
#include "source/wipe_heap.h"

struct http_client {
	CURLM *multi;
	sd_event *event;
	sd_event_source *timer;
	uint64_t *events; /* counted there */
	bool has_libcurl; /* curl_global_init() to be undone */
};

struct http_transfer {
	struct http_client *client;
	CURL *easy;
	struct curl_slist *headers;
	struct http_answer answer;
	http_done *done;
	void *userdata;
	bool is_loopback_only;
	bool was_address_refused; /* not a loopback one */
	char error[CURL_ERROR_SIZE];
};

void http_transfer_cancel(struct http_transfer *transfer)
{
	if (transfer == NULL)
		return;
	if (transfer->easy != NULL) {
		(void)curl_multi_remove_handle(transfer->client->multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
	}
	curl_slist_free_all(transfer->headers);
	http_answer_fini(&transfer->answer);
	explicit_bzero(transfer, sizeof(*transfer));
	free(transfer);
}

static void cleanup_transfer(struct http_transfer **transfer)
{
	http_transfer_cancel(*transfer);
}

/* Codes that are not here mean the network. */
static enum token_reason reason_of(CURLcode code)
{
	static const struct {
		CURLcode code;
		enum token_reason reason;
	} table[] = {
		{CURLE_OPERATION_TIMEDOUT, TOKEN_TIMEOUT},
		{CURLE_SSL_CONNECT_ERROR, TOKEN_TLS},
		{CURLE_PEER_FAILED_VERIFICATION, TOKEN_TLS},
		{CURLE_SSL_CACERT_BADFILE, TOKEN_TLS},
		{CURLE_SSL_CERTPROBLEM, TOKEN_TLS},
		{CURLE_SSL_CIPHER, TOKEN_TLS},
		{CURLE_SSL_ISSUER_ERROR, TOKEN_TLS},
		{CURLE_SSL_CRL_BADFILE, TOKEN_TLS},
		{CURLE_SSL_ENGINE_INITFAILED, TOKEN_TLS},
		{CURLE_SSL_INVALIDCERTSTATUS, TOKEN_TLS},
		{CURLE_SSL_SHUTDOWN_FAILED, TOKEN_TLS},
		{CURLE_USE_SSL_FAILED, TOKEN_TLS},
		{CURLE_WEIRD_SERVER_REPLY, TOKEN_BAD_RESPONSE},
		{CURLE_UNSUPPORTED_PROTOCOL, TOKEN_BAD_RESPONSE}, /* HTTP/0.9, or no HTTP */
		{CURLE_BAD_CONTENT_ENCODING, TOKEN_BAD_RESPONSE},
		{CURLE_WRITE_ERROR, TOKEN_BAD_RESPONSE},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].code == code)
			return table[i].reason;
	return TOKEN_NETWORK;
}

/* The answer had begun: libcurl up to 8.5 tells of a header line longer than it takes (100 KB) in
 * this way. */
static bool is_answer_too_much(CURL *easy, CURLcode code)
{
	curl_off_t first_byte_us = 0;

	(void)curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &first_byte_us);
#if LIBCURL_VERSION_NUM >= 0x080600
	return (code == CURLE_OUT_OF_MEMORY || code == CURLE_TOO_LARGE) && first_byte_us > 0;
#else
	return code == CURLE_OUT_OF_MEMORY && first_byte_us > 0;
#endif
}

/* What libcurl refuses before it asks anybody. Of all else a server may feel something. */
static bool was_refused_here(const struct http_transfer *transfer, CURLcode code)
{
	long sent_bytes = 0;

	/* HTTP/0.9 is an unsupported protocol, too, but of an answer. */
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
	return transfer->was_address_refused ||
	       ((code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT) &&
		sent_bytes == 0);
}

static void end(struct http_transfer *transfer, CURLcode code)
{
	struct http_result result = {.answer = &transfer->answer, .detail = transfer->error};

	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->answer.status);
	result.was_tried = !was_refused_here(transfer, code);
	if (is_answer_too_much(transfer->easy, code))
		transfer->answer.excess = HTTP_ANSWER_NO_MEMORY;
	if (code != CURLE_OK && transfer->answer.excess == HTTP_ANSWER_FITS)
		result.failure = reason_of(code);
	if (transfer->was_address_refused)
		result.detail = "allow_http is for loopback addresses only, and this is another";
	else if (*transfer->error == '\0')
		result.detail = curl_easy_strerror(code);
	transfer->done(&result, transfer->userdata);
	http_transfer_cancel(transfer);
	secret_wipe_stack();
}

static void end_finished(struct http_client *client)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
		CURLcode code = message->data.result; /* the message dies with the handle */
		struct http_transfer *transfer = NULL;

		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		end(transfer, code);
	}
}

/* Lets libcurl work, and clears up behind it. */
static int act(struct http_client *client, curl_socket_t fd, int events)
{
	int running;

	++*client->events;
	(void)curl_multi_socket_action(client->multi, fd, events, &running);
	secret_wipe_stack();
	end_finished(client);
	return 0;
}

static int on_io(sd_event_source *event_source, int fd, uint32_t events, void *userdata)
{
	int action = 0;

	(void)event_source;
	if ((events & (EPOLLIN | EPOLLHUP)) != 0)
		action |= CURL_CSELECT_IN;
	if ((events & EPOLLOUT) != 0)
		action |= CURL_CSELECT_OUT;
	if ((events & EPOLLERR) != 0)
		action |= CURL_CSELECT_ERR;
	return act(userdata, fd, action);
}

static int on_timer(sd_event_source *event_source, uint64_t usec, void *userdata)
{
	(void)event_source;
	(void)usec;
	return act(userdata, CURL_SOCKET_TIMEOUT, 0);
}

/*
 * CURLMOPT_SOCKETFUNCTION. Always 0: libcurl gives up all transfers for ever when it is told of a
 * failure. Without its event source (no memory) a transfer runs into its timeout.
 */
static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *userdata, void *assigned)
{
	struct http_client *client = userdata;
	sd_event_source *io = assigned;
	uint32_t events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		(void)sd_event_source_disable_unref(io);
		return 0;
	}
	if ((what & CURL_POLL_IN) != 0)
		events |= EPOLLIN;
	if ((what & CURL_POLL_OUT) != 0)
		events |= EPOLLOUT;
	if (io != NULL)
		(void)sd_event_source_set_io_events(io, events);
	else if (sd_event_add_io(client->event, &io, fd, events, on_io, client) >= 0)
		(void)curl_multi_assign(client->multi, fd, io);
	return 0;
}

/* CURLMOPT_TIMERFUNCTION; -1: no timer. */
static int on_timer_wanted(CURLM *multi, long timeout_ms, void *userdata)
{
	struct http_client *client = userdata;

	(void)multi;
	if (timeout_ms < 0) {
		(void)sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
		return 0;
	}
	(void)sd_event_source_set_time_relative(client->timer, (uint64_t)timeout_ms * 1000);
	(void)sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT);
	return 0;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *userdata)
{
	struct http_transfer *transfer = userdata;
	size_t length = size * count;

	return http_answer_add_header(&transfer->answer, bytes, length) ? length : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *userdata)
{
	struct http_transfer *transfer = userdata;
	size_t length = size * count;

	return http_answer_add_body(&transfer->answer, bytes, length) ? length : 0;
}

/* The last look at where cleartext goes: a name that was a loopback one may resolve to another. */
static curl_socket_t on_socket_opened(void *userdata, curlsocktype purpose,
				      struct curl_sockaddr *address)
{
	struct http_transfer *transfer = userdata;

	(void)purpose;
	if (transfer->is_loopback_only && !tcp_address_is_loopback(&address->addr)) {
		transfer->was_address_refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Where libcurl puts what comes; and what it sends in the head. */
static CURLcode set_places(struct http_transfer *transfer)
{
	const struct {
		CURLoption option;
		void *value;
	} places[] = {
		{CURLOPT_HTTPHEADER, transfer->headers},
		{CURLOPT_ERRORBUFFER, transfer->error},
		{CURLOPT_PRIVATE, transfer},
		{CURLOPT_HEADERDATA, transfer},
		{CURLOPT_WRITEDATA, transfer},
		{CURLOPT_OPENSOCKETDATA, transfer},
	};
	CURLcode code = CURLE_OK;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && code == CURLE_OK; i++)
		code = curl_easy_setopt(transfer->easy, places[i].option, places[i].value);
	return code;
}

static CURLcode set_callbacks(CURL *easy)
{
	CURLcode code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);

	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket_opened);
	return code;
}

static int set_options(struct http_transfer *transfer, const struct http_post *post)
{
	int r = http_options_set(transfer->easy, post);
	CURLcode code;

	if (r < 0)
		return r;
	code = set_places(transfer);
	if (code == CURLE_OK)
		code = set_callbacks(transfer->easy);
	if (code == CURLE_OK)
		return 0;
	return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EOPNOTSUPP;
}

static int add_header(struct http_transfer *transfer, const char *line)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, line);

	if (longer == NULL)
		return -ENOMEM;
	transfer->headers = longer;
	return 0;
}

static int set_headers(struct http_transfer *transfer, const struct secret *authorization)
{
	int r = add_header(transfer, "Accept: application/json");

	if (r == 0)
		r = add_header(transfer, "Expect:"); /* no 100-continue */
	if (r == 0 && authorization != NULL)
		r = add_header(transfer, authorization->data);
	return r;
}

int http_transfer_start(struct http_transfer **ret, struct http_client *client,
			const struct http_post *post, http_done *done, void *userdata)
{
	CLEANUP(transfer) struct http_transfer *transfer = calloc(1, sizeof(*transfer));
	int r;

	if (transfer == NULL)
		return -ENOMEM;
	transfer->client = client;
	transfer->done = done;
	transfer->userdata = userdata;
	transfer->is_loopback_only = strncasecmp(post->url, "http:", 5) == 0;
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
		return -ENOMEM;
	r = set_headers(transfer, post->authorization);
	if (r == 0)
		r = set_options(transfer, post);
	if (r == 0 && curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK)
		r = -ENOMEM;
	if (r < 0)
		return r;
	*ret = transfer;
	transfer = NULL;
	return 0;
}

static int set_multi_options(struct http_client *client)
{
	bool is_set = curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted) ==
			      CURLM_OK &&
		      curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client) == CURLM_OK &&
		      curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted) ==
			      CURLM_OK &&
		      curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client) == CURLM_OK;

	return is_set ? 0 : -EOPNOTSUPP;
}

/* libcurl copies requests and answers into its own buffers, which must not reach swap or a core
 * file. A sanitizer's allocator is left alone, so that it sees what libcurl does with memory. */
static CURLcode init_libcurl(void)
{
	if (!wipe_heap_is_active())
		return curl_global_init(CURL_GLOBAL_DEFAULT);
	return curl_global_init_mem(CURL_GLOBAL_DEFAULT, locked_heap_malloc, locked_heap_free,
				    locked_heap_realloc, locked_heap_strdup, locked_heap_calloc);
}

static void cleanup_client(struct http_client **client)
{
	http_client_free(*client);
}

int http_client_new(struct http_client **ret, struct sd_event *event, uint64_t *events)
{
	CLEANUP(client) struct http_client *client = calloc(1, sizeof(*client));
	int r;

	if (client == NULL)
		return -ENOMEM;
#if LIBCURL_VERSION_NUM < 0x075700
	/* Without CURLOPT_QUICK_EXIT a silent name server holds up the loop: for 2 s at most. */
	if (setenv("RES_OPTIONS", "timeout:2 attempts:1", 0) < 0)
		return -errno;
#endif
	if (init_libcurl() != CURLE_OK)
		return -ENOMEM;
	client->has_libcurl = true;
	client->event = sd_event_ref(event);
	client->events = events;
	client->multi = curl_multi_init();
	if (client->multi == NULL)
		return -ENOMEM;
	/* CLOCK_MONOTONIC is what libcurl counts in. As accurate as can be: libcurl's first wish
	 * for each transfer is to be called at once, and sd-event uses up what it is given. */
	r = sd_event_add_time_relative(event, &client->timer, CLOCK_MONOTONIC, 0, 1, on_timer,
				       client);
	if (r >= 0)
		r = sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = set_multi_options(client);
	if (r < 0)
		return r;
	*ret = client;
	client = NULL;
	return 0;
}

void http_client_free(struct http_client *client)
{
	if (client == NULL)
		return;
	(void)curl_multi_cleanup(client->multi); /* takes NULL; may still stop the timer */
	(void)sd_event_source_disable_unref(client->timer);
	(void)sd_event_unref(client->event);
	if (client->has_libcurl)
		curl_global_cleanup();
	free(client);
}
