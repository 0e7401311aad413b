/* SPDX-License-Identifier: MIT */
/*
 * The command line of tokenbrokerd, and the paths that follow from it, from the user and from the
 * environment (docs/architecture.md, "Names and files").
 */
#ifndef BROKER_OPTIONS_H
#define BROKER_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error_text.h"

enum options_mode {
	OPTIONS_RUN,
	OPTIONS_CHECK_CONFIG,
	OPTIONS_TRY,
	OPTIONS_HELP,
	OPTIONS_VERSION,
};

struct options {
	enum options_mode mode;
	const char *try_name;    /* OPTIONS_TRY */
	const char *config_file; /* NULL: not given; these three point into argv */
	const char *runtime_dir;
	const char *state_dir;
};

struct paths {
	char config_file[PATH_MAX];
	char runtime_dir[PATH_MAX];
	char state_dir[PATH_MAX];
	bool is_user_run; /* below the user's own XDG directories */
};

/* What paths_choose() needs to know of the world; NULL where a variable is not set. */
struct paths_facts {
	uid_t euid;
	bool has_system_dir;    /* /run/tokenbroker exists */
	uid_t system_dir_owner; /* its owner, if it does */
	const char *home;
	const char *xdg_runtime_dir;
	const char *xdg_config_home;
	const char *xdg_state_home;
};

/* 0, or -EINVAL with the reason. */
int options_parse(struct options *ret, int argc, char **argv, struct error_text *error);
const char *options_usage(void);

/* Pure. 0; -ENOENT: no runtime directory can be named; -ENAMETOOLONG. */
int paths_choose(struct paths *ret, const struct options *options, const struct paths_facts *facts,
		 struct error_text *error);
/* Reads the facts: environment by secure_getenv(3). */
void paths_facts_read(struct paths_facts *ret);

#endif
