/* SPDX-License-Identifier: MIT */
/*
 * What a segment is called: "tokenbroker.NAME.<16 hex digits>" in /dev/shm, "NAME.<16 hex digits>"
 * in segments/ of the runtime directory. Pure text; only what this broker would have spelled is
 * parsed.
 */
#ifndef BROKER_PUBLISH_SEGMENT_NAME_H
#define BROKER_PUBLISH_SEGMENT_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/token_name.h"
#include "publish/runtime_dir.h"

struct segment_name {
	enum runtime_dir_backing backing;
	char token[TOKEN_NAME_MAX + 1];
	uint64_t unique; /* random: the name cannot be guessed, so it cannot be squatted */
};

/* Enough for every form below. */
#define SEGMENT_NAME_BYTES 96

/* The name within its directory. Returns buffer, as the two below do. */
const char *segment_name_file(const struct segment_name *name,
			      char buffer[static SEGMENT_NAME_BYTES]);
/* What the symbolic link tokens/NAME says. */
const char *segment_name_link(const struct segment_name *name,
			      char buffer[static SEGMENT_NAME_BYTES]);
/* For people. */
const char *segment_name_display(const struct segment_name *name,
				 char buffer[static SEGMENT_NAME_BYTES]);

/* False, with *ret untouched: no such name. */
bool segment_name_parse_file(struct segment_name *ret, enum runtime_dir_backing backing,
			     const char *file);
bool segment_name_parse_link(struct segment_name *ret, const char *target);

bool segment_name_equals(const struct segment_name *a, const struct segment_name *b);

#endif
