/* SPDX-License-Identifier: MIT */
#include "base/principals.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum {
	ENTRY_BYTES_FIRST = 4096,
	ENTRY_BYTES_MAX = 4 * 1024 * 1024, /* a group with some hundred thousand members */
};

/* What stands for every id that a user namespace does not map, and for "no id" in chown(2). */
#define ID_NOBODY 65534U
#define ID_NONE   UINT32_MAX

_Static_assert(sizeof(uid_t) == sizeof(uint32_t) && sizeof(gid_t) == sizeof(uint32_t),
	       "uids and gids are handled by the same functions");

/* Asks the directory: 0 and *ret, ENOENT for an unknown name, ERANGE for a small buffer, or why it
 * could not be asked. */
typedef int (*look_up_function)(const char *name, char *buffer, size_t size, uint32_t *ret);

static int look_up_user(const char *name, char *buffer, size_t size, uint32_t *ret)
{
	struct passwd entry;
	struct passwd *found = NULL;
	int error = getpwnam_r(name, &entry, buffer, size, &found);

	if (error == 0 && found == NULL)
		error = ENOENT;
	if (error == 0)
		*ret = entry.pw_uid;
	return error;
}

static int look_up_group(const char *name, char *buffer, size_t size, uint32_t *ret)
{
	struct group entry;
	struct group *found = NULL;
	int error = getgrnam_r(name, &entry, buffer, size, &found);

	if (error == 0 && found == NULL)
		error = ENOENT;
	if (error == 0)
		*ret = entry.gr_gid;
	return error;
}

/* 0 and *ret, -ENOENT for an unknown name, or another negative errno. */
static int look_up(look_up_function ask, const char *name, uint32_t *ret)
{
	CLEANUP(free_memory) char *buffer = NULL;
	size_t size = ENTRY_BYTES_FIRST;
	int error;

	for (;;) {
		free(buffer);
		buffer = malloc(size);
		if (buffer == NULL)
			return -ENOMEM;
		error = ask(name, buffer, size, ret);
		if (error != ERANGE || size >= ENTRY_BYTES_MAX)
			break;
		size *= 4;
	}
	/* getpwnam(3): some directories have an error of their own for an unknown name. */
	return error == ESRCH ? -ENOENT : -error;
}

static int parse_id(const char *digits, uint32_t *ret)
{
	unsigned long id;

	errno = 0;
	id = strtoul(digits, NULL, 10);
	if (errno != 0 || id >= ID_NONE)
		return -ENOENT;
	*ret = (uint32_t)id;
	return 0;
}

/* As look_up(). name is without its '@'. */
static int find_id(const char *name, bool is_group, uint32_t *ret)
{
	uint32_t id;
	int r;

	if (name[0] != '\0' && strspn(name, "0123456789") == strlen(name))
		r = parse_id(name, &id);
	else
		r = look_up(is_group ? look_up_group : look_up_user, name, &id);
	if (r < 0)
		return r;
	/* Whoever has no id of their own here must not read along as "nobody". */
	if (id == ID_NOBODY)
		return -ENOENT;
	*ret = id;
	return 0;
}

const char *principals_unknown_reason(const char *name)
{
	bool is_group = name[0] == '@';
	uint32_t id;

	if (look_up(is_group ? look_up_group : look_up_user, name + is_group, &id) == 0 &&
	    id == ID_NOBODY)
		return "stands for every unknown id and can be nobody's";
	return is_group ? "no such group" : "no such user";
}

static int resolve_one(struct principals *principals, const char *name)
{
	bool is_group = name[0] == '@';
	uint32_t id;
	int r = find_id(is_group ? name + 1 : name, is_group, &id);

	if (r < 0)
		return r;
	if (is_group)
		principals->gids[principals->gid_count++] = id;
	else
		principals->uids[principals->uid_count++] = id;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a;
	uint32_t right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

/* Returns how many are left. */
static size_t sort_unique(uint32_t *ids, size_t count)
{
	size_t kept = 0;

	qsort(ids, count, sizeof(*ids), compare_ids);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || ids[i] != ids[kept - 1])
			ids[kept++] = ids[i];
	return kept;
}

static int resolve_all(struct principals *principals, struct principals_unknown *unknown,
		       const struct config_strings *names)
{
	for (size_t i = 0; i < names->count; i++) {
		int r = resolve_one(principals, names->items[i]);

		if (r == -ENOENT)
			unknown->items[unknown->count++] = i;
		else if (r < 0)
			return r;
	}
	return 0;
}

int principals_resolve(struct principals *ret, const struct config_strings *names,
		       struct principals_unknown *ret_unknown)
{
	size_t room = names->count + 1; /* malloc(0) may be NULL */
	CLEANUP(principals)
	struct principals principals = {
		.uids = calloc(room, sizeof(*principals.uids)),
		.gids = calloc(room, sizeof(*principals.gids)),
	};
	CLEANUP(principals_unknown)
	struct principals_unknown unknown = {.items = calloc(room, sizeof(*unknown.items))};
	int r;

	if (principals.uids == NULL || principals.gids == NULL || unknown.items == NULL)
		return -ENOMEM;
	r = resolve_all(&principals, &unknown, names);
	if (r < 0)
		return r;
	principals.uid_count = sort_unique(principals.uids, principals.uid_count);
	principals.gid_count = sort_unique(principals.gids, principals.gid_count);

	*ret = principals;
	principals = (struct principals){0};
	if (ret_unknown != NULL) {
		*ret_unknown = unknown;
		unknown = (struct principals_unknown){0};
	}
	return 0;
}

static bool has_id(const uint32_t *ids, size_t count, uint32_t id)
{
	return count > 0 && bsearch(&id, ids, count, sizeof(*ids), compare_ids) != NULL;
}

bool principals_match(const struct principals *principals, uid_t uid, gid_t gid,
		      const gid_t *groups, size_t group_count)
{
	if (has_id(principals->uids, principals->uid_count, uid) ||
	    has_id(principals->gids, principals->gid_count, gid))
		return true;
	for (size_t i = 0; i < group_count; i++)
		if (has_id(principals->gids, principals->gid_count, groups[i]))
			return true;
	return false;
}

static bool ids_equal(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count)
{
	return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * sizeof(*a)) == 0);
}

bool principals_equal(const struct principals *a, const struct principals *b)
{
	return ids_equal(a->uids, a->uid_count, b->uids, b->uid_count) &&
	       ids_equal(a->gids, a->gid_count, b->gids, b->gid_count);
}

void principals_free(struct principals *principals)
{
	free(principals->uids);
	free(principals->gids);
	*principals = (struct principals){0};
}

void principals_unknown_free(struct principals_unknown *unknown)
{
	free(unknown->items);
	*unknown = (struct principals_unknown){0};
}
