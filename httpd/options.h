/* SPDX-License-Identifier: MIT */
/*
 * The command line of tokenbroker-httpd and the paths that follow from it (docs/architecture.md,
 * "Names and files").
 */
#ifndef HTTPD_OPTIONS_H
#define HTTPD_OPTIONS_H

#include <limits.h>
#include <stdbool.h>

#include "base/error_text.h"

enum options_mode {
	OPTIONS_RUN,
	OPTIONS_CHECK_CONFIG,
	OPTIONS_HELP,
	OPTIONS_VERSION,
};

struct options {
	enum options_mode mode;
	const char *config_file; /* NULL: not given; these point into argv */
	const char *runtime_dir;
};

struct paths {
	char config_file[PATH_MAX];
	char runtime_dir[PATH_MAX];
	char unix_socket[PATH_MAX]; /* the default, where the configuration names none */
};

/* What paths_choose() needs to know of the world; NULL where a variable is not set. */
struct paths_facts {
	bool has_system_dir; /* /run/tokenbroker exists */
	const char *home;
	const char *xdg_runtime_dir;
	const char *xdg_config_home;
};

/* 0, or -EINVAL with the reason. */
int options_parse(struct options *ret, int argc, char **argv, struct error_text *error);
const char *options_usage(void);

/* Pure. 0, or a negative errno with the reason. */
int paths_choose(struct paths *ret, const struct options *options, const struct paths_facts *facts,
		 struct error_text *error);
/* Reads the facts: environment by secure_getenv(3). */
void paths_facts_read(struct paths_facts *ret);

#endif
