/* SPDX-License-Identifier: MIT */
/*
 * What a request asks of libcurl: the policy that is the same for all, and what the post says.
 */
#ifndef BROKER_SOURCE_HTTP_OPTIONS_H
#define BROKER_SOURCE_HTTP_OPTIONS_H

#include "source/http_client.h"

/* easy: libcurl's handle (CURL). Callbacks and headers are not set. 0; -ENOMEM; -EOPNOTSUPP. */
int http_options_set(void *easy, const struct http_post *post);

#endif
