/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"
#include "httpd/httpd.h"
#include "httpd/options.h"

/* The access token may be in this process: no core file, no ptrace(2). */
static void harden(const struct log *log)
{
	static const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		log_warning(log, "cannot forbid core files: %s", strerror(errno));
}

static enum httpd_exit run(const struct options *options, struct log *log)
{
	struct paths_facts facts;
	struct error_text error;
	struct paths paths;

	paths_facts_read(&facts);
	if (paths_choose(&paths, options, &facts, &error) < 0) {
		log_error(log, "%s", error.text);
		return HTTPD_EXIT_CONFIG;
	}
	if (options->mode == OPTIONS_CHECK_CONFIG)
		return httpd_check_config(&paths);
	httpd_block_signals();
	return httpd_run(&paths, log);
}

int main(int argc, char **argv)
{
	struct error_text error;
	struct options options;
	struct log log;

	log_init(&log, "tokenbroker-httpd");
	harden(&log);
	if (options_parse(&options, argc, argv, &error) < 0) {
		log_error(&log, "%s; see tokenbroker-httpd --help", error.text);
		return HTTPD_EXIT_CONFIG;
	}
	if (options.mode == OPTIONS_HELP)
		return fputs(options_usage(), stdout) < 0 || fflush(stdout) != 0;
	if (options.mode == OPTIONS_VERSION)
		return puts("tokenbroker-httpd " TOKENBROKER_VERSION) < 0 || fflush(stdout) != 0;
	return (int)run(&options, &log);
}
