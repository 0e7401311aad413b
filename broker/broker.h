/* SPDX-License-Identifier: MIT */
/* The broker as main.c sees it: one loop that runs until it is told to stop. */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "base/log.h"
#include "options.h"
#include "base/secret_file.h"

/* The exit statuses of tokenbrokerd. */
enum broker_exit {
	BROKER_EXIT_OK = 0,
	BROKER_EXIT_FAILURE = 1,
	BROKER_EXIT_CONFIG = 2, /* usage or configuration */
	BROKER_EXIT_LOCKED = 3, /* another broker holds the runtime directory */
};

/*
 * Runs the broker in the foreground. The signals that broker_block_signals() names are blocked, in
 * all threads. Logs what goes wrong.
 */
enum broker_exit broker_run(const struct paths *paths, struct log *log);

/* SIGTERM, SIGINT, SIGHUP: handled by the loop, so blocked before any thread exists. */
void broker_block_signals(void);

/* For who only looks: whoever will run the broker is the owner of the runtime directory, if there
 * is one yet. Borrows from the environment. */
struct secret_file_rules broker_secret_rules(const struct paths *paths);

/* --check-config: every mistake on stderr. */
enum broker_exit broker_check_config(const struct paths *paths);

/* --try NAME: one real fetch, with the outcome on stdout and never the token. */
enum broker_exit broker_try(const struct paths *paths, const char *name, const struct log *log);

#endif
