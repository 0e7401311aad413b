/* SPDX-License-Identifier: MIT */
#include "httpd/respond.h"

#include <microhttpd.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "httpd/stream.h"

/* No origin and no type: whoever sends two is refused, whichever of them is right. */
#define TWICE ""

/* Of each stream: what libmicrohttpd holds for it. */
enum { STREAM_BLOCK_BYTES = 4 * 1024 };

static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *key,
				   const char *value)
{
	struct request *request = cls;

	(void)kind;
	request->has_odd_name |= strpbrk(key, " \t") != NULL;
	if (strcasecmp(key, MHD_HTTP_HEADER_HOST) == 0) {
		request->host = value;
		request->host_count++;
	} else if (strcasecmp(key, MHD_HTTP_HEADER_AUTHORIZATION) == 0) {
		request->authorization = value;
		request->authorization_count++;
	} else if (strcasecmp(key, MHD_HTTP_HEADER_ORIGIN) == 0) {
		request->origin = request->origin == NULL ? value : TWICE;
	} else if (strcasecmp(key, MHD_HTTP_HEADER_CONTENT_TYPE) == 0) {
		request->content_type = request->content_type == NULL ? value : TWICE;
	} else if (strcasecmp(key, MHD_HTTP_HEADER_IF_NONE_MATCH) == 0) {
		request->if_none_match = value;
	} else if (strcasecmp(key, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
		request->has_body |= value == NULL || strspn(value, "0") != strlen(value);
	} else if (strcasecmp(key, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
		request->has_body = true;
	}
	return MHD_YES;
}

void respond_read_request(struct connection *connection, const char *method, const char *path,
			  struct request *ret)
{
	const char *value;
	size_t length;

	*ret = (struct request){.method = method, .path = path, .peer = &connection->peer};
	(void)MHD_get_connection_values(connection->handle, MHD_HEADER_KIND, take_header, ret);
	ret->is_verbose =
		MHD_lookup_connection_value_n(connection->handle, MHD_GET_ARGUMENT_KIND, "verbose",
					      strlen("verbose"), &value, &length) == MHD_YES;
}

static void free_text(void *data)
{
	char *bytes = data;

	shared_text_release((struct shared_text *)(bytes - offsetof(struct shared_text, data)));
}

/* Asked for with HEAD nothing is read, but libmicrohttpd ends it as a chunked body, which a client
 * takes for the beginning of the next answer: so it is none, and the connection ends there. */
static struct MHD_Response *stream_of(struct connection *connection, bool is_head)
{
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, stream_read, connection, NULL);

	if (response == NULL || !is_head ||
	    MHD_set_response_options(response, MHD_RF_HTTP_VERSION_1_0_ONLY, MHD_RO_END) == MHD_YES)
		return response;
	MHD_destroy_response(response);
	return NULL;
}

/* NULL: out of memory. */
static struct MHD_Response *response_of(struct connection *connection, bool is_head,
					struct answer *answer)
{
	struct MHD_Response *response;

	if (answer->is_stream)
		return stream_of(connection, is_head);
	if (answer->body == NULL)
		return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	/* Sent from where it is: who does not take it holds no copy. */
	response = MHD_create_response_from_buffer_with_free_callback(
		answer->body->length, answer->body->data, free_text);
	if (response != NULL)
		answer->body = NULL; /* the response holds it now */
	return response;
}

static bool add(struct MHD_Response *response, const char *name, const char *value)
{
	return MHD_add_response_header(response, name, value) == MHD_YES;
}

/* The same for every answer: nothing here is to be framed, sniffed, kept or sent elsewhere. */
static bool add_common(struct MHD_Response *response, const char *policy)
{
	return add(response, "Content-Security-Policy", policy) &&
	       add(response, "X-Content-Type-Options", "nosniff") &&
	       add(response, "X-Frame-Options", "DENY") &&
	       add(response, "Referrer-Policy", "no-referrer") &&
	       add(response, "Cross-Origin-Resource-Policy", "same-origin") &&
	       add(response, "Cross-Origin-Opener-Policy", "same-origin");
}

static bool add_headers(struct MHD_Response *response, const struct page *page,
			const struct answer *answer)
{
	char seconds[16];

	(void)snprintf(seconds, sizeof(seconds), "%u", answer->retry_after_s);
	return add_common(response, answer->is_page
					    ? page->policy
					    : "default-src 'none'; frame-ancestors 'none'") &&
	       add(response, MHD_HTTP_HEADER_CACHE_CONTROL,
		   answer->is_cacheable ? "no-cache" : "no-store") &&
	       (answer->content_type == NULL ||
		add(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type)) &&
	       /* RFC 9112 9.6: where the next request begins is not sure. */
	       (answer->status != 400 || add(response, MHD_HTTP_HEADER_CONNECTION, "close")) &&
	       (answer->etag[0] == '\0' || add(response, MHD_HTTP_HEADER_ETAG, answer->etag)) &&
	       (answer->allow == NULL || add(response, MHD_HTTP_HEADER_ALLOW, answer->allow)) &&
	       (answer->retry_after_s == 0 ||
		add(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds)) &&
	       (!answer->asks_for_token ||
		add(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"tokenbroker\"")) &&
	       (!answer->tells_reading || add(response, "Tokenbroker-Reading",
					      answer->may_read ? "available" : "unavailable")) &&
	       (!answer->tells_commands || add(response, "Tokenbroker-Commands",
					       answer->has_commands ? "available" : "unavailable"));
}

bool respond(struct connection *connection, const struct page *page, bool is_head,
	     struct answer *answer)
{
	struct MHD_Response *response = response_of(connection, is_head, answer);
	bool is_queued =
		response != NULL && add_headers(response, page, answer) &&
		MHD_queue_response(connection->handle, answer->status, response) == MHD_YES;

	if (response != NULL)
		MHD_destroy_response(response);
	return is_queued;
}
