/* SPDX-License-Identifier: MIT */
/*
 * Did the command do what it was for? Pure: compares the status document of before with that of
 * now.
 */
#ifndef CLI_OUTCOME_H
#define CLI_OUTCOME_H

#include <stdint.h>

#include "base/status_view.h"
#include "tokenbroker_control.h"

enum outcome {
	OUTCOME_OPEN, /* not to be seen yet */
	OUTCOME_DONE,
	OUTCOME_DONE_SAME_TOKEN,   /* refresh: the server gave the token out again */
	OUTCOME_DONE_NO_TOKEN,     /* revoke: dead, but its successor is still to come */
	OUTCOME_FETCH_FAILED,      /* last_error says why */
	OUTCOME_REVOCATION_FAILED, /* the token left this host, but the server did not say it is
				      dead */
	OUTCOME_GONE,              /* the token left the configuration meanwhile */
};

struct outcome_baseline {
	enum tokenbroker_control_command command;
	int64_t sent_at_s;    /* Unix time: an error from before it is not this command's */
	uint64_t generation;  /* current when the broker judged; 0: none, or not told */
	uint32_t state;       /* enum tokenbroker_segment_state at that time */
	int64_t started_at_s; /* of the broker whose counters these are */
	uint64_t fetches_ok;
	uint64_t fetches_failed;
	uint64_t revocations_ok;
	uint64_t revocations_failed;
	char fingerprint[STATUS_VIEW_FINGERPRINT_BYTES]; /* of the token that was current */
};

/* Before the command is sent. A token that is not in view yet counts from zero. */
void outcome_baseline_init(struct outcome_baseline *baseline,
			   enum tokenbroker_control_command command, const struct status_view *view,
			   const char *name, int64_t now_s);

/* After it was accepted. */
void outcome_baseline_accepted(struct outcome_baseline *baseline,
			       const struct tokenbroker_control_answer *answer);

enum outcome outcome_judge(const struct outcome_baseline *baseline, const struct status_view *view,
			   const char *name, int64_t now_s);

#endif
