/* SPDX-License-Identifier: MIT */
#include "broker_private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* Below this a difference between the clocks is drift: people are shown steady times. */
#define CLOCK_DRIFT_NS (INT64_C(500) * NS_PER_MS)

static void jump(struct broker *broker, const char *what)
{
	log_info(broker->log, "%s: tokens are fetched anew", what);
	for (size_t i = 0; i < broker->token_count; i++)
		lifecycle_clock_jumped(&broker->tokens[i]->lifecycle);
}

/* A timer that never fires and is cancelled when the wall clock is set (timerfd_create(2)). */
static int arm_clock_set(int fd)
{
	const struct itimerspec never = {.it_value = {.tv_sec = (time_t)(INT64_MAX / NS_PER_S)}};

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0
		       ? -errno
		       : 0;
}

static int on_clock_set(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct broker *broker = userdata;
	uint64_t expirations;

	(void)source;
	(void)events;
	if (read(fd, &expirations, sizeof(expirations)) < 0 && errno == ECANCELED)
		jump(broker, "the wall clock was set");
	broker->clock_difference_ns = clock_realtime_ns() - clock_boottime_ns();
	broker->shown_difference_ns = broker->clock_difference_ns;
	return arm_clock_set(fd);
}

int broker_watch_clocks(struct broker *broker)
{
	CLEANUP(close_fd) int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	r = arm_clock_set(fd);
	if (r == 0)
		r = sd_event_add_io(broker->event, &broker->clock_set, fd, EPOLLIN, on_clock_set,
				    broker);
	if (r >= 0)
		r = sd_event_source_set_io_fd_own(broker->clock_set, true);
	if (r < 0)
		return r;
	fd = -1; /* the event source closes it */
	return 0;
}

void broker_look_at_clocks(struct broker *broker)
{
	int64_t difference_ns = clock_realtime_ns() - clock_boottime_ns();
	int64_t shown_error_ns = difference_ns - broker->shown_difference_ns;

	if (difference_ns - broker->clock_difference_ns > CLOCK_JUMP_NS)
		jump(broker, "the wall clock ran ahead");
	broker->clock_difference_ns = difference_ns;
	if (shown_error_ns > CLOCK_DRIFT_NS || shown_error_ns < -CLOCK_DRIFT_NS)
		broker->shown_difference_ns = difference_ns;
}
