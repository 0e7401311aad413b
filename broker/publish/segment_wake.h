/* SPDX-License-Identifier: MIT */
/*
 * Wakes the readers that sleep on a segment, 64 at a time: the first of them with the publish, then
 * one batch a turn of the loop, as a thousand wake-ups in one go would take 8 ms. Bounded in all,
 * because woken readers that go back to sleep at once could keep it going for ever.
 */
#ifndef BROKER_PUBLISH_SEGMENT_WAKE_H
#define BROKER_PUBLISH_SEGMENT_WAKE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SEGMENT_WAKE_BATCH 64
#define SEGMENT_WAKE_TOTAL 16384

struct segment_wake {
	unsigned woken;
	bool is_due;
};

/* The wake word has moved. */
void segment_wake_start(struct segment_wake *wake);
/* One batch if one is due. */
void segment_wake_run(struct segment_wake *wake, _Atomic uint32_t *word);

#endif
