/* SPDX-License-Identifier: MIT */
/*
 * What docs/openapi.yaml says of each path and method: which statuses an answer may have, and
 * whether it asks for the access token. Read line by line, as that file is indented.
 */
#ifndef TESTS_FUZZ_HTTP_OPERATIONS_H
#define TESTS_FUZZ_HTTP_OPERATIONS_H

#include <stdbool.h>

#include "fuzz.h"

enum { OPERATIONS_MAX = 32, OPERATION_STATUSES_MAX = 16 };

struct operation {
	char path[64]; /* with {name} */
	char method[8];
	bool is_public;
	unsigned statuses[OPERATION_STATUSES_MAX];
	size_t status_count;
};

struct operations {
	struct operation items[OPERATIONS_MAX];
	size_t count;
};

static inline void operations_add(struct operations *operations, const char *path,
				  const char *method)
{
	struct operation *operation = &operations->items[operations->count];

	FUZZ_MUST(operations->count < OPERATIONS_MAX && path[0] == '/');
	*operation = (struct operation){.is_public = false};
	(void)snprintf(operation->path, sizeof(operation->path), "%s", path);
	(void)snprintf(operation->method, sizeof(operation->method), "%s", method);
	operations->count++;
}

/* A line of an operation. anchored: the one whose answers others share. */
static inline void operations_take(struct operation *operation, const char *line,
				   const struct operation **anchored)
{
	unsigned status;

	if (strcmp(line, "      security: [{}]") == 0) {
		operation->is_public = true;
	} else if (strcmp(line, "      responses: &command") == 0) {
		*anchored = operation;
	} else if (strcmp(line, "      responses: *command") == 0) {
		FUZZ_MUST(*anchored != NULL);
		memcpy(operation->statuses, (*anchored)->statuses, sizeof(operation->statuses));
		operation->status_count = (*anchored)->status_count;
	} else if (sscanf(line, "        \"%3u\":", &status) == 1) {
		FUZZ_MUST(operation->status_count < OPERATION_STATUSES_MAX);
		operation->statuses[operation->status_count++] = status;
	}
}

static inline void operations_read(struct operations *ret)
{
	FILE *file = fopen("docs/openapi.yaml", "re");
	const struct operation *anchored = NULL;
	char path[sizeof(ret->items[0].path)] = "";
	char line[512];
	bool is_in_paths = false;

	FUZZ_MUST(file != NULL);
	ret->count = 0;
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] >= 'a')
			is_in_paths = strcmp(line, "paths:") == 0;
		if (!is_in_paths)
			continue;
		if (strncmp(line, "  /", 3) == 0)
			(void)sscanf(line, "  %63[^:]:", path);
		else if (strcmp(line, "    get:") == 0)
			operations_add(ret, path, "GET");
		else if (strcmp(line, "    post:") == 0)
			operations_add(ret, path, "POST");
		else if (ret->count > 0)
			operations_take(&ret->items[ret->count - 1], line, &anchored);
	}
	(void)fclose(file);
	FUZZ_MUST(ret->count == 12);
}

/* {name} is [a-z0-9][a-z0-9_-]{0,47}. */
static inline bool operation_has_path(const struct operation *operation, const char *path,
				      size_t length)
{
	const char *end = path + length;
	const char *pattern = operation->path;

	while (*pattern != '\0') {
		if (*pattern == '{') {
			const char *start = path;

			while (path < end &&
			       strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", *path) != NULL)
				path++;
			if (path == start || path - start > 48 || *start == '_' || *start == '-')
				return false;
			pattern = strchr(pattern, '}') + 1;
		} else if (path == end || *path++ != *pattern++) {
			return false;
		}
	}
	return path == end;
}

static inline bool operation_has_status(const struct operation *operation, unsigned status)
{
	for (size_t i = 0; i < operation->status_count; i++)
		if (operation->statuses[i] == status)
			return true;
	return false;
}

#endif
