/* SPDX-License-Identifier: MIT */
/* One token on the screen of `tokenbroker status --watch`. Pure: time is an argument. */
#ifndef CLI_STATUS_BLOCK_H
#define CLI_STATUS_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/status_view.h"
#include "cli/canvas.h"

enum status_block_detail {
	STATUS_BLOCK_FULL,  /* several lines, the first one blank */
	STATUS_BLOCK_BRIEF, /* one line, and what is wrong below it */
};

/* What somebody should look at first has the lowest. */
enum status_block_rank {
	STATUS_BLOCK_UNUSABLE,
	STATUS_BLOCK_IN_TROUBLE,
	STATUS_BLOCK_WELL,
};

enum status_block_rank status_block_rank(const struct status_view_token *token, int64_t now_s);

/* name_cells: of the longest name on the screen, so that columns stand below each other. */
void status_block_draw(struct canvas *canvas, const struct status_view_token *token, int64_t now_s,
		       enum status_block_detail detail, size_t name_cells);

#endif
