/* SPDX-License-Identifier: MIT */
/* `tokenbroker status --watch`. */
#ifndef CLI_STATUS_WATCH_H
#define CLI_STATUS_WATCH_H

#include <stdbool.h>

#include "cli/broker_status.h"
#include "cli/exit_status.h"

/*
 * Shows status, which is loaded, until Ctrl-C, SIGTERM, SIGHUP, the key q, or nobody reads standard
 * output any more. A terminal is redrawn in place each second and left as it was; elsewhere, and as
 * JSON, each change is a block of its own.
 */
int status_watch(struct broker_status *status, bool is_json);

#endif
