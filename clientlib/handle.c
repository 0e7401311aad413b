/* SPDX-License-Identifier: MIT */
#include "clientlib/handle.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "clientlib/clock.h"

#define RETRY_INTERVAL_NS (100 * NS_PER_MS)

/* Old segments that stay mapped. A thread that is still in an older one sees zeroes. */
#define OLD_MAPPINGS_MAX 16

/* How often one call follows its token: each time the broker has replaced the segment since. */
#define REPLACEMENTS_MAX 4

/* Each publication moves the whole chain by one, so exactly one mapping gets too old. */
static void overlay_too_old(const struct mapping *newest)
{
	const struct mapping *mapping = newest;

	for (unsigned age = 0; mapping != NULL && age <= OLD_MAPPINGS_MAX; age++)
		mapping = mapping->older;
	if (mapping != NULL)
		mapping_overlay(mapping);
}

/* Puts fresh in the place of seen, unless another thread was faster: its mapping is as good. */
static void replace(struct tokenbroker *tb, struct mapping *seen, struct mapping *fresh)
{
	fresh->older = seen;
	if (!atomic_compare_exchange_strong_explicit(&tb->current, &seen, fresh,
						     memory_order_acq_rel, memory_order_relaxed)) {
		mapping_close(fresh);
		return;
	}
	overlay_too_old(fresh);
}

/* 1: there is another mapping now. 0: the link still leads to this one. Else what opening said. */
static int reopen(struct tokenbroker *tb, struct mapping *seen)
{
	bool is_retired = (segment_head(&seen->segment) & TOKENBROKER_SEGMENT_RETIRED) != 0;
	struct mapping *fresh;
	int r;

	if (!is_retired && mapping_is_linked(seen, tb->link_path))
		return 0;
	r = mapping_open(tb->runtime_dir, tb->name, &fresh);
	if (r < 0)
		return r;
	replace(tb, seen, fresh);
	return 1;
}

/* For a mapping whose token is good: one thread a second looks whether the link has moved on. */
static int check_name(struct tokenbroker *tb, struct mapping *seen, int64_t now_ns)
{
	int64_t due_ns = atomic_load_explicit(&tb->name_check_ns, memory_order_relaxed);

	if (now_ns < due_ns ||
	    !atomic_compare_exchange_strong_explicit(&tb->name_check_ns, &due_ns,
						     now_ns + HANDLE_NAME_CHECK_INTERVAL_NS,
						     memory_order_relaxed, memory_order_relaxed))
		return 0;
	return reopen(tb, seen);
}

/* Nothing was to be had a moment ago, and this segment shows what it showed then. What it shows
 * later may be that it has been replaced. */
static bool is_in_vain(struct tokenbroker *tb, const struct mapping *seen, uint64_t head,
		       int64_t now_ns)
{
	return now_ns < atomic_load_explicit(&tb->retry_ns, memory_order_acquire) &&
	       atomic_load_explicit(&tb->vain_mapping, memory_order_relaxed) == seen &&
	       atomic_load_explicit(&tb->vain_head, memory_order_relaxed) == head;
}

/* For a mapping that is of no use. A try that helps may be followed by the next at once. */
static int retry(struct tokenbroker *tb, struct mapping *seen, int64_t now_ns)
{
	uint64_t head = segment_head(&seen->segment); /* before the link: it moves first */
	int r;

	if (is_in_vain(tb, seen, head, now_ns))
		return atomic_load_explicit(&tb->vain_error, memory_order_relaxed);
	r = reopen(tb, seen);
	if (r <= 0) {
		atomic_store_explicit(&tb->vain_error, r, memory_order_relaxed);
		atomic_store_explicit(&tb->vain_mapping, seen, memory_order_relaxed);
		atomic_store_explicit(&tb->vain_head, head, memory_order_relaxed);
		atomic_store_explicit(&tb->retry_ns, now_ns + RETRY_INTERVAL_NS,
				      memory_order_release);
	}
	return r;
}

/* As reopen(), when it is due. */
static int follow(struct tokenbroker *tb, struct mapping *seen, bool is_good, int64_t now_ns)
{
	if (atomic_load_explicit(&tb->current, memory_order_acquire) != seen)
		return 1;
	return is_good ? check_name(tb, seen, now_ns) : retry(tb, seen, now_ns);
}

int handle_see(struct tokenbroker *tb, char *buffer, size_t size, struct sight *ret)
{
	enum read_outcome outcome = READ_CORRUPT;
	bool is_usable = false;
	int r = 1;

	for (unsigned turn = 0; turn <= REPLACEMENTS_MAX && r > 0; turn++) {
		struct mapping *seen = atomic_load_explicit(&tb->current, memory_order_acquire);

		/* The next token may be shorter than the one that was not good enough. */
		if (outcome == READ_DONE && ret->reading.length < size)
			explicit_bzero(buffer, ret->reading.length);
		outcome = segment_read(&seen->segment, buffer, size, &ret->reading);
		ret->now_ns = clock_now_ns();
		is_usable = outcome == READ_DONE && sight_is_usable(ret);
		r = follow(tb, seen, is_usable && !ret->reading.is_retired, ret->now_ns);
	}
	if (!is_usable && r < 0)
		return r;
	if (outcome != READ_DONE)
		return -EPROTO;
	return 0;
}
