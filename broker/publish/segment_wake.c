/* SPDX-License-Identifier: MIT */
#include "publish/segment_wake.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

void segment_wake_start(struct segment_wake *wake)
{
	*wake = (struct segment_wake){.is_due = true};
}

void segment_wake_run(struct segment_wake *wake, _Atomic uint32_t *word)
{
	long woken;

	if (!wake->is_due)
		return;
	/* Not the PRIVATE kind: the sleepers are other processes. */
	woken = syscall(SYS_futex, word, FUTEX_WAKE, SEGMENT_WAKE_BATCH, NULL, NULL, 0);
	if (woken > 0)
		wake->woken += (unsigned)woken;
	wake->is_due = woken >= SEGMENT_WAKE_BATCH && wake->woken < SEGMENT_WAKE_TOTAL;
}
