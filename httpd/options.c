/* SPDX-License-Identifier: MIT */
#include "httpd/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SYSTEM_RUNTIME_DIR "/run/tokenbroker"
#define SYSTEM_CONFIG_FILE "/etc/tokenbroker/tokenbroker.conf"
#define SYSTEM_UNIX_SOCKET "/run/tokenbroker-httpd/http.sock"

static const char usage[] =
	"usage: tokenbroker-httpd [OPTION]...\n"
	"Shows the state of the broker over HTTP, and passes on commands of its administrators.\n"
	"It reads neither secrets nor tokens.\n"
	"\n"
	"  --config FILE      configuration (default: " SYSTEM_CONFIG_FILE ")\n"
	"  --runtime-dir DIR  the broker's directory (default: " SYSTEM_RUNTIME_DIR ")\n"
	"  --check-config     say what is wrong with the configuration of HTTP, and end\n"
	"  --version          print the version\n"
	"  --help             print this\n"
	"\n"
	"Exit status: 0 after SIGTERM or SIGINT, 2 usage or configuration, 1 anything else.\n"
	"\n"
	"Examples:\n"
	"  tokenbroker-httpd --config ./tokenbroker.conf --runtime-dir /run/user/1000/tokenbroker\n"
	"  curl --unix-socket " SYSTEM_UNIX_SOCKET " http://localhost/v1/status\n";

enum { OPTION_CONFIG = 256, OPTION_RUNTIME_DIR, OPTION_CHECK, OPTION_VERSION, OPTION_HELP };

static const struct option long_options[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR},
	{"check-config", no_argument, NULL, OPTION_CHECK},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

const char *options_usage(void)
{
	return usage;
}

static int set_mode(struct options *options, enum options_mode mode, struct error_text *error)
{
	if (options->mode != OPTIONS_RUN) {
		error_text_set(error, "--check-config, --version and --help exclude each other");
		return -EINVAL;
	}
	options->mode = mode;
	return 0;
}

static int take(struct options *options, int option, char **argv, struct error_text *error)
{
	switch (option) {
	case OPTION_CONFIG:
		options->config_file = optarg;
		return 0;
	case OPTION_RUNTIME_DIR:
		options->runtime_dir = optarg;
		if (optarg[0] == '/')
			return 0;
		error_text_set(error, "--runtime-dir %s: not an absolute path", optarg);
		return -EINVAL;
	case OPTION_CHECK:
		return set_mode(options, OPTIONS_CHECK_CONFIG, error);
	case OPTION_VERSION:
		return set_mode(options, OPTIONS_VERSION, error);
	case OPTION_HELP:
		return set_mode(options, OPTIONS_HELP, error);
	case ':':
		error_text_set(error, "%s needs a value", argv[optind - 1]);
		return -EINVAL;
	default:
		/* A letter may be one of several in a word that is not done with. */
		if (optopt > 0 && optopt < OPTION_CONFIG)
			error_text_set(error, "unknown option -%c", optopt);
		else
			error_text_set(error, "unknown option %s", argv[optind - 1]);
		return -EINVAL;
	}
}

int options_parse(struct options *ret, int argc, char **argv, struct error_text *error)
{
	struct options options = {.mode = OPTIONS_RUN};
	int option;

	opterr = 0;
	optind = 0; /* forgets the rest of a word after an error, too (getopt(3)) */
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		int r = take(&options, option, argv, error);

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
		.has_system_dir = lstat(SYSTEM_RUNTIME_DIR, &st) == 0,
		.home = secure_getenv("HOME"),
		.xdg_runtime_dir = secure_getenv("XDG_RUNTIME_DIR"),
		.xdg_config_home = secure_getenv("XDG_CONFIG_HOME"),
	};
}

static int set_path(char ret[PATH_MAX], const char *directory, const char *rest)
{
	int length = snprintf(ret, PATH_MAX, "%s%s", directory, rest);

	return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* XDG Base Directory Specification: a relative path in a variable is invalid and ignored. */
static bool is_usable(const char *directory)
{
	return directory != NULL && directory[0] == '/';
}

static int choose_user_config(struct paths *paths, const struct paths_facts *facts,
			      struct error_text *error)
{
	if (is_usable(facts->xdg_config_home))
		return set_path(paths->config_file, facts->xdg_config_home,
				"/tokenbroker/tokenbroker.conf");
	if (is_usable(facts->home))
		return set_path(paths->config_file, facts->home,
				"/.config/tokenbroker/tokenbroker.conf");
	error_text_set(error, "HOME is not set: name the configuration with --config");
	return -ENOENT;
}

static int choose(struct paths *paths, const struct options *options,
		  const struct paths_facts *facts, struct error_text *error)
{
	bool is_user_run = options->runtime_dir == NULL && !facts->has_system_dir;
	int r;

	if (is_user_run && !is_usable(facts->xdg_runtime_dir)) {
		error_text_set(error, "no runtime directory: " SYSTEM_RUNTIME_DIR
				      " is not there and XDG_RUNTIME_DIR is not set: set "
				      "it to a private directory on tmpfs");
		return -ENOENT;
	}
	if (options->config_file != NULL)
		r = set_path(paths->config_file, options->config_file, "");
	else if (is_user_run)
		r = choose_user_config(paths, facts, error);
	else
		r = set_path(paths->config_file, SYSTEM_CONFIG_FILE, "");
	if (r < 0)
		return r;
	if (!is_user_run) {
		r = set_path(paths->unix_socket, SYSTEM_UNIX_SOCKET, "");
		return r < 0 ? r
			     : set_path(paths->runtime_dir,
					options->runtime_dir != NULL ? options->runtime_dir
								     : SYSTEM_RUNTIME_DIR,
					"");
	}
	r = set_path(paths->unix_socket, facts->xdg_runtime_dir, "/tokenbroker-httpd/http.sock");
	return r < 0 ? r : set_path(paths->runtime_dir, facts->xdg_runtime_dir, "/tokenbroker");
}

int paths_choose(struct paths *ret, const struct options *options, const struct paths_facts *facts,
		 struct error_text *error)
{
	struct paths paths = {.config_file = ""};
	int r = choose(&paths, options, facts, error);

	if (r == -ENAMETOOLONG)
		error_text_set(error, "a path is too long");
	if (r < 0)
		return r;
	*ret = paths;
	return 0;
}
