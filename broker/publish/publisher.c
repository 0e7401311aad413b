/* SPDX-License-Identifier: MIT */
#include "publish/publisher.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "publish/boot_id.h"
#include "publish/publisher_private.h"
#include "publish/retirement.h"
#include "publish/sweep.h"

int publisher_new(struct publisher **ret, const struct runtime_dir *dir)
{
	struct publisher *publisher = calloc(1, sizeof(*publisher));
	int r;

	if (publisher == NULL)
		return -ENOMEM;
	publisher->dir = dir;
	publisher->identity.runtime_id = dir->id;
	publisher->identity.uid = dir->uid;
	r = boot_id_read(publisher->identity.boot_id);
	if (r < 0) {
		free(publisher);
		return r;
	}
	*ret = publisher;
	return 0;
}

void publisher_retire(struct publisher *publisher, struct segment *segment,
		      const struct publication_content *last)
{
	retirement_begin(segment, last->generation, last->source_id);
	segment->next = publisher->retiring;
	publisher->retiring = segment;
}

int publisher_sweep(struct publisher *publisher)
{
	int links = sweep_links(publisher);
	int segments = sweep_segments(publisher);

	return links < 0 ? links : segments;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t publisher_next_ns(const struct publisher *publisher)
{
	int64_t next_ns = INT64_MAX;

	for (const struct publication *p = publisher->publications; p != NULL;
	     p = publication_after(p))
		next_ns = earlier(next_ns, publication_next_ns(p));
	for (const struct segment *s = publisher->retiring; s != NULL; s = s->next)
		next_ns = earlier(next_ns, retirement_next_ns(s));
	return next_ns;
}

static void run_retirements(struct publisher *publisher, int64_t now_ns)
{
	struct segment **link = &publisher->retiring;

	while (*link != NULL) {
		struct segment *segment = *link;

		if (retirement_run(segment, publisher->dir, now_ns)) {
			*link = segment->next;
			segment_free(segment);
		} else {
			link = &segment->next;
		}
	}
}

void publisher_run(struct publisher *publisher, int64_t now_ns)
{
	for (struct publication *p = publisher->publications; p != NULL; p = publication_after(p))
		publication_run(p, now_ns);
	run_retirements(publisher, now_ns);
}

/* Nobody turns the loop any more, so time is what the next step is due at; between two steps of a
 * scrub it passes for real. Ends: every step is one of a bounded number. */
static void finish(struct publisher *publisher)
{
	const struct timespec step = {.tv_nsec = RETIREMENT_STEP_NS};
	int64_t now_ns = 0;

	for (;;) {
		int64_t next_ns;

		for (struct publication *p = publisher->publications; p != NULL;
		     p = publication_after(p))
			publication_give_up(p);
		next_ns = publisher_next_ns(publisher);
		if (next_ns == INT64_MAX)
			return;
		if (next_ns > now_ns) {
			(void)nanosleep(&step, NULL);
			now_ns = next_ns;
		}
		publisher_run(publisher, now_ns);
	}
}

void publisher_free(struct publisher *publisher)
{
	if (publisher == NULL)
		return;
	finish(publisher);
	while (publisher->publications != NULL)
		publication_free(publisher->publications);
	free(publisher);
}
