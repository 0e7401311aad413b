/* SPDX-License-Identifier: MIT */
/*
 * What libconfuse 3.3 does that an administrator would not expect, and what becomes of it here:
 *  - ${VAR} is replaced from the environment, in double quotes and outside of quotes: refused;
 *  - a line is counted twice at the end of a block comment: comments are blanked;
 *  - the end of the file closes an open section or block comment: refused;
 *  - a lone '*' or '+' outside of quotes is dropped, "\0" ends a value early: refused;
 *  - "http|user" is the key user of the section http, from anywhere: refused.
 * Everything else, syntax errors above all, is left to libconfuse.
 */
#include "base/config_scan.h"

#include <errno.h>
#include <string.h>

#define KEY_BYTES 64

enum scan_state {
	SCAN_NAME,  /* a key or the name of a section comes next */
	SCAN_VALUE, /* behind '=' */
	SCAN_LIST,  /* behind '= {' */
};

struct scan {
	char *at;
	struct config_place place; /* of at */
	struct config_errors *errors;
	size_t mistakes;
	enum scan_state state;
	const char *name; /* the last one seen, as it is written, maybe in quotes */
	size_t name_length;
	char key[KEY_BYTES]; /* that is being set, cut; meaningful unless SCAN_NAME */
	size_t open_sections;
	unsigned section_line; /* of the last one that was opened */
};

static void complain(struct scan *scan, unsigned line, const char *reason)
{
	const struct config_place place = {.file = scan->place.file, .line = line};

	scan->mistakes++;
	(void)config_errors_add(scan->errors, &place,
				scan->state == SCAN_NAME ? "syntax" : scan->key, "%s", reason);
}

/* Every character is passed here exactly once, so that lines are right. */
static void advance(struct scan *scan)
{
	if (*scan->at == '\n')
		scan->place.line++;
	scan->at++;
}

static void blank(struct scan *scan)
{
	bool is_line_break = *scan->at == '\n';

	advance(scan);
	if (!is_line_break)
		scan->at[-1] = ' ';
}

static void blank_line_comment(struct scan *scan)
{
	while (*scan->at != '\0' && *scan->at != '\n')
		blank(scan);
}

static void blank_block_comment(struct scan *scan)
{
	unsigned line = scan->place.line;

	blank(scan);
	blank(scan);
	while (*scan->at != '\0' && strncmp(scan->at, "*/", 2) != 0)
		blank(scan);
	if (*scan->at == '\0') {
		complain(scan, line, "the comment that begins here is never closed");
		return;
	}
	blank(scan);
	blank(scan);
}

/* A word or string has ended: what it was for. */
static void finish_item(struct scan *scan, const char *start)
{
	if (scan->state == SCAN_VALUE)
		scan->state = SCAN_NAME;
	else if (scan->state == SCAN_NAME) {
		scan->name = start;
		scan->name_length = (size_t)(scan->at - start);
	}
}

static void check_variable(struct scan *scan)
{
	if (strncmp(scan->at, "${", 2) == 0)
		complain(scan, scan->place.line,
			 "${...} is not expanded; write the value itself, or \\${ for these two "
			 "characters in double quotes");
}

static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

static void check_control(struct scan *scan)
{
	if (is_control(*scan->at))
		complain(scan, scan->place.line, "a control character");
}

/* On the backslash. */
static void scan_escape(struct scan *scan, char quote)
{
	advance(scan);
	if (quote == '"' && *scan->at != '\0' && strchr("0123456789x", *scan->at) != NULL)
		complain(scan, scan->place.line, "numeric escapes are not allowed");
	if (*scan->at != '\0')
		advance(scan);
}

static void scan_string(struct scan *scan)
{
	const char *start = scan->at;
	unsigned line = scan->place.line;
	char quote = *scan->at;

	advance(scan);
	while (*scan->at != '\0' && *scan->at != quote) {
		if (*scan->at == '\\') {
			scan_escape(scan, quote);
			continue;
		}
		if (quote == '"')
			check_variable(scan);
		check_control(scan);
		advance(scan);
	}
	if (*scan->at == '\0') {
		complain(scan, line, "the quotes that open here are never closed");
		return;
	}
	advance(scan);
	finish_item(scan, start);
}

static bool is_word(char c)
{
	return c != '\0' && strchr(" #\"'\t\n\r={}()+,*", c) == NULL;
}

static void scan_word(struct scan *scan)
{
	const char *start = scan->at;

	while (is_word(*scan->at)) {
		check_variable(scan);
		check_control(scan);
		advance(scan);
	}
	finish_item(scan, start);
}

/* On the '='. */
static void begin_value(struct scan *scan)
{
	size_t length = scan->name_length < KEY_BYTES ? scan->name_length : KEY_BYTES - 1;

	if (scan->state != SCAN_NAME || scan->name == NULL)
		return;
	memcpy(scan->key, scan->name, length);
	scan->key[length] = '\0';
	scan->state = SCAN_VALUE;
	if (memchr(scan->name, '|', scan->name_length) != NULL)
		complain(scan, scan->place.line, "unknown key");
}

static void open_brace(struct scan *scan)
{
	if (scan->state == SCAN_VALUE) {
		scan->state = SCAN_LIST;
	} else if (scan->state == SCAN_NAME) {
		scan->open_sections++;
		scan->section_line = scan->place.line;
	}
}

static void close_brace(struct scan *scan)
{
	if (scan->state == SCAN_NAME && scan->open_sections > 0)
		scan->open_sections--;
	scan->state = SCAN_NAME;
}

/* One character that is neither blank nor part of a word, string or comment. */
static void scan_mark(struct scan *scan)
{
	if (*scan->at == '=')
		begin_value(scan);
	else if (*scan->at == '{')
		open_brace(scan);
	else if (*scan->at == '}')
		close_brace(scan);
	else if (*scan->at == '*' || (*scan->at == '+' && scan->at[1] != '='))
		complain(scan, scan->place.line, "'*' and '+' must stand in double quotes");
	advance(scan);
}

static void scan_next(struct scan *scan)
{
	if (*scan->at == '#' || strncmp(scan->at, "//", 2) == 0)
		blank_line_comment(scan);
	else if (strncmp(scan->at, "/*", 2) == 0)
		blank_block_comment(scan);
	else if (*scan->at == '"' || *scan->at == '\'')
		scan_string(scan);
	else if (is_word(*scan->at))
		scan_word(scan);
	else
		scan_mark(scan);
}

int config_scan(char *text, const char *file, struct config_errors *errors)
{
	struct scan scan = {
		.at = text,
		.place = {.file = file, .line = 1},
		.errors = errors,
	};

	while (*scan.at != '\0')
		scan_next(&scan);
	scan.state = SCAN_NAME;
	if (scan.mistakes == 0 && scan.open_sections > 0)
		complain(&scan, scan.section_line, "the section that begins here is never closed");

	if (errors->is_short)
		return -ENOMEM;
	return scan.mistakes == 0 ? 0 : -EINVAL;
}
