/* SPDX-License-Identifier: MIT */
#include "publish/segment_acl.h"

#include <acl/libacl.h>
#include <errno.h>
#include <sys/acl.h>
#include <sys/stat.h>

#define CLEANUP_ACL __attribute__((cleanup(cleanup_acl)))

static void cleanup_acl(acl_t *acl)
{
	if (*acl != NULL)
		(void)acl_free(*acl);
}

static int add_entry(acl_t *acl, acl_tag_t tag, const void *qualifier, bool can_read,
		     bool can_write)
{
	acl_entry_t entry;
	acl_permset_t permissions;

	if (acl_create_entry(acl, &entry) < 0 || acl_set_tag_type(entry, tag) < 0 ||
	    (qualifier != NULL && acl_set_qualifier(entry, qualifier) < 0) ||
	    acl_get_permset(entry, &permissions) < 0 || acl_clear_perms(permissions) < 0 ||
	    (can_read && acl_add_perm(permissions, ACL_READ) < 0) ||
	    (can_write && acl_add_perm(permissions, ACL_WRITE) < 0))
		return -errno;
	return 0;
}

static int add_readers(acl_t *acl, const struct principals *readers)
{
	int r;

	for (size_t i = 0; i < readers->uid_count; i++) {
		r = add_entry(acl, ACL_USER, &readers->uids[i], true, false);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < readers->gid_count; i++) {
		r = add_entry(acl, ACL_GROUP, &readers->gids[i], true, false);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A mask exists where there are named entries, as the kernel hands it back. */
static int build(acl_t *ret, const struct principals *readers)
{
	size_t count = readers->uid_count + readers->gid_count;
	CLEANUP_ACL acl_t acl = acl_init((int)(count + 4));
	int r;

	if (acl == NULL)
		return -errno;
	if ((r = add_entry(&acl, ACL_USER_OBJ, NULL, true, true)) < 0 ||
	    (r = add_entry(&acl, ACL_GROUP_OBJ, NULL, false, false)) < 0 ||
	    (r = add_entry(&acl, ACL_OTHER, NULL, false, false)) < 0 ||
	    (r = add_readers(&acl, readers)) < 0 ||
	    (count > 0 && (r = add_entry(&acl, ACL_MASK, NULL, true, false)) < 0))
		return r;

	*ret = acl;
	acl = NULL;
	return 0;
}

/* With a mask the group bits of the mode show the mask. */
static bool mode_matches(const struct stat *status, const struct principals *readers)
{
	bool has_mask = readers->uid_count + readers->gid_count > 0;

	return (status->st_mode & 07777) == (has_mask ? 0640 : 0600);
}

int segment_acl_matches(int fd, const struct principals *readers, bool *ret)
{
	CLEANUP_ACL acl_t expected = NULL;
	CLEANUP_ACL acl_t found = NULL;
	struct stat status;
	int r;

	if (fstat(fd, &status) < 0)
		return -errno;
	found = acl_get_fd(fd);
	if (found == NULL)
		return -errno;
	r = build(&expected, readers);
	if (r < 0)
		return r;
	r = acl_cmp(expected, found);
	if (r < 0)
		return -errno;

	*ret = r == 0 && mode_matches(&status, readers);
	return 0;
}

int segment_acl_set(int fd, const struct principals *readers)
{
	CLEANUP_ACL acl_t acl = NULL;
	bool matches = false;
	int r;

	r = build(&acl, readers);
	if (r < 0)
		return r;
	if (acl_set_fd(fd, acl) < 0)
		return -errno;
	r = segment_acl_matches(fd, readers, &matches);
	if (r < 0)
		return r;
	return matches ? 0 : -EPERM;
}
