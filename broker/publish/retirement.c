/* SPDX-License-Identifier: MIT */
#include "publish/retirement.h"

void retirement_begin(struct segment *segment, uint64_t generation, uint64_t source_id)
{
	segment->withdrawn = (struct publication_content){
		.state = TOKENBROKER_SEGMENT_NONE,
		.generation = generation,
		.source_id = source_id,
	};
	segment->publishes_left =
		segment_is_mapped(segment) ? segment->writer.geometry.slot_count : 0;
	segment->due_ns = 0;
}

int64_t retirement_next_ns(const struct segment *segment)
{
	return segment->publishes_left > 0 && !segment->wake.is_due ? segment->due_ns : 0;
}

/* The first one withdraws, which sleepers are told; the others only cover what older slots hold. */
static void publish_withdrawn(struct segment *segment, int64_t now_ns)
{
	bool is_repeat = segment->publishes_left < segment->writer.geometry.slot_count;

	segment_publish(segment, &segment->withdrawn, is_repeat);
	segment->due_ns = now_ns + RETIREMENT_STEP_NS;
	segment->publishes_left--;
	if (segment->publishes_left == 0)
		segment_retire(segment);
}

bool retirement_run(struct segment *segment, const struct runtime_dir *dir, int64_t now_ns)
{
	if (segment->publishes_left > 0 && now_ns >= segment->due_ns)
		publish_withdrawn(segment, now_ns);
	segment_run_wake(segment);
	if (segment->publishes_left > 0 || segment->wake.is_due)
		return false;
	segment_file_unlink(&segment->file, dir);
	return true;
}
