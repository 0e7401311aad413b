/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/broker_status.h"
#include "cli/output.h"
#include "cli/status_table.h"
#include "cli/status_watch.h"
#include "cli/status_words.h"
#include "cli/subcommand.h"

static int show_once(const struct broker_status *status, bool is_json)
{
	int64_t now_ns = clock_realtime_ns();
	char silence[STATUS_WORDS_BYTES];
	struct text text;
	int result;

	if (is_json)
		(void)fwrite(status->file.text, 1, status->file.length, stdout);
	else
		status_table_print(stdout, status->view, now_ns / NS_PER_S, output_has_colours());
	result = output_finish(EXIT_STATUS_OK);
	text_init(&text, silence, sizeof(silence));
	if (result != EXIT_STATUS_OK || !status_words_silence(&text, &status->file.mark, now_ns))
		return result;
	output_message(
		"%s; this is what it wrote last, its log may say more (of a service: `journalctl "
		"-u tokenbroker`)",
		silence);
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
