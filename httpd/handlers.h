/* SPDX-License-Identifier: MIT */
/*
 * What each route answers, from the snapshot alone: no socket, no clock.
 */
#ifndef HTTPD_HANDLERS_H
#define HTTPD_HANDLERS_H

#include <stdint.h>

#include "httpd/access.h"
#include "httpd/page.h"
#include "httpd/routes.h"
#include "httpd/snapshot.h"

struct handler_context {
	struct snapshot *snapshot; /* refreshed */
	const struct access_rules *rules;
	const struct page *page;
	int64_t now_realtime_ns;
};

/*
 * Checks the request and answers it; ret starts zeroed. A command that may be passed on is
 * returned: its route, with the token's name; ret is no answer then. Else NULL.
 */
const struct route *handlers_run(struct handler_context *context, const struct request *request,
				 struct route_match *match, struct answer *ret);

#endif
