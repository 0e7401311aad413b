/* SPDX-License-Identifier: MIT */
/*
 * Who a list of the configuration means: users and groups by name, turned into ids.
 *
 * Names are looked up when a list is resolved, never when somebody is matched against it: a slow
 * directory server holds up a reload, not a request. A name that nobody knows is no failure; it is
 * handed back, and the others count.
 */
#ifndef BASE_PRINCIPALS_H
#define BASE_PRINCIPALS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/config.h"

/* Both lists are sorted and hold no id twice. A zeroed one is valid and matches nobody. */
struct principals {
	uid_t *uids;
	size_t uid_count;
	gid_t *gids;
	size_t gid_count;
};

/* Positions, in the list that was resolved, of the names that nobody knows; rising. */
struct principals_unknown {
	size_t *items;
	size_t count;
};

/*
 * Looks names up: "user", "@group", and numbers as they are, "1007" and "@1007". What leads to id
 * 65534, as the user nobody does, counts as unknown: every id that is not mapped looks like it.
 *
 * ret_unknown may be NULL; else the caller frees it. -ENOMEM, or the negative errno of a directory
 * that could not be asked, which says nothing about its names: what was resolved before still holds
 * then. Blocks for as long as the directory takes.
 */
int principals_resolve(struct principals *ret, const struct config_strings *names,
		       struct principals_unknown *ret_unknown);

/* What is wrong with a name that was unknown: "no such user", say; static memory. Looks it up
 * again. */
const char *principals_unknown_reason(const char *name);

/* Whether the process with these ids is one of them; gid and groups are alike. */
bool principals_match(const struct principals *principals, uid_t uid, gid_t gid,
		      const gid_t *groups, size_t group_count);

bool principals_equal(const struct principals *a, const struct principals *b);

/* Both accept a zeroed object and leave one behind. */
void principals_free(struct principals *principals);
void principals_unknown_free(struct principals_unknown *unknown);

static inline void cleanup_principals(struct principals *principals)
{
	principals_free(principals);
}

static inline void cleanup_principals_unknown(struct principals_unknown *unknown)
{
	principals_unknown_free(unknown);
}

#endif
