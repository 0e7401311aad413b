/* SPDX-License-Identifier: MIT */
#include "publish/publication.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tokenbroker.h"
#include "publish/adopt.h"
#include "publish/publication_private.h"
#include "publish/publisher_private.h"
#include "publish/retirement.h"
#include "publish/token_link.h"

static int copy_ids(uint32_t **ret, const uint32_t *ids, size_t count)
{
	uint32_t *copy = NULL;

	if (count > 0) {
		copy = malloc(count * sizeof(*copy));
		if (copy == NULL)
			return -ENOMEM;
		memcpy(copy, ids, count * sizeof(*copy));
	}
	*ret = copy;
	return 0;
}

static int set_readers(struct publication *p, const struct principals *readers)
{
	CLEANUP(principals)
	struct principals copy = {.uid_count = readers->uid_count, .gid_count = readers->gid_count};
	struct principals former = p->readers;
	int r;

	r = copy_ids(&copy.uids, readers->uids, readers->uid_count);
	if (r < 0)
		return r;
	r = copy_ids(&copy.gids, readers->gids, readers->gid_count);
	if (r < 0)
		return r;
	p->readers = copy;
	copy = former;
	return 0;
}

static int adopt(struct publication *p, struct publication_found *ret_found)
{
	CLEANUP(adopt_result) struct adopt_result result = {.verdict = ADOPT_NOTHING};
	struct segment_name name;
	int r;

	r = token_link_read(p->publisher->dir, p->name, &name);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	r = adopt_segment(&result, p->publisher->dir, &p->publisher->identity, &name, &p->readers);
	if (r < 0)
		return r;
	switch (result.verdict) {
	case ADOPT_NOTHING:
		return 0;
	case ADOPT_CONTINUE:
		segment_adopted(result.segment);
		break;
	case ADOPT_DISCARD:
	case ADOPT_REPLACE:
		p->must_replace = true;
		break;
	}
	publication_use_segment(p, result.segment);
	result.segment = NULL;
	*ret_found = result.found;
	result.found = (struct publication_found){.has_content = false};
	return 0;
}

int publication_new(struct publication **ret, struct publisher *publisher, const char *name,
		    const struct principals *readers, struct publication_found *ret_found)
{
	struct publication_found found = {.has_content = false};
	struct publication *p;
	int r;

	assert(token_name_is_valid(name));
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->publisher = publisher;
	(void)strcpy(p->name, name);
	p->after = publisher->publications;
	publisher->publications = p;
	r = set_readers(p, readers);
	if (r == 0)
		r = adopt(p, &found);
	if (r < 0) {
		publication_free(p);
		return r;
	}
	*ret = p;
	*ret_found = found;
	return 0;
}

void publication_free(struct publication *p)
{
	struct publication **link = &p->publisher->publications;

	while (*link != p)
		link = &(*link)->after;
	*link = p->after;
	segment_free(p->segment);
	kept_content_fini(&p->current);
	kept_content_fini(&p->pending);
	principals_free(&p->readers);
	free(p);
}

int publication_put(struct publication *p, const struct publication_content *content, bool scrub,
		    int64_t now_ns)
{
	int r;

	if (content->length > TOKENBROKER_TOKEN_MAX)
		return -EMSGSIZE;
	assert((content->state == TOKENBROKER_SEGMENT_VALID) == (content->length > 0));
	r = kept_content_set(&p->pending, content);
	if (r < 0)
		return r;
	p->pending_scrub = p->pending_scrub || scrub;
	return publication_publish_if_allowed(p, now_ns);
}

int publication_set_readers(struct publication *p, const struct principals *readers, int64_t now_ns)
{
	int r;

	if (principals_equal(&p->readers, readers))
		return 0;
	r = set_readers(p, readers);
	if (r < 0)
		return r;
	p->must_replace = p->segment != NULL;
	return publication_wants_publish(p) ? publication_publish_if_allowed(p, now_ns) : 0;
}

int publication_check_name(struct publication *p, int64_t now_ns, bool *ret_was_gone)
{
	const struct runtime_dir *dir = p->publisher->dir;

	if (!p->current.is_set || !publication_is_in_reach(p) ||
	    (token_link_leads_to(dir, &p->segment->file.name) &&
	     segment_file_is_in_place(&p->segment->file, dir)))
		return 0;
	*ret_was_gone = true;
	p->must_replace = true;
	return publication_publish_if_allowed(p, now_ns);
}

int publication_remove(struct publication *p, int64_t now_ns)
{
	const struct publication_content *last = &publication_newest(p)->content;
	int r;

	/* The withdraw first: the link must not be all that keeps the token from being read. */
	if (p->segment != NULL) {
		publisher_retire(p->publisher, p->segment, last);
		(void)retirement_run(p->segment, p->publisher->dir, now_ns);
	}
	r = token_link_remove(p->publisher->dir, p->name);
	p->segment = NULL;
	publication_free(p);
	return r;
}

int publication_error(const struct publication *p)
{
	return p->error;
}

const char *publication_segment_name(const struct publication *p)
{
	return p->segment_name;
}

const struct publication_content *publication_content(const struct publication *p)
{
	return publication_newest(p)->is_set ? &publication_newest(p)->content : NULL;
}

const struct publication_content *publication_published(const struct publication *p)
{
	return p->current.is_set ? &p->current.content : NULL;
}

uint64_t publication_publishes(const struct publication *p)
{
	return p->publishes;
}

struct publication *publication_after(const struct publication *p)
{
	return p->after;
}

const char *publication_name(const struct publication *p)
{
	return p->name;
}

const struct segment *publication_segment(const struct publication *p)
{
	return p->segment;
}
