/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clientlib/cleanup.h"
#include "clientlib/clock.h"
#include "clientlib/handle.h"
#include "clientlib/runtime_dir.h"

#define HOST_RUNTIME_DIR   "/run/tokenbroker"
#define DEFAULT_TOKEN_NAME "default"

static inline void cleanup_close_handle(struct tokenbroker **tb)
{
	tokenbroker_close(*tb);
}

/* [a-z0-9][a-z0-9_-]{0,47} */
static bool is_token_name(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return length >= 1 && length <= HANDLE_NAME_MAX && name[length] == '\0' && name[0] != '_' &&
	       name[0] != '-';
}

static const char *default_token_name(void)
{
	const char *name = secure_getenv("TOKENBROKER_TOKEN");

	return name != NULL ? name : DEFAULT_TOKEN_NAME;
}

static int find_paths(struct tokenbroker *tb)
{
	struct runtime_dir_places places = {
		.chosen = secure_getenv("TOKENBROKER_RUNTIME_DIR"),
		.of_host = HOST_RUNTIME_DIR,
		.user_parent = secure_getenv("XDG_RUNTIME_DIR"),
	};
	int r = runtime_dir_find(&places, &tb->runtime_dir);

	if (r < 0)
		return r;
	if (asprintf(&tb->link_path, "%s/tokens/%s", tb->runtime_dir, tb->name) < 0) {
		tb->link_path = NULL;
		return -ENOMEM;
	}
	return 0;
}

EXPORT int tokenbroker_open(struct tokenbroker **ret, const char *name)
{
	CLEANUP(close_handle) struct tokenbroker *tb = NULL;
	struct mapping *mapping;
	int r;

	if (name == NULL)
		name = default_token_name();
	if (ret == NULL || !is_token_name(name))
		return -EINVAL;
	tb = calloc(1, sizeof(*tb));
	if (tb == NULL)
		return -ENOMEM;
	strcpy(tb->name, name);
	r = find_paths(tb);
	if (r < 0)
		return r;
	r = mapping_open(tb->runtime_dir, tb->name, &mapping);
	if (r < 0)
		return r;
	atomic_init(&tb->current, mapping);
	atomic_init(&tb->name_check_ns, clock_now_ns() + HANDLE_NAME_CHECK_INTERVAL_NS);

	*ret = tb;
	tb = NULL;
	return 0;
}

EXPORT void tokenbroker_close(struct tokenbroker *tb)
{
	struct mapping *mapping;

	if (tb == NULL)
		return;
	mapping = atomic_load_explicit(&tb->current, memory_order_acquire);
	while (mapping != NULL) {
		struct mapping *older = mapping->older;

		mapping_close(mapping);
		mapping = older;
	}
	free(tb->link_path);
	free(tb->runtime_dir);
	free(tb);
}
