/* SPDX-License-Identifier: MIT */
/*
 * The runtime directory and the status document in it, as the subcommands need them together.
 */
#ifndef CLI_BROKER_STATUS_H
#define CLI_BROKER_STATUS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error_text.h"
#include "base/status_file.h"
#include "base/status_view.h"

struct broker_status {
	int runtime_fd; /* -1: not open */
	uid_t owner;
	struct status_file file;  /* zeroed before the first load */
	struct status_view *view; /* NULL before the first load */
	bool is_new;              /* the last load brought another text than the one before */
};

#define BROKER_STATUS_NULL                                                                         \
	{                                                                                          \
		.runtime_fd = -1                                                                   \
	}

/* Finds and opens the runtime directory. A negative errno with an error that says what to do. */
int broker_status_open(struct broker_status *status, struct error_text *error);
/* Reads and parses the document; what was loaded before stays on failure. As broker_status_open().
 */
int broker_status_load(struct broker_status *status, struct error_text *error);
/* The document or the heartbeat is another one than the loaded. */
bool broker_status_has_moved(const struct broker_status *status);
void broker_status_fini(struct broker_status *status);
static inline void cleanup_broker_status(struct broker_status *status)
{
	broker_status_fini(status);
}

#endif
