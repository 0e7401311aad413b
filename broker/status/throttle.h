/* SPDX-License-Identifier: MIT */
/*
 * When status.json is written: at most ten times a second, at most a twentieth of the broker's
 * time, and touched every 15 s while nothing changes. Pure; time is an argument (CLOCK_BOOTTIME, so
 * that a machine that wakes up touches the file at once).
 */
#ifndef BROKER_STATUS_THROTTLE_H
#define BROKER_STATUS_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

/* design.md section 2 */
#define STATUS_PAUSE_NS         INT64_C(100000000)
#define STATUS_PAUSE_FACTOR     19 /* pause : work, so that work is 5 % */
#define STATUS_HEARTBEAT_NS     INT64_C(15000000000)
#define STATUS_FAILURE_PAUSE_NS INT64_C(1000000000)

enum status_due {
	STATUS_DUE_NOTHING,
	STATUS_DUE_TOUCH,
	STATUS_DUE_WRITE,
};

struct status_throttle {
	bool is_changed;
	int64_t write_at_ns; /* no write before */
	int64_t touch_at_ns;
};

/* The first write is due at once. */
void status_throttle_init(struct status_throttle *throttle, int64_t now_ns);
void status_throttle_mark_changed(struct status_throttle *throttle);

/* What is due at now_ns, and when to ask again at the latest. Both change nothing. */
enum status_due status_throttle_due(const struct status_throttle *throttle, int64_t now_ns);
int64_t status_throttle_next_ns(const struct status_throttle *throttle);

/* A write ended at end_ns; it took duration_ns, by CLOCK_MONOTONIC, the making of the text
 * included. */
void status_throttle_written(struct status_throttle *throttle, int64_t end_ns, int64_t duration_ns);
void status_throttle_write_failed(struct status_throttle *throttle, int64_t end_ns,
				  int64_t duration_ns);
void status_throttle_touched(struct status_throttle *throttle, int64_t now_ns);
void status_throttle_touch_failed(struct status_throttle *throttle, int64_t now_ns);

#endif
