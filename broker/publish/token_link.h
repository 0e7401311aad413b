/* SPDX-License-Identifier: MIT */
/* tokens/NAME: the symbolic link that leads readers to the live segment. */
#ifndef BROKER_PUBLISH_TOKEN_LINK_H
#define BROKER_PUBLISH_TOKEN_LINK_H

#include <stdbool.h>

#include "publish/runtime_dir.h"
#include "publish/segment_name.h"

/* *ret: what it leads to. -ENOENT: no link, or one that no broker has made (not a link at all, or
 * to something that is no segment of this token). */
int token_link_read(const struct runtime_dir *dir, const char *token, struct segment_name *ret);

/* Makes the link lead to segment in one step: readers find the old or the new one, never none.
 * Whatever else had the name is replaced, except a directory: -EISDIR. */
int token_link_set(const struct runtime_dir *dir, const struct segment_name *segment);

/* No link is fine. */
int token_link_remove(const struct runtime_dir *dir, const char *token);

/* The link leads to segment. */
bool token_link_leads_to(const struct runtime_dir *dir, const struct segment_name *segment);

#endif
