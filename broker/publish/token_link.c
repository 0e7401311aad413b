/* SPDX-License-Identifier: MIT */
#include "publish/token_link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int token_link_read(const struct runtime_dir *dir, const char *token, struct segment_name *ret)
{
	char target[SEGMENT_NAME_BYTES];
	struct segment_name name;
	ssize_t length;

	length = readlinkat(dir->tokens_fd, token, target, sizeof(target));
	if (length < 0)
		return errno == EINVAL ? -ENOENT : -errno;
	if ((size_t)length == sizeof(target)) /* longer than any of ours */
		return -ENOENT;
	target[length] = '\0';
	if (!segment_name_parse_link(&name, target) || strcmp(name.token, token) != 0)
		return -ENOENT;

	*ret = name;
	return 0;
}

int token_link_set(const struct runtime_dir *dir, const struct segment_name *segment)
{
	char temporary[TOKEN_NAME_MAX + sizeof("..new")];
	char target[SEGMENT_NAME_BYTES];
	int r;

	(void)snprintf(temporary, sizeof(temporary), ".%s.new", segment->token);
	if (unlinkat(dir->tokens_fd, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	if (symlinkat(segment_name_link(segment, target), dir->tokens_fd, temporary) < 0)
		return -errno;
	if (renameat(dir->tokens_fd, temporary, dir->tokens_fd, segment->token) < 0) {
		r = -errno;
		(void)unlinkat(dir->tokens_fd, temporary, 0);
		return r;
	}
	return 0;
}

int token_link_remove(const struct runtime_dir *dir, const char *token)
{
	if (unlinkat(dir->tokens_fd, token, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

bool token_link_leads_to(const struct runtime_dir *dir, const struct segment_name *segment)
{
	struct segment_name found;

	return token_link_read(dir, segment->token, &found) == 0 &&
	       segment_name_equals(&found, segment);
}
