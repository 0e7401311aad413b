/* SPDX-License-Identifier: MIT */
/*
 * How a test commands the provider: JSON over an HTTP address of its own. The home of json-c.
 * tests/integration/auth_server.py is its client and lists the requests.
 */
#ifndef AUTH_SERVER_CONTROL_H
#define AUTH_SERVER_CONTROL_H

#include "tests/support/authorization/provider.h"
#include "tests/support/authorization/server.h"

struct http_service control_service(struct provider *provider);

#endif
