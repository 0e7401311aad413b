/* SPDX-License-Identifier: MIT */
/*
 * What tokenbroker-httpd takes from the configuration: the section http, the log level, and the
 * access token, the one secret this program may read.
 */
#ifndef HTTPD_SETTINGS_H
#define HTTPD_SETTINGS_H

#include "base/config.h"
#include "base/secret.h"
#include "httpd/access.h"
#include "httpd/options.h"

struct settings {
	struct config *config;
	struct secret *access_token; /* NULL: none is configured */
	const char *unix_socket;     /* "": none */
};

/* 0, or -EINVAL with errors; any other negative errno without. ret is untouched on failure. */
int settings_load(struct settings *ret, const struct paths *paths, struct config_errors *errors);
/* A zeroed one is fine. */
void settings_fini(struct settings *settings);
static inline void cleanup_settings(struct settings *settings)
{
	settings_fini(settings);
}

struct access_rules settings_rules(const struct settings *settings);

#endif
