/* SPDX-License-Identifier: MIT */
/* What one publish says about a token: plain data, shared by everything in this folder. */
#ifndef BROKER_PUBLISH_PUBLICATION_CONTENT_H
#define BROKER_PUBLISH_PUBLICATION_CONTENT_H

#include <stddef.h>
#include <stdint.h>

#include "tokenbroker_segment.h"

struct publication_content {
	enum tokenbroker_segment_state state;
	uint64_t generation; /* withdrawn publishes keep that of the token they withdraw */
	int64_t expires_boottime_ns;
	int64_t expires_realtime_ns;
	int64_t issued_realtime_ns;
	uint64_t source_id;
	const char *token; /* borrowed, length bytes, no NUL needed; NULL with length 0 */
	size_t length;     /* at most TOKENBROKER_TOKEN_MAX; 0 unless state is VALID */
};

#endif
