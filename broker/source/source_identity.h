/* SPDX-License-Identifier: MIT */
/*
 * Whose token it is: a number over everything that says which token a server would hand out. A
 * segment that carries another number belongs to another source and is never adopted. Pure.
 */
#ifndef BROKER_SOURCE_SOURCE_IDENTITY_H
#define BROKER_SOURCE_SOURCE_IDENTITY_H

#include <stdint.h>

#include "base/config.h"

/*
 * SHA-256, cut to 64 bits, of a text form that never changes between versions:
 *   "tokenbroker source 1\n", then for each of token_url, revoke_url, client_id, client_auth,
 * scope, audience, each resource and each parameter (name, value) in the order of the
 * configuration: KEY ":" LENGTH-IN-DECIMAL ":" BYTES "\n". Returns 0 and *ret, or -ENOMEM.
 */
int source_identity(const struct config_token *config, uint64_t *ret);

#endif
