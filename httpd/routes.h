/* SPDX-License-Identifier: MIT */
/*
 * The one table of what this server answers: method, path, handler, who may.
 */
#ifndef HTTPD_ROUTES_H
#define HTTPD_ROUTES_H

#include "httpd/access.h"

struct handler_context;

/* What a path names: the token of "/v1/tokens/NAME". */
struct route_match {
	const struct route *route; /* NULL: no such path */
	const char *allow;         /* for 405, if the path is there with other methods */
	char name[TOKEN_NAME_MAX + 1];
};

struct route {
	const char *method; /* GET answers HEAD, too */
	const char *path;   /* "*" stands for a token's name */
	enum access access;
	enum tokenbroker_control_command command; /* 0: none */
	void (*handle)(struct handler_context *context, const struct request *request,
		       const struct route_match *match, struct answer *ret);
};

void routes_match(const struct route *routes, size_t count, const char *method, const char *path,
		  struct route_match *ret);

#endif
