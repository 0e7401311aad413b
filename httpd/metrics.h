/* SPDX-License-Identifier: MIT */
/*
 * The status document as Prometheus metrics, text format 0.0.4. Pure. What the document does not
 * tell (null there) has no sample; counters that are zero have one, so that rates work from the
 * first failure on.
 */
#ifndef HTTPD_METRICS_H
#define HTTPD_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status_view.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/*
 * view NULL: the document cannot be read, only tokenbroker_build_info and tokenbroker_up are told.
 * is_up: the heartbeat is fresh. now_s: Unix time. The caller frees *ret_text, whose NUL is not
 * counted. -ENOMEM.
 */
int metrics_render(const struct status_view *view, bool is_up, int64_t now_s, char **ret_text,
		   size_t *ret_length);

#endif
