/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "clientlib/clock.h"
#include "clientlib/handle.h"

static int64_t remaining_ms(const struct sight *sight)
{
	if (!sight_is_usable(sight))
		return 0;
	/* No overflow: the clock is positive and the expiry later. */
	return (sight->reading.expires_boottime_ns - sight->now_ns) / NS_PER_MS;
}

static struct tokenbroker_info info_of(const struct sight *sight)
{
	const struct reading *reading = &sight->reading;
	bool has_token = reading->state == TOKENBROKER_SEGMENT_VALID;

	return (struct tokenbroker_info){
		.generation = reading->generation,
		.expires_at = has_token ? reading->expires_realtime_ns / NS_PER_S : 0,
		.remaining_ms = remaining_ms(sight),
		.length = reading->length,
	};
}

static int judge(const struct sight *sight, int64_t min_remaining_ms)
{
	switch (sight->reading.state) {
	case TOKENBROKER_SEGMENT_NONE:
		return -ENOKEY;
	case TOKENBROKER_SEGMENT_EXPIRED:
		return -EKEYEXPIRED;
	case TOKENBROKER_SEGMENT_SUSPENDED:
		return -EKEYREVOKED;
	case TOKENBROKER_SEGMENT_VALID:
		break;
	}
	if (!sight_is_usable(sight) || remaining_ms(sight) < min_remaining_ms)
		return -EKEYEXPIRED;
	return 0;
}

static int get(struct tokenbroker *tb, int64_t min_remaining_ms, char *buffer, size_t size,
	       struct tokenbroker_info *ret_info)
{
	struct sight sight;
	int r;

	if (min_remaining_ms < 0 || (buffer == NULL && size > 0))
		return -EINVAL;
	r = handle_see(tb, buffer, size, &sight);
	if (r < 0)
		return r;
	if (ret_info != NULL)
		*ret_info = info_of(&sight);
	r = judge(&sight, min_remaining_ms);
	if (r < 0)
		return r;
	return sight.reading.length < size ? 0 : -ENOBUFS;
}

EXPORT int tokenbroker_get(struct tokenbroker *tb, int64_t min_remaining_ms, char *buffer,
			   size_t size, struct tokenbroker_info *ret_info)
{
	int r = get(tb, min_remaining_ms, buffer, size, ret_info);

	/* The whole buffer: it may hold a copy that came too late, or what the caller had before.
	 */
	if (r < 0 && buffer != NULL)
		explicit_bzero(buffer, size);
	return r;
}

EXPORT uint64_t tokenbroker_generation(struct tokenbroker *tb)
{
	const struct mapping *mapping = atomic_load_explicit(&tb->current, memory_order_acquire);
	struct sight sight;
	int saved_errno;
	int r;

	if (segment_read(&mapping->segment, NULL, 0, &sight.reading) == READ_DONE &&
	    sight.reading.state == TOKENBROKER_SEGMENT_VALID && !sight.reading.is_retired)
		return sight.reading.generation;
	/* "None" may only mean that the segment is being replaced. Looking further takes a clock
	 * and system calls, which a signal handler may make, too, as long as errno stays what it
	 * was. */
	saved_errno = errno;
	r = handle_see(tb, NULL, 0, &sight);
	errno = saved_errno;
	if (r < 0 || sight.reading.state != TOKENBROKER_SEGMENT_VALID)
		return 0;
	return sight.reading.generation;
}
