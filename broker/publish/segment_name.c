/* SPDX-License-Identifier: MIT */
#include "publish/segment_name.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

#define UNIQUE_DIGITS 16

static const char *file_prefix(enum runtime_dir_backing backing)
{
	switch (backing) {
	case RUNTIME_DIR_BACKING_SHM:
		return "tokenbroker.";
	case RUNTIME_DIR_BACKING_DIRECTORY:
		return "";
	}
	return "";
}

static const char *link_prefix(enum runtime_dir_backing backing)
{
	switch (backing) {
	case RUNTIME_DIR_BACKING_SHM:
		return "/dev/shm/";
	case RUNTIME_DIR_BACKING_DIRECTORY:
		return "../segments/"; /* relative: one bind mount then serves a container */
	}
	return "";
}

static const char *display_prefix(enum runtime_dir_backing backing)
{
	switch (backing) {
	case RUNTIME_DIR_BACKING_SHM:
		return "/";
	case RUNTIME_DIR_BACKING_DIRECTORY:
		return "segments/";
	}
	return "";
}

static const char *spell(const struct segment_name *name, const char *prefix, char *buffer)
{
	struct text text;

	text_init(&text, buffer, SEGMENT_NAME_BYTES);
	text_addf(&text, "%s%s%s.%016" PRIx64, prefix, file_prefix(name->backing), name->token,
		  name->unique);
	return buffer;
}

const char *segment_name_file(const struct segment_name *name,
			      char buffer[static SEGMENT_NAME_BYTES])
{
	return spell(name, "", buffer);
}

const char *segment_name_link(const struct segment_name *name,
			      char buffer[static SEGMENT_NAME_BYTES])
{
	return spell(name, link_prefix(name->backing), buffer);
}

const char *segment_name_display(const struct segment_name *name,
				 char buffer[static SEGMENT_NAME_BYTES])
{
	return spell(name, display_prefix(name->backing), buffer);
}

static bool parse_unique(uint64_t *ret, const char *digits)
{
	uint64_t unique = 0;

	for (size_t i = 0; i < UNIQUE_DIGITS; i++) {
		if (digits[i] >= '0' && digits[i] <= '9')
			unique = unique << 4 | (uint64_t)(digits[i] - '0');
		else if (digits[i] >= 'a' && digits[i] <= 'f')
			unique = unique << 4 | (uint64_t)(digits[i] - 'a' + 10);
		else
			return false;
	}
	*ret = unique;
	return digits[UNIQUE_DIGITS] == '\0';
}

bool segment_name_parse_file(struct segment_name *ret, enum runtime_dir_backing backing,
			     const char *file)
{
	struct segment_name name = {.backing = backing};
	size_t prefix_length = strlen(file_prefix(backing));
	const char *dot;

	if (strncmp(file, file_prefix(backing), prefix_length) != 0)
		return false;
	file += prefix_length;
	dot = strchr(file, '.'); /* a token's name has none */
	if (dot == NULL || dot - file > TOKEN_NAME_MAX)
		return false;
	memcpy(name.token, file, (size_t)(dot - file));
	if (!token_name_is_valid(name.token) || !parse_unique(&name.unique, dot + 1))
		return false;

	*ret = name;
	return true;
}

bool segment_name_parse_link(struct segment_name *ret, const char *target)
{
	static const enum runtime_dir_backing backings[] = {RUNTIME_DIR_BACKING_SHM,
							    RUNTIME_DIR_BACKING_DIRECTORY};

	for (size_t i = 0; i < sizeof(backings) / sizeof(backings[0]); i++) {
		size_t length = strlen(link_prefix(backings[i]));

		if (strncmp(target, link_prefix(backings[i]), length) == 0)
			return segment_name_parse_file(ret, backings[i], target + length);
	}
	return false;
}

bool segment_name_equals(const struct segment_name *a, const struct segment_name *b)
{
	return a->backing == b->backing && a->unique == b->unique &&
	       strcmp(a->token, b->token) == 0;
}
