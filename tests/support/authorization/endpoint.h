/* SPDX-License-Identifier: MIT */
/* The kinds of endpoint that requests are counted and faults are ordered by. */
#ifndef AUTH_SERVER_ENDPOINT_H
#define AUTH_SERVER_ENDPOINT_H

enum endpoint {
	ENDPOINT_TOKEN,
	ENDPOINT_REVOKE,
	ENDPOINT_API,
	ENDPOINT_COUNT, /* and what is none of them */
};

/* In the order of the enum, for an initialiser. */
#define ENDPOINT_NAMES "token", "revoke", "api"

#endif
