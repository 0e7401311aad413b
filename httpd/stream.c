/* SPDX-License-Identifier: MIT */
#include "httpd/stream.h"

#include <microhttpd.h>
#include <string.h>

#define COMMENT ":\n\n"

ssize_t stream_read(void *cls, uint64_t position, char *buffer, size_t size)
{
	struct connection *connection = cls;
	struct stream *stream = &connection->stream;
	size_t left = stream->text == NULL ? 0 : stream->text->length - stream->sent;

	(void)position;
	/* Nobody sees that end: the socket is shut down. After an end with error libmicrohttpd
	 * would keep the connection until its client closes it. */
	if (connection->is_cut)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (left == 0) {
		shared_text_release(stream->text);
		stream->text = NULL;
		connection->deadline_ms = INT64_MAX;
		MHD_suspend_connection(connection->handle);
		stream->is_suspended = true;
		return 0;
	}
	if (left < size)
		size = left;
	memcpy(buffer, stream->text->data + stream->sent, size);
	stream->sent += size;
	return (ssize_t)size;
}

static void send_text(struct connection *connection, struct shared_text *held, int64_t now_ms)
{
	struct stream *stream = &connection->stream;

	stream->text = held;
	stream->sent = 0;
	stream->comment_at_ms = now_ms + CONNECTION_COMMENT_MS;
	connection->deadline_ms = now_ms + CONNECTION_SEND_MS;
	stream_resume(connection);
}

bool stream_wake(struct connection *connection, uint64_t version, struct shared_text *event,
		 int64_t now_ms)
{
	struct stream *stream = &connection->stream;
	struct shared_text *comment;

	if (!stream->is_suspended)
		return false;
	if (event != NULL && stream->version != version) {
		stream->version = version;
		send_text(connection, shared_text_hold(event), now_ms);
		return true;
	}
	if (now_ms < stream->comment_at_ms)
		return false;
	comment = shared_text_new(COMMENT, sizeof(COMMENT) - 1);
	if (comment == NULL)
		return false;
	send_text(connection, comment, now_ms);
	return true;
}

void stream_resume(struct connection *connection)
{
	if (!connection->stream.is_suspended)
		return;
	connection->stream.is_suspended = false;
	MHD_resume_connection(connection->handle);
}
