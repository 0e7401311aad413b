/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a process, moves its wall clock and no other: by the seconds that stand in the
 * file named by TB_WALL_CLOCK, read anew each time. libfaketime would move timers of
 * timerfd_create(2), too, whatever clock they are of.
 *
 * With TB_WALL_CLOCK_TELLS in the environment, the process is told when the file is replaced, as
 * the kernel tells that the clock was set: a timer of CLOCK_REALTIME becomes readable, and read(2)
 * of it fails with ECANCELED. Such a timer tells nothing else; without it, the clock runs ahead
 * unseen.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define WATCH_FLAGS (IN_NONBLOCK | IN_CLOEXEC)

static int wall_timer =
	-1; /* where an interposed function keeps what it knows: it has no argument */

/* With a bare system call: this runs inside whatever asks for the time. */
static long ahead_s(void)
{
	const char *path = getenv("TB_WALL_CLOCK");
	char text[32] = "";
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (syscall(SYS_read, fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return strtol(text, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int r = (int)syscall(SYS_clock_gettime, clock, now);

	if (r == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += ahead_s();
	return r;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec exact;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &exact) < 0)
		return -1;
	*now = (struct timeval){.tv_sec = exact.tv_sec, .tv_usec = exact.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return (time_t)-1;
	if (ret != NULL)
		*ret = now.tv_sec;
	return now.tv_sec;
}

/* The directory, because the file is replaced. */
static int watch_file(const char *path)
{
	char directory[PATH_MAX];
	char *end;
	int fd;

	snprintf(directory, sizeof(directory), "%s", path);
	end = strrchr(directory, '/');
	if (end == NULL)
		return -1;
	*end = '\0';
	fd = inotify_init1(WATCH_FLAGS);
	if (fd >= 0 && inotify_add_watch(fd, directory, IN_MOVED_TO) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int timerfd_create(clockid_t clock, int flags)
{
	const char *path = getenv("TB_WALL_CLOCK");

	if (clock != CLOCK_REALTIME || path == NULL || getenv("TB_WALL_CLOCK_TELLS") == NULL)
		return (int)syscall(SYS_timerfd_create, clock, flags);
	wall_timer = watch_file(path);
	return wall_timer;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	return fd == wall_timer ? 0 : (int)syscall(SYS_timerfd_settime, fd, flags, new, old);
}

ssize_t read(int fd, void *buffer, size_t size)
{
	char events[4 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
	ssize_t r;

	if (fd < 0 || fd != wall_timer)
		return syscall(SYS_read, fd, buffer, size);
	r = syscall(SYS_read, fd, events, sizeof(events));
	if (r > 0)
		errno = ECANCELED;
	return r > 0 ? -1 : r;
}
