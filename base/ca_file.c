/* SPDX-License-Identifier: MIT */
#include "base/ca_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

int ca_file_check(const char *path, struct error_text *error)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		int r = -errno;

		error_text_set(error, "%s cannot be read: %s", path, strerror(-r));
		return r;
	}
	if (!S_ISREG(st.st_mode)) {
		error_text_set(error, "%s is not a regular file", path);
		return -EINVAL;
	}
	return 0;
}
