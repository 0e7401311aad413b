/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/broker_status.h"
#include "cli/output.h"
#include "cli/status_table.h"
#include "cli/status_watch.h"
#include "cli/subcommand.h"

static int show_once(const struct broker_status *status, bool is_json)
{
	int64_t now_ns = clock_realtime_ns();
	int64_t age_s = (now_ns - status->file.mark.modified_ns) / NS_PER_S;
	char duration[STATUS_TABLE_DURATION_BYTES];
	int result = EXIT_STATUS_OK;

	if (is_json)
		(void)fwrite(status->file.text, 1, status->file.length, stdout);
	else
		status_table_print(stdout, status->view, now_ns / NS_PER_S, output_has_colours());
	result = output_finish(EXIT_STATUS_OK);
	if (result != EXIT_STATUS_OK || !status_file_is_stale(&status->file.mark, now_ns))
		return result;
	output_message(
		"this is what tokenbrokerd wrote before it stopped, %s ago: `systemctl status "
		"tokenbrokerd` shows why",
		status_table_duration(age_s, duration));
	return EXIT_STATUS_NO_BROKER;
}

int status_run(const struct subcommand *subcommand, const struct arguments *arguments)
{
	CLEANUP(broker_status) struct broker_status status = BROKER_STATUS_NULL;
	struct error_text error;
	int r = broker_status_open(&status, &error);

	(void)subcommand;
	if (r == 0)
		r = broker_status_load(&status, &error);
	if (r < 0) {
		output_message("%s", error.text);
		return exit_status_of_error(r);
	}
	return arguments->is_watch ? status_watch(&status, arguments->is_json)
				   : show_once(&status, arguments->is_json);
}
