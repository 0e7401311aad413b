/* SPDX-License-Identifier: MIT */
#include "base/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

static const char credential_prefix[] = "credential:";

/* Where the file lies, and which rules hold for it. */
struct location {
	char path[PATH_MAX];
	bool is_credential;
};

static int find_credential(struct location *ret, const char *name,
			   const struct secret_file_rules *rules, struct error_text *error)
{
	int length;

	if (*name == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0) {
		error_text_set(error, "\"credential:%s\" is not the name of a credential", name);
		return -EINVAL;
	}
	if (rules->credentials_directory == NULL) {
		error_text_set(error,
			       "there are no credentials (CREDENTIALS_DIRECTORY is not set): add "
			       "LoadCredential=%s:PATH to the service",
			       name);
		return -ENOENT;
	}
	ret->is_credential = true;
	length =
		snprintf(ret->path, sizeof(ret->path), "%s/%s", rules->credentials_directory, name);
	if ((size_t)length >= sizeof(ret->path)) {
		error_text_set(error, "the credential's path is too long");
		return -ENAMETOOLONG;
	}
	return 0;
}

static int find(struct location *ret, const char *name, const struct secret_file_rules *rules,
		struct error_text *error)
{
	size_t prefix_length = strlen(credential_prefix);

	if (strncmp(name, credential_prefix, prefix_length) == 0)
		return find_credential(ret, name + prefix_length, rules, error);
	if (*name == '\0' || strlen(name) >= sizeof(ret->path)) {
		error_text_set(error, "client_secret_file is empty or too long");
		return *name == '\0' ? -EINVAL : -ENAMETOOLONG;
	}
	ret->is_credential = false;
	(void)snprintf(ret->path, sizeof(ret->path), "%s", name);
	return 0;
}

static int open_file(const char *path, const struct secret_file_rules *rules,
		     struct error_text *error)
{
	/* O_NONBLOCK: a FIFO in this place must not hang the program. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r = -errno;

	if (fd >= 0)
		return fd;
	if (r == -EACCES)
		error_text_set(
			error,
			"%s cannot be opened by this user: run as root or as %s's user, and make "
			"uid %ju its owner",
			path, rules->whose, (uintmax_t)rules->uid);
	else
		error_text_set(error, "%s cannot be opened: %s", path, strerror(-r));
	return r;
}

static int check_mode(const char *path, const struct stat *st,
		      const struct secret_file_rules *rules, struct error_text *error)
{
	unsigned mode = st->st_mode & 07777;

	if ((mode & S_IRWXO) != 0) {
		error_text_set(error, "%s is accessible to others (mode %04o): chmod 0400 %s", path,
			       mode, path);
		return -EPERM;
	}
	/* The group bits also stand for every entry of a POSIX ACL. */
	if ((mode & S_IRWXG & ~(unsigned)S_IRGRP) != 0 ||
	    ((mode & S_IRGRP) != 0 && st->st_gid != rules->gid)) {
		error_text_set(error,
			       "%s is accessible to a group (mode %04o, gid %ju): chmod 0400 %s",
			       path, mode, (uintmax_t)st->st_gid, path);
		return -EPERM;
	}
	return 0;
}

static int check_file(int fd, const struct location *location,
		      const struct secret_file_rules *rules, struct error_text *error)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		int r = -errno;

		error_text_set(error, "%s: %s", location->path, strerror(-r));
		return r;
	}
	if (!S_ISREG(st.st_mode)) {
		error_text_set(error, "%s is not a regular file", location->path);
		return -EPERM;
	}
	if (st.st_uid != 0 && st.st_uid != rules->uid) {
		error_text_set(error,
			       "%s belongs to uid %ju, neither root nor %s's user: chown %ju %s",
			       location->path, (uintmax_t)st.st_uid, rules->whose,
			       (uintmax_t)rules->uid, location->path);
		return -EPERM;
	}
	return location->is_credential ? 0 : check_mode(location->path, &st, rules, error);
}

static size_t length_without_newline(const struct secret *secret)
{
	size_t length = secret->length;

	if (length > 0 && secret->data[length - 1] == '\n')
		length--;
	else
		return length;
	if (length > 0 && secret->data[length - 1] == '\r')
		length--;
	return length;
}

/* RFC 6749 appendix A.2: a client secret is made of %x20-7E. */
static bool is_printable(const struct secret *secret)
{
	for (size_t i = 0; i < secret->length; i++)
		if (secret->data[i] < 0x20 || secret->data[i] > 0x7e)
			return false;
	return true;
}

static int check_content(struct secret *secret, const char *path, struct error_text *error)
{
	secret_truncate(secret, length_without_newline(secret));
	if (secret->length == 0) {
		error_text_set(error, "%s is empty: write the client secret into it", path);
		return -EINVAL;
	}
	if (secret->length > SECRET_FILE_MAX) {
		error_text_set(error, "%s holds more than %d bytes: no client secret", path,
			       SECRET_FILE_MAX);
		return -EMSGSIZE;
	}
	if (!is_printable(secret)) {
		error_text_set(
			error,
			"%s must hold one line of printable ASCII characters and nothing else",
			path);
		return -EINVAL;
	}
	return 0;
}

static int read_content(struct secret *secret, int fd, const char *path, struct error_text *error)
{
	int r = secret_read(secret, fd);

	if (r == -EMSGSIZE)
		error_text_set(error, "%s holds more than %d bytes: no client secret", path,
			       SECRET_FILE_MAX);
	else if (r < 0)
		error_text_set(error, "%s cannot be read: %s", path, strerror(-r));
	return r < 0 ? r : check_content(secret, path, error);
}

int secret_file_read(struct secret **ret, const char *name, const struct secret_file_rules *rules,
		     struct error_text *error)
{
	CLEANUP(secret_free) struct secret *secret = NULL;
	CLEANUP(close_fd) int fd = -1;
	struct location location;
	int r;

	r = find(&location, name, rules, error);
	if (r < 0)
		return r;
	fd = open_file(location.path, rules, error);
	if (fd < 0)
		return fd;
	r = check_file(fd, &location, rules, error);
	if (r < 0)
		return r;
	r = secret_new(&secret, 0, SECRET_FILE_MAX + sizeof("\r\n") - 1);
	if (r < 0) {
		error_text_set(error, "%s cannot be read: %s", location.path, strerror(-r));
		return r;
	}
	r = read_content(secret, fd, location.path, error);
	if (r < 0)
		return r;
	*ret = secret;
	secret = NULL;
	return 0;
}

int secret_file_check(const char *name, const struct secret_file_rules *rules,
		      struct error_text *error)
{
	CLEANUP(secret_free) struct secret *secret = NULL;

	return secret_file_read(&secret, name, rules, error);
}
