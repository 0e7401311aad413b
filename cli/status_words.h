/* SPDX-License-Identifier: MIT */
/* What table and screen say alike about a status document. Pure: time is an argument. */
#ifndef CLI_STATUS_WORDS_H
#define CLI_STATUS_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status_file.h"
#include "base/status_view.h"
#include "base/text.h"

/* Room for an error with its message and hint as the broker bounds them. */
#define STATUS_WORDS_BYTES 2048

/* "invalid_client (HTTP 401): what the server said", as it stands: to be escaped. */
void status_words_error(struct text *text, const struct status_view_error *error);

/* "2 old tokens not yet revoked at the server" */
void status_words_revocations(struct text *text, size_t count);

/* false: the broker lives, nothing is added. Else how it was lost. */
bool status_words_silence(struct text *text, const struct status_file_mark *mark,
			  int64_t now_realtime_ns);

#endif
