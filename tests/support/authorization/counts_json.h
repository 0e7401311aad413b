/* SPDX-License-Identifier: MIT */
/*
 * What the provider saw, as JSON:
 * {"endpoints": {"token": {"requests", "in_progress", "peak", "outcomes": {…}, "last": {"path",
 * "auth", "content_type", "fields": [["grant_type", "client_credentials"], …]}}, …},
 *  "token_requests": [{"at_ms", "outcome", "client_id"}, …], "issued", "revoked",
 *  "active": [fingerprints]}
 * A field whose value may be secret has null there. at_ms is CLOCK_MONOTONIC.
 */
#ifndef AUTH_SERVER_COUNTS_JSON_H
#define AUTH_SERVER_COUNTS_JSON_H

#include "tests/support/authorization/provider.h"

/* A new string that the caller frees, or NULL without memory. */
char *counts_json(struct provider *provider);

#endif
