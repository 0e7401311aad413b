/* SPDX-License-Identifier: MIT */
/*
 * What this server knows of the broker: status.json, read, checked and made into texts once for
 * each change, and its heartbeat. A file that is missing or cannot be believed is a state with a
 * reason, never a failure of the server.
 */
#ifndef HTTPD_SNAPSHOT_H
#define HTTPD_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error_text.h"
#include "base/status_file.h"
#include "base/status_view.h"
#include "httpd/document.h"
#include "httpd/kept_text.h"

struct snapshot {
	const char *runtime_path; /* borrowed */
	struct status_file_mark mark;
	bool has_mark;            /* there is a file, and it has been judged */
	bool has_heartbeat;       /* mark is the broker's heartbeat */
	uint64_t version;         /* rises when document is another one */
	struct status_view *view; /* these two: NULL while there is none that can be believed */
	struct document *document;
	struct error_text error;    /* why there is none */
	struct kept_text metrics;   /* these two: of the handlers, which keep them here */
	struct kept_text readiness; /* of all tokens */
};

void snapshot_init(struct snapshot *snapshot, const char *runtime_path);
void snapshot_fini(struct snapshot *snapshot);
/* Looks at the file, and reads it if it has changed or a token has expired since. */
void snapshot_refresh(struct snapshot *snapshot, int64_t now_realtime_ns);
/* Whether the broker's loop turns: its heartbeat is fresh. */
bool snapshot_is_up(const struct snapshot *snapshot, int64_t now_realtime_ns);

#endif
