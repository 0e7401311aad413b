/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "clientlib/clock.h"
#include "clientlib/handle.h"
#include "clientlib/try_read.h"

static int64_t remaining_ms(const struct sight *sight)
{
	if (!sight_is_usable(sight))
		return 0;
	/* No overflow: the clock is positive and the expiry later. */
	return (sight->reading.expires_boottime_ns - sight->now_ns) / NS_PER_MS;
}

/* Member by member into the caller's memory: a whole struct would be put together on the stack and
 * then loaded in other pieces than it was stored in, for which the processor waits. */
static inline void tell(const struct sight *sight, struct tokenbroker_info *ret)
{
	const struct reading *reading = &sight->reading;
	bool has_token = reading->state == TOKENBROKER_SEGMENT_VALID;

	ret->generation = reading->generation;
	ret->expires_at = has_token ? reading->expires_realtime_ns / NS_PER_S : 0;
	ret->remaining_ms = remaining_ms(sight);
	ret->length = reading->length;
	memset(ret->reserved, 0, sizeof(ret->reserved));
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
	if (!sight_is_usable(sight) ||
	    (min_remaining_ms > 0 && remaining_ms(sight) < min_remaining_ms))
		return -EKEYEXPIRED;
	return 0;
}

/* What a call makes of what it sees. */
static inline int answer(const struct sight *sight, int64_t min_remaining_ms, size_t size,
			 struct tokenbroker_info *ret_info)
{
	int r = judge(sight, min_remaining_ms);

	if (ret_info != NULL)
		tell(sight, ret_info);
	if (r < 0)
		return r;
	return sight->reading.length < size ? 0 : -ENOBUFS;
}

/*
 * The common read, without a call but the clock's: the first try succeeds, the token is good, and
 * no look at its link is due. false: anything else, and *ret says nothing. *ret_copied as
 * try_to_read().
 */
ALWAYS_INLINE bool see_at_once(struct tokenbroker *tb, char *buffer, size_t size,
			       size_t *ret_copied, struct sight *ret)
{
	const struct mapping *seen = atomic_load_explicit(&tb->current, memory_order_acquire);
	enum read_outcome outcome = try_to_read(&seen->segment, mapping_base(seen), false, buffer,
						size, ret_copied, &ret->reading);

	if (outcome != READ_DONE || ret->reading.is_retired)
		return false;
	ret->now_ns = clock_now_ns();
	return sight_is_usable(ret) &&
	       ret->now_ns < atomic_load_explicit(&tb->name_check_ns, memory_order_relaxed);
}

/* Everything else. Apart, so that the common read need not keep its variables in memory. */
__attribute__((noinline)) static int see_step_by_step(struct tokenbroker *tb,
						      int64_t min_remaining_ms, char *buffer,
						      size_t size,
						      struct tokenbroker_info *ret_info)
{
	struct sight sight;
	int r = handle_see(tb, buffer, size, &sight);

	return r < 0 ? r : answer(&sight, min_remaining_ms, size, ret_info);
}

/* The whole buffer: it may hold a copy that came too late, or what the caller had before. */
__attribute__((noinline)) static int fail(int error, char *buffer, size_t size)
{
	if (buffer != NULL)
		explicit_bzero(buffer, size);
	return error;
}

EXPORT int tokenbroker_get(struct tokenbroker *tb, int64_t min_remaining_ms, char *buffer,
			   size_t size, struct tokenbroker_info *ret_info)
{
	struct sight sight;
	size_t copied;
	int r;

	if (IS_RARE(min_remaining_ms < 0 || (buffer == NULL && size > 0)))
		return fail(-EINVAL, buffer, size);
	if (see_at_once(tb, buffer, size, &copied, &sight)) {
		r = answer(&sight, min_remaining_ms, size, ret_info);
	} else {
		if (copied > 0) /* the copy that counts may be shorter */
			explicit_bzero(buffer, copied);
		r = see_step_by_step(tb, min_remaining_ms, buffer, size, ret_info);
	}
	return IS_RARE(r < 0) ? fail(r, buffer, size) : 0;
}

/* "None" may only mean that the segment is being replaced. Looking further takes a clock and system
 * calls, which a signal handler may make, too, as long as errno stays what it was. */
__attribute__((noinline)) static uint64_t generation_step_by_step(struct tokenbroker *tb)
{
	struct sight sight;
	int saved_errno = errno;
	int r = handle_see(tb, NULL, 0, &sight);

	errno = saved_errno;
	if (r < 0 || sight.reading.state != TOKENBROKER_SEGMENT_VALID)
		return 0;
	return sight.reading.generation;
}

EXPORT uint64_t tokenbroker_generation(struct tokenbroker *tb)
{
	const struct mapping *seen = atomic_load_explicit(&tb->current, memory_order_acquire);
	uint64_t generation;

	if (IS_RARE(!try_to_read_generation(&seen->segment, mapping_base(seen), &generation)))
		return generation_step_by_step(tb);
	return generation;
}
