/* SPDX-License-Identifier: MIT */
/*
 * One token as readers see it: its segment in shared memory and the link that leads to it. Keeps
 * its own copy of what shall be published, so that it can publish again when the segment has to be
 * replaced, a name has vanished or memory was short.
 *
 * The caller decides what is published; this module decides how: in place, or in a new segment for
 * growth, changed readers or damage, and never an empty one over a good one.
 */
#ifndef BROKER_PUBLISH_PUBLICATION_H
#define BROKER_PUBLISH_PUBLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/principals.h"
#include "publish/publication_content.h"
#include "publish/publication_found.h"
#include "publish/publisher.h"

struct publication;

/*
 * Looks for the segment of an earlier broker and adopts it. Publishes nothing: readers go on seeing
 * what is there until the first publication_put(), which the caller owes in any case (with scrub):
 * what was found again, or NONE, EXPIRED, SUSPENDED.
 *
 * A damaged or foreign segment is no error: nothing has been found then, or its token alone where
 * that is beyond doubt. ret_found is the caller's to release.
 */
int publication_new(struct publication **ret, struct publisher *publisher, const char *name,
		    const struct principals *readers, struct publication_found *ret_found);

/*
 * Publishes content and keeps a copy of it. 0: readers see it now, or in less than a millisecond
 * (publishes are at least that far apart; of a burst the newest counts). A content without a token
 * is published at once.
 *
 * scrub: publish it again, slot by slot, until no slot holds an older token. Due with every
 * withdraw and revocation and with the first put after publication_new().
 *
 * -EMSGSIZE  longer than TOKENBROKER_TOKEN_MAX: nothing has changed
 * -ENOMEM    no memory for the copy: nothing has changed
 * Any other: the content is kept and tried again by publisher_run() (-ENOSPC: tmpfs is full;
 * -EDQUOT; -EISDIR: a directory has the link's name; ...). Readers see the former content until
 * then. A content without a token always gets through where readers see a segment.
 */
int publication_put(struct publication *publication, const struct publication_content *content,
		    bool scrub, int64_t now_ns);

/* Other readers mean a new segment, with the same content. Errors as publication_put(): kept and
 * tried again; until then no new token appears in the segment that the old readers may read. */
int publication_set_readers(struct publication *publication, const struct principals *readers,
			    int64_t now_ns);

/* Publishes again in a new segment where the link or the segment's name is gone or somebody else's.
 * *ret_was_gone, also set when that fails: the name had vanished. */
int publication_check_name(struct publication *publication, int64_t now_ns, bool *ret_was_gone);

/* The token leaves the configuration, or dies with the broker: withdraws it, removes the link, and
 * frees the publication; the publisher scrubs, retires and unlinks the segment. Returns the error
 * that left the link in place, with the token withdrawn all the same. */
int publication_remove(struct publication *publication, int64_t now_ns);

/* The present error of publishing, tried again by itself: negative errno, 0: none. */
int publication_error(const struct publication *publication);
/* For people: "/tokenbroker.default.0123456789abcdef" or "segments/default.0123456789abcdef"; "":
 * none yet. Valid until the next call for this publication or publisher. */
const char *publication_segment_name(const struct publication *publication);
/* What was put last, whether or not it could be published yet; NULL before the first put. Borrowed
 * until the next put. */
const struct publication_content *publication_content(const struct publication *publication);
/* What readers see: the one before while the newest could not be published yet. NULL before the
 * first put. Borrowed until the next call for this publication or publisher. */
const struct publication_content *publication_published(const struct publication *publication);
/* Takes what readers see away from them, with a scrub, while what was put goes on being tried.
 * Nothing to do where readers see what was put. */
void publication_withdraw_published(struct publication *publication, int64_t now_ns);
/* How often this broker has published into segments of this token, scrubs not counted. */
uint64_t publication_publishes(const struct publication *publication);

#endif
