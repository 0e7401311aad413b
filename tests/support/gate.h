/* SPDX-License-Identifier: MIT */
/* A barrier in memory that processes share: arrived counts up to all, then open is set. */
#ifndef TESTS_SUPPORT_GATE_H
#define TESTS_SUPPORT_GATE_H

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

struct gate {
	_Atomic uint32_t arrived;
	_Atomic uint32_t open;
};

static void gate_wait(struct gate *gate)
{
	atomic_fetch_add(&gate->arrived, 1);
	while (!atomic_load(&gate->open))
		syscall(SYS_futex, &gate->open, FUTEX_WAIT, 0, NULL, NULL, 0);
}

/* Opens when all have arrived, or cannot any more. */
static void gate_open(struct gate *gate, unsigned processes)
{
	const struct timespec pause = {.tv_nsec = 2 * NS_PER_MS};
	int64_t deadline_ns = clock_monotonic_ns() + 20 * NS_PER_S;

	while (atomic_load(&gate->arrived) < processes && clock_monotonic_ns() < deadline_ns)
		nanosleep(&pause, NULL);
	atomic_store(&gate->open, 1);
	syscall(SYS_futex, &gate->open, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

#endif
