/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_RUNTIME_DIR "/run/tokenbroker"
#define SYSTEM_CONFIG_FILE "/etc/tokenbroker/tokenbroker.conf"
#define SYSTEM_STATE_DIR   "/var/lib/tokenbroker"

static const char usage[] =
	"usage: tokenbrokerd [OPTION]...\n"
	"Fetches OAuth 2.0 access tokens and publishes them in shared memory, in the foreground.\n"
	"\n"
	"  --config FILE      configuration (default /etc/tokenbroker/tokenbroker.conf; run by a\n"
	"                     user: $XDG_CONFIG_HOME/tokenbroker/tokenbroker.conf)\n"
	"  --runtime-dir DIR  where readers find the tokens (default /run/tokenbroker; run by a\n"
	"                     user: $XDG_RUNTIME_DIR/tokenbroker)\n"
	"  --state-dir DIR    what survives a reboot (default /var/lib/tokenbroker; run by a "
	"user:\n"
	"                     $XDG_STATE_HOME/tokenbroker)\n"
	"  --check-config     reports every mistake in the configuration and exits\n"
	"  --try NAME         fetches one token, says how it went, revokes it and exits\n"
	"  --version, --help\n"
	"\n"
	"exit status: 0 stopped by SIGTERM or SIGINT, 1 failure, 2 usage or configuration,\n"
	"3 another broker holds the runtime directory\n"
	"\n"
	"examples:\n"
	"  tokenbrokerd --check-config --config ./tokenbroker.conf\n"
	"  tokenbrokerd --try default\n";

const char *options_usage(void)
{
	return usage;
}

enum {
	OPTION_CONFIG = 256,
	OPTION_RUNTIME_DIR,
	OPTION_STATE_DIR,
	OPTION_CHECK_CONFIG,
	OPTION_TRY,
	OPTION_VERSION,
	OPTION_HELP
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR},
	{"state-dir", required_argument, NULL, OPTION_STATE_DIR},
	{"check-config", no_argument, NULL, OPTION_CHECK_CONFIG},
	{"try", required_argument, NULL, OPTION_TRY},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

static int set_mode(struct options *options, enum options_mode mode, struct error_text *error)
{
	if (options->mode != OPTIONS_RUN) {
		error_text_set(error,
			       "--check-config, --try, --version and --help exclude each other");
		return -EINVAL;
	}
	options->mode = mode;
	return 0;
}

static int take(struct options *options, int option, struct error_text *error)
{
	switch (option) {
	case OPTION_CONFIG:
		options->config_file = optarg;
		return 0;
	case OPTION_RUNTIME_DIR:
		options->runtime_dir = optarg;
		return 0;
	case OPTION_STATE_DIR:
		options->state_dir = optarg;
		return 0;
	case OPTION_CHECK_CONFIG:
		return set_mode(options, OPTIONS_CHECK_CONFIG, error);
	case OPTION_TRY:
		options->try_name = optarg;
		return set_mode(options, OPTIONS_TRY, error);
	case OPTION_VERSION:
		return set_mode(options, OPTIONS_VERSION, error);
	case OPTION_HELP:
		return set_mode(options, OPTIONS_HELP, error);
	case ':':
		error_text_set(error, "--%s needs a value",
			       long_options[optopt - OPTION_CONFIG].name);
		return -EINVAL;
	default:
		error_text_set(error, "unknown option %s", optarg != NULL ? optarg : "");
		return -EINVAL;
	}
}

int options_parse(struct options *ret, int argc, char **argv, struct error_text *error)
{
	struct options options = {.mode = OPTIONS_RUN};
	int option;
	int r;

	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		if (option == '?') {
			error_text_set(error, "unknown option %s", argv[optind - 1]);
			return -EINVAL;
		}
		r = take(&options, option, error);
		if (r < 0)
			return r;
	}
	if (optind < argc) {
		error_text_set(error, "unexpected argument %s", argv[optind]);
		return -EINVAL;
	}
	*ret = options;
	return 0;
}

