/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_BYTES = 2048 };

/* systemd.exec(5), $JOURNAL_STREAM: decimal device and inode number with a colon between. */
static bool is_journal(int fd)
{
	const char *stream = secure_getenv("JOURNAL_STREAM");
	uintmax_t device;
	uintmax_t inode;
	struct stat st;

	return stream != NULL && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
	       fstat(fd, &st) == 0 && device == st.st_dev && inode == st.st_ino;
}

void log_init(struct log *log, const char *program)
{
	*log = (struct log){
		.program = program,
		.level = LOG_LEVEL_INFO,
		.has_journal = is_journal(STDERR_FILENO),
	};
}

__attribute__((format(printf, 3, 0))) static void
log_line(const struct log *log, enum log_level level, const char *format, va_list arguments)
{
	static const struct {
		const char *word;
		int priority; /* syslog(3) */
	} levels[] = {
		[LOG_LEVEL_ERROR] = {"error: ", 3},
		[LOG_LEVEL_WARNING] = {"warning: ", 4},
		[LOG_LEVEL_INFO] = {"", 6},
		[LOG_LEVEL_DEBUG] = {"debug: ", 7},
	};
	char line[LINE_BYTES];
	int start;
	size_t length;

	if (level > log->level)
		return;
	if (log->has_journal)
		start = snprintf(line, sizeof(line), "<%d>", levels[level].priority);
	else
		start = snprintf(line, sizeof(line), "%s: %s", log->program, levels[level].word);
	(void)vsnprintf(line + start, sizeof(line) - (size_t)start - 1, format, arguments);

	length = strlen(line);
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[length++] = '\n';
	/* One write, so that lines of several processes do not mix; nobody to tell when it fails.
	 */
	(void)!write(STDERR_FILENO, line, length);
}

#define DEFINE_LOG(name, value)                                                                    \
	void log_##name(const struct log *log, const char *format, ...)                            \
	{                                                                                          \
		va_list arguments;                                                                 \
                                                                                                   \
		va_start(arguments, format);                                                       \
		log_line(log, value, format, arguments);                                           \
		va_end(arguments);                                                                 \
	}

DEFINE_LOG(error, LOG_LEVEL_ERROR)
DEFINE_LOG(warning, LOG_LEVEL_WARNING)
DEFINE_LOG(info, LOG_LEVEL_INFO)
DEFINE_LOG(debug, LOG_LEVEL_DEBUG)
