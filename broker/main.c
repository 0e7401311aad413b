/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"
#include "broker.h"
#include "options.h"
#include "source/wipe_heap.h"

/* Nobody may read this process: no core file, no ptrace(2), no /proc/PID/mem for its own user. */
static void harden(const struct log *log)
{
	static const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		log_warning(log, "cannot forbid core files: %s", strerror(errno));
}

static enum broker_exit run(const struct options *options, struct log *log)
{
	struct paths_facts facts;
	struct error_text error;
	struct paths paths;

	paths_facts_read(&facts);
	if (paths_choose(&paths, options, &facts, &error) < 0) {
		log_error(log, "%s", error.text);
		return BROKER_EXIT_CONFIG;
	}
	switch (options->mode) {
	case OPTIONS_CHECK_CONFIG:
		return broker_check_config(&paths);
	case OPTIONS_TRY:
		return broker_try(&paths, options->try_name, log);
	case OPTIONS_RUN:
	case OPTIONS_HELP:
	case OPTIONS_VERSION:
		break;
	}
	if (!wipe_heap_is_active())
		log_warning(log, "freed memory is not wiped in this build");
	broker_block_signals();
	return broker_run(&paths, log);
}

int main(int argc, char **argv)
{
	struct error_text error;
	struct options options;
	struct log log;

	log_init(&log, "tokenbrokerd");
	harden(&log);
	if (options_parse(&options, argc, argv, &error) < 0) {
		log_error(&log, "%s; see tokenbrokerd --help", error.text);
		return BROKER_EXIT_CONFIG;
	}
	if (options.mode == OPTIONS_HELP)
		return fputs(options_usage(), stdout) < 0 || fflush(stdout) != 0;
	if (options.mode == OPTIONS_VERSION)
		return puts("tokenbrokerd " TOKENBROKER_VERSION) < 0 || fflush(stdout) != 0;
	return (int)run(&options, &log);
}
