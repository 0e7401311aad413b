/* SPDX-License-Identifier: MIT */
#include "status/throttle.h"

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t pause_ns(int64_t duration_ns, int64_t least_ns)
{
	return later(least_ns, later(duration_ns, 0) * STATUS_PAUSE_FACTOR);
}

void status_throttle_init(struct status_throttle *throttle, int64_t now_ns)
{
	*throttle = (struct status_throttle){
		.is_changed = true,
		.write_at_ns = now_ns,
		.touch_at_ns = now_ns + STATUS_HEARTBEAT_NS,
	};
}

void status_throttle_mark_changed(struct status_throttle *throttle)
{
	throttle->is_changed = true;
}

enum status_due status_throttle_due(const struct status_throttle *throttle, int64_t now_ns)
{
	if (throttle->is_changed && throttle->write_at_ns <= now_ns)
		return STATUS_DUE_WRITE;
	/* The heart beats on while a slow write is paid off, or after one that failed. */
	return throttle->touch_at_ns <= now_ns ? STATUS_DUE_TOUCH : STATUS_DUE_NOTHING;
}

int64_t status_throttle_next_ns(const struct status_throttle *throttle)
{
	if (throttle->is_changed && throttle->write_at_ns < throttle->touch_at_ns)
		return throttle->write_at_ns;
	return throttle->touch_at_ns;
}

void status_throttle_written(struct status_throttle *throttle, int64_t end_ns, int64_t duration_ns)
{
	throttle->is_changed = false;
	throttle->write_at_ns = end_ns + pause_ns(duration_ns, STATUS_PAUSE_NS);
	throttle->touch_at_ns = end_ns + STATUS_HEARTBEAT_NS;
}

void status_throttle_write_failed(struct status_throttle *throttle, int64_t end_ns,
				  int64_t duration_ns)
{
	throttle->write_at_ns = end_ns + pause_ns(duration_ns, STATUS_FAILURE_PAUSE_NS);
}

void status_throttle_touched(struct status_throttle *throttle, int64_t now_ns)
{
	throttle->touch_at_ns = now_ns + STATUS_HEARTBEAT_NS;
}

void status_throttle_touch_failed(struct status_throttle *throttle, int64_t now_ns)
{
	throttle->touch_at_ns = now_ns + STATUS_FAILURE_PAUSE_NS;
}
