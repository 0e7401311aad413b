/* SPDX-License-Identifier: MIT */
/*
 * The sockets this server listens on: those of the configuration, or those that systemd hands over
 * in their place.
 */
#ifndef HTTPD_LISTENER_H
#define HTTPD_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "base/error_text.h"

enum { LISTENERS_MAX = 64, LISTENER_NAME_BYTES = 128 };

struct listener {
	int fd;
	bool is_unix;
	bool is_loopback; /* of TCP */
	bool is_ours;     /* the path of a Unix socket that was made here: removed at the end */
	char name[LISTENER_NAME_BYTES]; /* "http://127.0.0.1:8437", "unix:/run/..." */
};

struct listeners {
	struct listener items[LISTENERS_MAX];
	size_t count;
};

/*
 * unix_socket: the path in force, "": none. Sockets of systemd replace http->listen, and the Unix
 * socket if one of them is one; they obey the same rule: only loopback without an access token and
 * allow_cleartext.
 *
 * 0, or a negative errno with the reason: -EINVAL breaks a rule of the configuration.
 */
int listeners_open(struct listeners *ret, const struct config_http *http, const char *unix_socket,
		   struct error_text *error);
/* Whether the sockets that are open obey that rule with this configuration, too: a reload does not
 * close any. 0, or -EINVAL with the reason. */
int listeners_check(const struct listeners *listeners, const struct config_http *http,
		    struct error_text *error);
/* Closes them; a zeroed one is fine. */
void listeners_close(struct listeners *listeners);

#endif
