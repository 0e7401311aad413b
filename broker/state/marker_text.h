/* SPDX-License-Identifier: MIT */
/*
 * What a suspend marker says, and how it is written down: a few lines of a fixed form. Pure. A text
 * that is not exactly of this form is not read in part.
 */
#ifndef BROKER_STATE_MARKER_TEXT_H
#define BROKER_STATE_MARKER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

enum suspend_revocation {
	SUSPEND_REVOCATION_UNKNOWN, /* asked for, outcome not known: the token may live */
	SUSPEND_REVOCATION_DONE,
	SUSPEND_REVOCATION_FAILED, /* or impossible: the token lives until it expires */
};

struct suspend_marker {
	char fingerprint[FINGERPRINT_BYTES]; /* of the token that was withdrawn; "": there was none
					      */
	int64_t expires_realtime_ns;         /* of the same; 0: there was none */
	enum suspend_revocation revocation;
};

#define MARKER_TEXT_BYTES 160

/* Returns the length, without the NUL. The fingerprint is "" or 12 hex digits in lower case. */
size_t marker_text_format(const struct suspend_marker *marker,
			  char buffer[static MARKER_TEXT_BYTES]);

/* False, *ret untouched: not a marker of this version. */
bool marker_text_parse(const char *text, size_t length, struct suspend_marker *ret);

#endif