void paths_facts_read(struct paths_facts *ret)
{
	struct stat st;

	*ret = (struct paths_facts){
		.euid = geteuid(),
		.home = secure_getenv("HOME"),
		.xdg_runtime_dir = secure_getenv("XDG_RUNTIME_DIR"),
		.xdg_config_home = secure_getenv("XDG_CONFIG_HOME"),
		.xdg_state_home = secure_getenv("XDG_STATE_HOME"),
	};
	if (lstat(SYSTEM_RUNTIME_DIR, &st) == 0) {
		ret->has_system_dir = true;
		ret->system_dir_owner = st.st_uid;
	}
}

static int path_join(char ret[PATH_MAX], const char *directory, const char *rest)
{
	int length = snprintf(ret, PATH_MAX, "%s%s", directory, rest);

	return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* XDG Base Directory Specification: a relative path in the variable is invalid and ignored. */
static int xdg_path(char ret[PATH_MAX], const char *variable, const char *home,
		    const char *below_home, const char *rest)
{
	char fallback[PATH_MAX];
	int r;

	if (variable != NULL && variable[0] == '/')
		return path_join(ret, variable, rest);
	if (home == NULL || home[0] != '/')
		return -ENOENT;
	r = path_join(fallback, home, below_home);
	return r < 0 ? r : path_join(ret, fallback, rest);
}

static int choose_runtime_dir(struct paths *paths, const struct options *options,
			      const struct paths_facts *facts, struct error_text *error)
{
	if (options->runtime_dir != NULL)
		return path_join(paths->runtime_dir, options->runtime_dir, "");
	if (facts->euid == 0 || (facts->has_system_dir && facts->system_dir_owner == facts->euid))
		return path_join(paths->runtime_dir, SYSTEM_RUNTIME_DIR, "");
	paths->is_user_run = true;
	if (facts->xdg_runtime_dir == NULL || facts->xdg_runtime_dir[0] != '/') {
		error_text_set(error, "no runtime directory: " SYSTEM_RUNTIME_DIR
				      " is not yours and XDG_RUNTIME_DIR is not set: set "
				      "it to a private directory on tmpfs");
		return -ENOENT;
	}
	return path_join(paths->runtime_dir, facts->xdg_runtime_dir, "/tokenbroker");
}

static int choose_config_file(struct paths *paths, const struct options *options,
			      const struct paths_facts *facts)
{
	if (options->config_file != NULL)
		return path_join(paths->config_file, options->config_file, "");
	if (!paths->is_user_run)
		return path_join(paths->config_file, SYSTEM_CONFIG_FILE, "");
	return xdg_path(paths->config_file, facts->xdg_config_home, facts->home, "/.config",
			"/tokenbroker/tokenbroker.conf");
}

static int choose_state_dir(struct paths *paths, const struct options *options,
			    const struct paths_facts *facts)
{
	if (options->state_dir != NULL)
		return path_join(paths->state_dir, options->state_dir, "");
	if (!paths->is_user_run)
		return path_join(paths->state_dir, SYSTEM_STATE_DIR, "");
	return xdg_path(paths->state_dir, facts->xdg_state_home, facts->home, "/.local/state",
			"/tokenbroker");
}

int paths_choose(struct paths *ret, const struct options *options, const struct paths_facts *facts,
		 struct error_text *error)
{
	struct paths paths = {.is_user_run = false};
	int r = choose_runtime_dir(&paths, options, facts, error);

	if (r == -ENOENT)
		return r;
	if (r == 0)
		r = choose_config_file(&paths, options, facts);
	if (r == 0)
		r = choose_state_dir(&paths, options, facts);
	if (r == -ENOENT)
		error_text_set(error,
			       "HOME is not set: name the files with --config and --state-dir");
	else if (r < 0)
		error_text_set(error, "a path is too long");
	if (r < 0)
		return r;
	*ret = paths;
	return 0;
}
