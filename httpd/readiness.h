/* SPDX-License-Identifier: MIT */
/*
 * Whether programs on this host can work: every token, or one, is usable by its readers, and the
 * broker lives. Pure. Texts hold nothing but token names and words of our own.
 */
#ifndef HTTPD_READINESS_H
#define HTTPD_READINESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error_text.h"
#include "base/status_view.h"

struct readiness_question {
	const struct status_view *view; /* NULL: the status document cannot be read */
	bool is_up;                     /* the heartbeat is fresh */
	const char *name;               /* of the one token asked about; NULL: every token */
	int64_t now_s;                  /* Unix time */
};

enum readiness {
	READINESS_READY, /* also without tokens */
	READINESS_UNKNOWN_TOKEN,
	READINESS_NO_STATUS,
	READINESS_NO_HEARTBEAT, /* readers may go on, but nobody refreshes */
	READINESS_NOT_USABLE,
};

enum readiness readiness_judge(const struct readiness_question *question);

/* A sentence to whoever is told that it is not so; of many tokens the first few are named. Nothing
 * to explain: *ret stays as it is. */
void readiness_explain(const struct readiness_question *question, struct error_text *ret);

/*
 * A line for the broker, then one for each token: "default: ok, 52 min left", "etl: suspended". The
 * caller frees *ret_text, whose NUL is not counted. -ENOMEM.
 */
int readiness_list(const struct readiness_question *question, char **ret_text, size_t *ret_length);

#endif
