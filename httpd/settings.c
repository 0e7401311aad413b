/* SPDX-License-Identifier: MIT */
#include "httpd/settings.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/secret_file.h"

/* The broker's own secrets lie in "secrets/": whoever points here at one of them has mixed up two
 * files, and this program must not be able to read it anyway. */
static int read_access_token(const struct config_http *http, struct secret **ret,
			     struct config_errors *errors)
{
	const struct secret_file_rules rules = {
		.whose = "tokenbroker-httpd",
		.uid = geteuid(),
		.gid = getegid(),
	};
	struct error_text error = {.text = ""};
	int r;

	if (http->access_token_file[0] == '\0')
		return 0;
	r = secret_file_read(ret, http->access_token_file, &rules, &error);
	if (r == -ENOMEM || r >= 0)
		return r;
	(void)config_errors_add(errors, &http->access_token_place, "access_token_file", "%s",
				error.text);
	return -EINVAL;
}

int settings_load(struct settings *ret, const struct paths *paths, struct config_errors *errors)
{
	CLEANUP(settings) struct settings settings = {.config = NULL};
	const struct config_http *http;
	int r = config_load(&settings.config, paths->config_file, errors);

	if (r < 0)
		return r;
	http = &settings.config->http;
	settings.unix_socket = http->has_unix_socket ? http->unix_socket : paths->unix_socket;
	r = read_access_token(http, &settings.access_token, errors);
	if (r < 0)
		return r;
	*ret = settings;
	settings = (struct settings){.config = NULL};
	return 0;
}

void settings_fini(struct settings *settings)
{
	config_free(settings->config);
	secret_free(settings->access_token);
	*settings = (struct settings){.config = NULL};
}

struct access_rules settings_rules(const struct settings *settings)
{
	return (struct access_rules){
		.hosts = &settings->config->http.hosts,
		.access_token = settings->access_token,
	};
}
