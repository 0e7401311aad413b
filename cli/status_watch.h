/* SPDX-License-Identifier: MIT */
/* `tokenbroker status --watch`. */
#ifndef CLI_STATUS_WATCH_H
#define CLI_STATUS_WATCH_H

#include <stdbool.h>

#include "cli/broker_status.h"
#include "cli/exit_status.h"

/*
 * Shows status, which is loaded, again on every change until Ctrl-C, SIGTERM or SIGHUP. A terminal
 * is redrawn in place and left as it was; elsewhere each change is a block of its own.
 */
int status_watch(struct broker_status *status, bool is_json);

#endif
