/* SPDX-License-Identifier: MIT */
/* When and where the contents of a publication go out: in place, in a new segment, again for a
 * scrub, later after a failure. */
#include "publish/publication_private.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "publish/publisher_private.h"
#include "publish/retirement.h"
#include "publish/token_link.h"

#define RETRY_FIRST_NS NS_PER_S
#define RETRY_LAST_NS  (30 * NS_PER_S)

void publication_use_segment(struct publication *p, struct segment *segment)
{
	p->segment = segment;
	if (segment != NULL && segment_is_mapped(segment))
		(void)segment_name_display(&segment->file.name, p->segment_name);
	else
		p->segment_name[0] = '\0';
}

bool publication_is_in_reach(const struct publication *p)
{
	return p->segment != NULL && segment_is_mapped(p->segment);
}

const struct kept_content *publication_newest(const struct publication *p)
{
	return p->pending.is_set ? &p->pending : &p->current;
}

static bool needs_new_segment(const struct publication *p)
{
	return !publication_is_in_reach(p) || p->must_replace ||
	       publication_newest(p)->content.length > p->segment->writer.geometry.token_capacity;
}

bool publication_wants_publish(const struct publication *p)
{
	return p->pending.is_set || (p->must_replace && p->current.is_set);
}

static void note_success(struct publication *p)
{
	p->error = 0;
	p->retry_at_ns = 0;
	p->retry_pause_ns = 0;
}

static void note_failure(struct publication *p, int error, int64_t now_ns)
{
	int64_t pause_ns = p->retry_pause_ns == 0 ? RETRY_FIRST_NS : 2 * p->retry_pause_ns;

	p->error = error;
	p->retry_pause_ns = pause_ns < RETRY_LAST_NS ? pause_ns : RETRY_LAST_NS;
	p->retry_at_ns = now_ns + p->retry_pause_ns;
}

/* What was put is out now. */
static void accept_pending(struct publication *p, int64_t now_ns)
{
	if (p->pending.is_set)
		kept_content_take(&p->current, &p->pending);
	p->pending_scrub = false;
	p->publish_at_ns = now_ns + RETIREMENT_STEP_NS;
	p->publishes++;
}

/* The newest content in a new segment, then the link, then the old one goes: never none, and never
 * an empty one over a good one. */
static int replace_segment(struct publication *p, int64_t now_ns)
{
	CLEANUP(segment_free) struct segment *fresh = NULL;
	const struct publication_content *content = &publication_newest(p)->content;
	const struct publication_content *last = p->current.is_set ? &p->current.content : content;
	int r;

	r = segment_new(&fresh, p->publisher->dir, &p->publisher->identity, p->name, &p->readers,
			content);
	if (r < 0)
		return r;
	r = token_link_set(p->publisher->dir, &fresh->file.name);
	if (r < 0) {
		segment_file_unlink(&fresh->file, p->publisher->dir);
		return r;
	}
	if (p->segment != NULL) {
		publisher_retire(p->publisher, p->segment, last);
		(void)retirement_run(p->segment, p->publisher->dir, now_ns);
	}
	publication_use_segment(p, fresh);
	fresh = NULL;
	p->must_replace = false;
	p->scrubs_left = 0;
	accept_pending(p, now_ns);
	return 0;
}

/* Sleepers learn of it before anything else is done; of more than one batch the others come in the
 * turns that follow. */
static void publish_and_wake(struct publication *p, const struct publication_content *content)
{
	segment_publish(p->segment, content, false);
	segment_run_wake(p->segment);
}

static void publish_in_place(struct publication *p, int64_t now_ns)
{
	unsigned others = p->segment->writer.geometry.slot_count - 1;

	/* A publish of something else also covers a slot that a scrub in progress was to cover. */
	if (p->scrubs_left > 0)
		p->scrubs_left--;
	if (p->pending_scrub)
		p->scrubs_left = others;
	publish_and_wake(p, &publication_newest(p)->content);
	accept_pending(p, now_ns);
}

/* A withdraw is done at once, even where there is no memory for the new segment that is due. */
static bool can_withdraw_in_place(const struct publication *p)
{
	return p->pending.is_set && p->pending.content.length == 0 && publication_is_in_reach(p);
}

static int publish(struct publication *p, int64_t now_ns)
{
	int r;

	if (needs_new_segment(p)) {
		r = replace_segment(p, now_ns);
		if (r == 0) {
			note_success(p);
			return 0;
		}
		note_failure(p, r, now_ns);
		if (!can_withdraw_in_place(p))
			return r;
	} else {
		note_success(p);
	}
	publish_in_place(p, now_ns);
	return 0;
}

int publication_publish_if_allowed(struct publication *p, int64_t now_ns)
{
	/* The pause keeps slow readers from starving. A withdraw does not wait for it: the caller
	 * may be about to block on a disk. */
	if (now_ns < p->publish_at_ns && !can_withdraw_in_place(p))
		return 0;
	return publish(p, now_ns);
}

void publication_withdraw_published(struct publication *p, int64_t now_ns)
{
	struct publication_content content;

	if (!p->pending.is_set || !p->current.is_set || !publication_is_in_reach(p))
		return;
	content = (struct publication_content){
		.state = TOKENBROKER_SEGMENT_NONE,
		.generation = p->current.content.generation,
		.source_id = p->current.content.source_id,
	};
	(void)kept_content_set(&p->current, &content); /* without a token it needs no memory */
	publish_and_wake(p, &p->current.content);
	p->scrubs_left = p->segment->writer.geometry.slot_count - 1;
	p->publish_at_ns = now_ns + RETIREMENT_STEP_NS;
	p->publishes++;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t publication_next_ns(const struct publication *p)
{
	int64_t next_ns = INT64_MAX;

	if (p->segment != NULL && p->segment->wake.is_due)
		return 0;
	if (publication_wants_publish(p))
		next_ns = later(p->publish_at_ns, p->retry_at_ns);
	if (p->scrubs_left > 0)
		next_ns = earlier(next_ns, p->publish_at_ns);
	return next_ns;
}

static void scrub(struct publication *p, int64_t now_ns)
{
	segment_publish(p->segment, &p->current.content, true);
	p->scrubs_left--;
	p->publish_at_ns = now_ns + RETIREMENT_STEP_NS;
}

void publication_run(struct publication *p, int64_t now_ns)
{
	if (p->segment != NULL)
		segment_run_wake(p->segment);
	if (now_ns < p->publish_at_ns)
		return;
	if (publication_wants_publish(p) && now_ns >= p->retry_at_ns && publish(p, now_ns) == 0)
		return;
	if (p->scrubs_left > 0)
		scrub(p, now_ns);
}

void publication_give_up(struct publication *p)
{
	if (p->error == 0)
		return;
	kept_content_fini(&p->pending); /* never a withdraw: that did not wait */
	p->must_replace = false;
	note_success(p);
}
