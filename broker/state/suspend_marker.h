/* SPDX-License-Identifier: MIT */
/*
 * The files that say "an administrator has suspended this token", NAME.<runtime id in hex> in the
 * state directory. They survive restart and reboot, and hold nothing secret.
 *
 * In doubt a token is suspended: only a marker that is certainly not there lets it be used. The
 * caller withdraws the token first, then writes the marker, then answers; whoever resumes removes
 * the marker first. So a broker that is killed in between never gives a token back by accident.
 */
#ifndef BROKER_STATE_SUSPEND_MARKER_H
#define BROKER_STATE_SUSPEND_MARKER_H

#include <stdint.h>

#include "state/marker_text.h"
#include "state/state_directory.h"

enum suspend_marker_presence {
	SUSPEND_MARKER_ABSENT, /* certainly not there; the only answer that means "not suspended" */
	SUSPEND_MARKER_PRESENT,
	SUSPEND_MARKER_UNREADABLE, /* anything else: suspended, for a reason of which we know
				      nothing */
};

/* Which marker: a token's name, valid, in one runtime directory. */
struct suspend_marker_key {
	const char *name;
	uint64_t runtime_id;
};

/*
 * Fills *ret for PRESENT, and *ret_error (a negative errno) for UNREADABLE. A state directory that
 * is missing and was made just now holds no marker; one that is missing and cannot be made is
 * UNREADABLE. Takes nothing but a short regular file for a marker, and never blocks on another
 * kind.
 */
enum suspend_marker_presence suspend_marker_read(const struct state_directory *directory,
						 const struct suspend_marker_key *key,
						 struct suspend_marker *ret, int *ret_error);

/*
 * Puts the marker in place of any earlier one, durably: aside, fsync, rename, fsync of the
 * directory. On failure (negative errno) an earlier marker still stands, or the new one does but
 * may not outlive a loss of power: "suspended, but will not survive a restart".
 */
int suspend_marker_write(const struct state_directory *directory,
			 const struct suspend_marker_key *key, const struct suspend_marker *marker);

/*
 * Removes the marker, durably; one that is not there is fine. On failure (negative errno) the token
 * must stay suspended.
 */
int suspend_marker_remove(const struct state_directory *directory,
			  const struct suspend_marker_key *key);

#endif
