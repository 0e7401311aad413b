/* SPDX-License-Identifier: MIT */
#include "publish/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "publish/adopt.h"
#include "publish/publisher_private.h"
#include "publish/token_link.h"

#define CLEANUP_DIRECTORY __attribute__((cleanup(cleanup_directory)))

static void cleanup_directory(DIR **directory)
{
	if (*directory != NULL)
		(void)closedir(*directory);
}

/* With an offset of its own, so that every sweep starts at the first entry. */
static int open_listing(int directory_fd, DIR **ret)
{
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory;

	if (fd < 0)
		return -errno;
	directory = fdopendir(fd);
	if (directory == NULL) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	*ret = directory;
	return 0;
}

static bool has_publication(const struct publisher *publisher, const char *name)
{
	for (const struct publication *p = publisher->publications; p != NULL;
	     p = publication_after(p))
		if (strcmp(publication_name(p), name) == 0)
			return true;
	return false;
}

static bool is_temporary(const char *entry)
{
	size_t length = strlen(entry);

	return entry[0] == '.' && length > strlen(".new") &&
	       strcmp(entry + length - strlen(".new"), ".new") == 0;
}

/* A link of ours to a token that is no longer configured. */
static bool is_stranger(const struct publisher *publisher, const char *entry)
{
	struct segment_name name;

	return token_name_is_valid(entry) && !has_publication(publisher, entry) &&
	       token_link_read(publisher->dir, entry, &name) == 0;
}

int sweep_links(struct publisher *publisher)
{
	CLEANUP_DIRECTORY DIR *directory = NULL;
	const struct dirent *entry;
	int result = 0;
	int r;

	r = open_listing(publisher->dir->tokens_fd, &directory);
	if (r < 0)
		return r;
	while ((entry = readdir(directory)) != NULL) {
		if (!is_temporary(entry->d_name) && !is_stranger(publisher, entry->d_name))
			continue;
		r = token_link_remove(publisher->dir, entry->d_name);
		if (r < 0 && result == 0)
			result = r;
	}
	return result;
}

/* The segment of ours that is this file, in use or on its way out. */
static const struct segment *find_ours(const struct publisher *publisher,
				       const struct segment_file *found)
{
	for (const struct publication *p = publisher->publications; p != NULL;
	     p = publication_after(p)) {
		const struct segment *segment = publication_segment(p);

		if (segment != NULL && segment_file_is_same(&segment->file, found))
			return segment;
	}
	for (const struct segment *s = publisher->retiring; s != NULL; s = s->next)
		if (segment_file_is_same(&s->file, found))
			return s;
	return NULL;
}

/* Anybody may be able to give one of ours a second name (ln, where fs.protected_hardlinks is 0). */
static void remove_second_name(const struct publisher *publisher, const struct segment *ours,
			       const struct segment_file *found)
{
	if (!segment_name_equals(&ours->file.name, &found->name))
		segment_file_unlink(found, publisher->dir);
}

/* Only what a valid header says is of this runtime directory: DISCARD leaves that open. What has no
 * header yet, and nobody who would write it, is of no use to any broker. */
static int sweep_segment(struct publisher *publisher, const struct segment_name *name)
{
	CLEANUP(adopt_result) struct adopt_result result = {.verdict = ADOPT_NOTHING};
	const struct principals nobody = {0};
	const struct segment *ours = NULL;
	struct segment_file found; /* looked for once: there may be thousands of ours */
	int r;

	if (token_link_leads_to(publisher->dir, name))
		return 0;
	if (segment_file_look(&found, publisher->dir, name))
		ours = find_ours(publisher, &found);
	/* What goes for the file is that it is in use, not that no link leads to this name. */
	if (ours != NULL) {
		remove_second_name(publisher, ours, &found);
		return 0;
	}
	r = adopt_segment(&result, publisher->dir, &publisher->identity, name, &nobody);
	if (r < 0)
		return r;
	switch (result.verdict) {
	case ADOPT_NOTHING:
	case ADOPT_DISCARD:
		segment_file_remove_unfinished(publisher->dir, name);
		return 0;
	case ADOPT_REPLACE:
	case ADOPT_CONTINUE:
		publisher_retire(publisher, result.segment, &result.found.content);
		result.segment = NULL;
		return 0;
	}
	return 0;
}

static int sweep_backing(struct publisher *publisher, enum runtime_dir_backing backing)
{
	int directory_fd = runtime_dir_segments(publisher->dir, backing);
	CLEANUP_DIRECTORY DIR *directory = NULL;
	const struct dirent *entry;
	int result = 0;
	int r;

	if (directory_fd < 0)
		return 0;
	r = open_listing(directory_fd, &directory);
	if (r < 0)
		return r;
	while ((entry = readdir(directory)) != NULL) {
		struct segment_name name;

		if (!segment_name_parse_file(&name, backing, entry->d_name))
			continue;
		r = sweep_segment(publisher, &name);
		if (r < 0 && result == 0)
			result = r;
	}
	return result;
}

int sweep_segments(struct publisher *publisher)
{
	int shm = sweep_backing(publisher, RUNTIME_DIR_BACKING_SHM);
	int directory = sweep_backing(publisher, RUNTIME_DIR_BACKING_DIRECTORY);

	return shm < 0 ? shm : directory;
}
