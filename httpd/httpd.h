/* SPDX-License-Identifier: MIT */
/*
 * tokenbroker-httpd from its configuration to its end: wiring alone.
 */
#ifndef HTTPD_HTTPD_H
#define HTTPD_HTTPD_H

#include "base/log.h"
#include "httpd/options.h"

enum httpd_exit {
	HTTPD_EXIT_OK = 0,
	HTTPD_EXIT_FAILURE = 1,
	HTTPD_EXIT_CONFIG = 2, /* usage or configuration */
};

/* Before any thread or loop: SIGTERM, SIGINT and SIGHUP are for the loop. */
void httpd_block_signals(void);
/* Serves until SIGTERM or SIGINT. SIGHUP: http.hosts and the access token are read again. */
enum httpd_exit httpd_run(const struct paths *paths, struct log *log);
enum httpd_exit httpd_check_config(const struct paths *paths);

#endif
