/* SPDX-License-Identifier: MIT */
/*
 * One line a message on stderr: with the journal's priority prefix (sd-daemon(3)) when stderr is
 * the journal, else with the program's name and the level in words. Control characters are
 * replaced, so that no text from outside can forge a line. Only main programs and their wiring log.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

struct log {
	const char *program; /* borrowed */
	enum log_level level;
	bool has_journal; /* stderr is the journal: JOURNAL_STREAM names its device and inode */
};

void log_init(struct log *log, const char *program);

void log_error(const struct log *log, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void log_warning(const struct log *log, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void log_info(const struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_debug(const struct log *log, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
