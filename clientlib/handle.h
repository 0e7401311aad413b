/* SPDX-License-Identifier: MIT */
/*
 * What a struct tokenbroker is, and how it follows its token from segment to segment.
 *
 * There is no lock. The current mapping is an atomic pointer to an immutable object; whoever opens
 * a newer one puts it in place by compare-and-swap, and who loses that race throws its own away. So
 * a thread never waits for another, and a fork in the middle of it leaves nothing locked behind.
 * Old mappings stay in the chain until tokenbroker_close(): another thread may still be reading
 * them.
 */
#ifndef CLIENTLIB_HANDLE_H
#define CLIENTLIB_HANDLE_H

#include <stddef.h>
#include <stdint.h>

#include "clientlib/clock.h"
#include "clientlib/mapping.h"
#include "tokenbroker.h"

/* The seven functions of tokenbroker.h; everything else is hidden. */
#define EXPORT          __attribute__((visibility("default")))

#define HANDLE_NAME_MAX 48
/* While the token is good, one look at the link per second finds a segment that was never retired.
 */
#define HANDLE_NAME_CHECK_INTERVAL_NS (1 * NS_PER_S)

struct tokenbroker {
	char name[HANDLE_NAME_MAX + 1];
	char *runtime_dir;
	char *link_path; /* RUNTIME_DIR/tokens/NAME */

	_Atomic(struct mapping *) current; /* never NULL */
	_Atomic int64_t name_check_ns;     /* next look at the link while the token is good */
	_Atomic int64_t retry_ns;          /* no reopening before this, after one was in vain */
	_Atomic int vain_error;            /* what that one said; 0: the link still leads here */
	_Atomic(const struct mapping *) vain_mapping; /* and what it was about: this one, */
	_Atomic uint64_t vain_head;                   /* with this head */
};

/* What a call sees, and when it saw it. */
struct sight {
	struct reading reading;
	int64_t now_ns; /* after the copy: a reader that was stopped for an hour must notice */
};

/*
 * Reads the token, following it to a new segment where that is due: at once when what we have is
 * not usable (tries that were in vain at most once per 100 ms), else once a second. buffer and size
 * as segment_read().
 *
 * 0 whenever a segment could be read, whatever its state: a token that still lives is served even
 * if a newer segment cannot be opened. Else what reopening said, or -EPROTO for a damaged segment;
 * *ret is rubbish then, for it is filled in place: a copy more would cost a sixth of a read.
 */
int handle_see(struct tokenbroker *tb, char *buffer, size_t size, struct sight *ret);

/* VALID and not expired. */
static inline bool sight_is_usable(const struct sight *sight)
{
	return sight->reading.state == TOKENBROKER_SEGMENT_VALID &&
	       sight->reading.expires_boottime_ns > sight->now_ns;
}

#endif
