/* SPDX-License-Identifier: MIT */
/*
 * Reads a secret from a file that nobody else can read. Which file may hold one: a regular file
 * that belongs to root or the program's own user and is closed to the world and to every group but
 * the program's own, which may read. Credentials of systemd ("credential:NAME") are checked for
 * type and owner only.
 *
 * Symbolic links are followed, because rotation by renamed links is common: the rules are applied
 * to the file that was opened.
 */
#ifndef BASE_SECRET_FILE_H
#define BASE_SECRET_FILE_H

#include <sys/types.h>

#include "base/error_text.h"
#include "base/secret.h"

/* Longest secret in bytes, without the newline that ends its file. */
#define SECRET_FILE_MAX 4096

struct secret_file_rules {
	const char *credentials_directory; /* $CREDENTIALS_DIRECTORY; NULL: not set; borrowed */
	const char *whose; /* "the broker": whose user that is, for messages; static */
	uid_t uid;         /* the program's own */
	gid_t gid;
};

/*
 * name: a path or "credential:NAME". One newline at the end is cut; what is left must be printable
 * ASCII. 0, or a negative errno with error saying what to do: -EPERM a rule is broken, -EINVAL
 * empty, not printable or not a credential's name, -EMSGSIZE too long, -ENOENT also without a
 * credentials directory, -ENOMEM, or any error of open(2) and read(2).
 */
int secret_file_read(struct secret **ret, const char *name, const struct secret_file_rules *rules,
		     struct error_text *error);

/* The same test without keeping the content: for --check-config. */
int secret_file_check(const char *name, const struct secret_file_rules *rules,
		      struct error_text *error);

#endif
