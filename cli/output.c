/* SPDX-License-Identifier: MIT */
#include "cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/escape.h"

enum { MESSAGE_BYTES = 2048 };

void output_message(const char *format, ...)
{
	char plain[MESSAGE_BYTES];
	char line[MESSAGE_BYTES];
	struct text text;
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(plain, sizeof(plain), format, arguments);
	va_end(arguments);
	text_init(&text, line, sizeof(line) - 1);
	text_add(&text, "tokenbroker: ");
	escape_add(&text, plain);
	line[text.length] = '\n';
	/* One write keeps lines of several processes apart; nobody to tell when it fails. */
	(void)!write(STDERR_FILENO, line, text.length + 1);
}

int output_error(int error, const char *name)
{
	struct error_text text;

	exit_status_explain_error(error, name, &text);
	output_message("%s", text.text);
	return exit_status_of_error(error);
}

int output_write(const void *data, size_t size)
{
	const char *bytes = data;

	while (size > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

int output_lost(int error)
{
	output_message("the result could not be written to standard output: %s", strerror(-error));
	return EXIT_STATUS_FAILURE;
}

int output_flush(void)
{
	if (fflush(stdout) != 0)
		return -errno;
	/* An earlier write that failed leaves only its mark; its errno is gone. */
	return ferror(stdout) != 0 ? -EIO : 0;
}

int output_finish(int status)
{
	int r = output_flush();

	return r < 0 ? output_lost(r) : status;
}

bool output_is_terminal(void)
{
	const char *type = getenv("TERM");

	return isatty(STDOUT_FILENO) && type != NULL && type[0] != '\0' &&
	       strcmp(type, "dumb") != 0;
}

/* no-color.org: set and not empty, whatever its value. */
bool output_has_colours(void)
{
	const char *unwanted = getenv("NO_COLOR");

	return output_is_terminal() && (unwanted == NULL || unwanted[0] == '\0');
}
