/* SPDX-License-Identifier: MIT */
#include "cli/run_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/replace_file.h"

#define FALLBACK_BASE "/dev/shm"
#define TOKEN_FILE    "token"
#define NEW_FILE      ".token.new"

/* A name may be taken, or a sweep may be quicker than our lock. */
enum { CREATE_TRIES = 16 };

static void cleanup_close_directory(DIR **directory)
{
	if (*directory != NULL)
		(void)closedir(*directory);
}

static bool is_tmpfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

const char *run_directory_choose_base(const char *user_directory)
{
	CLEANUP(close_fd) int fd = -1;
	struct stat st;

	if (user_directory == NULL || user_directory[0] != '/')
		return FALLBACK_BASE;
	fd = open(user_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 || !is_tmpfs(fd))
		return FALLBACK_BASE;
	return user_directory;
}

/* Opens and locks a run's directory that nobody else holds. 0; -EWOULDBLOCK: its run is alive. */
static int lock_directory(int base_fd, const char *name, int *ret_fd)
{
	CLEANUP(close_fd)
	int fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid())
		return -EPERM;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	/* Between open and flock another run may have swept it. */
	if (fstat(fd, &st) < 0 || st.st_nlink == 0)
		return -ENOENT;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static void remove_directory(int base_fd, const char *name, int fd)
{
	(void)unlinkat(fd, TOKEN_FILE, 0);
	(void)unlinkat(fd, NEW_FILE, 0);
	/* Not empty: something that we did not put there, and do not touch. */
	(void)unlinkat(base_fd, name, AT_REMOVEDIR);
}

/* Best effort: what cannot be swept now is swept next time. */
static void sweep(int base_fd)
{
	CLEANUP(close_directory) DIR *directory = NULL;
	const struct dirent *entry;
	int fd = openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	directory = fdopendir(fd);
	if (directory == NULL) {
		(void)close(fd);
		return;
	}
	while ((entry = readdir(directory)) != NULL) {
		CLEANUP(close_fd) int run_fd = -1;

		if (strncmp(entry->d_name, RUN_DIRECTORY_PREFIX, strlen(RUN_DIRECTORY_PREFIX)) ==
			    0 &&
		    lock_directory(base_fd, entry->d_name, &run_fd) == 0)
			remove_directory(base_fd, entry->d_name, run_fd);
	}
}

/* As mkdtemp(3), which knows no directory descriptor. */
static int make_name(char name[static sizeof(RUN_DIRECTORY_PREFIX) + 6])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz012345";
	unsigned char random[6];

	_Static_assert(sizeof(alphabet) == 33, "5 bits a letter");
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -errno;
	memcpy(name, RUN_DIRECTORY_PREFIX, sizeof(RUN_DIRECTORY_PREFIX));
	for (size_t i = 0; i < sizeof(random); i++)
		name[sizeof(RUN_DIRECTORY_PREFIX) - 1 + i] = alphabet[random[i] % 32];
	name[sizeof(RUN_DIRECTORY_PREFIX) - 1 + sizeof(random)] = '\0';
	return 0;
}

static int make_directory(struct run_directory *directory)
{
	int r;

	for (int i = 0; i < CREATE_TRIES; i++) {
		r = make_name(directory->name);
		if (r < 0)
			return r;
		if (mkdirat(directory->base_fd, directory->name, 0700) < 0) {
			if (errno == EEXIST)
				continue;
			return -errno;
		}
		r = lock_directory(directory->base_fd, directory->name, &directory->fd);
		if (r == 0)
			return fchmod(directory->fd, 0700) < 0 ? -errno : 0;
		if (r != -ENOENT && r != -EWOULDBLOCK)
			return r;
	}
	return -EEXIST;
}

int run_directory_create(struct run_directory *directory, const char *base,
			 struct error_text *error)
{
	CLEANUP(run_directory) struct run_directory made = RUN_DIRECTORY_NULL;
	int length;
	int r;

	made.base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (made.base_fd < 0) {
		r = -errno;
		error_text_set(error, "%s: %s", base, strerror(-r));
		return r;
	}
	if (!is_tmpfs(made.base_fd)) {
		error_text_set(error, "%s is not on tmpfs: a token must not reach a disk", base);
		return -EOPNOTSUPP;
	}
	sweep(made.base_fd);
	r = make_directory(&made);
	if (r < 0) {
		error_text_set(error, "cannot make a directory in %s: %s", base, strerror(-r));
		return r;
	}
	length = snprintf(made.token_path, sizeof(made.token_path), "%s/%s/" TOKEN_FILE, base,
			  made.name);
	if (length < 0 || (size_t)length >= sizeof(made.token_path)) {
		error_text_set(error, "%s: %s", base, strerror(ENAMETOOLONG));
		return -ENAMETOOLONG;
	}
	*directory = made;
	made = (struct run_directory)RUN_DIRECTORY_NULL;
	return 0;
}

int run_directory_write(struct run_directory *directory, const char *token, size_t length)
{
	const struct replace_file file = {
		.directory_fd = directory->fd,
		.name = TOKEN_FILE,
		.aside = NEW_FILE,
		.mode = 0600,
	};
	int r = replace_file(&file, token, length);

	if (r == 0)
		directory->has_token = true;
	return r;
}

int run_directory_withdraw(struct run_directory *directory)
{
	if (unlinkat(directory->fd, TOKEN_FILE, 0) < 0 && errno != ENOENT)
		return -errno;
	directory->has_token = false;
	return 0;
}

void run_directory_fini(struct run_directory *directory)
{
	if (directory->fd >= 0) {
		remove_directory(directory->base_fd, directory->name, directory->fd);
		(void)close(directory->fd);
	}
	if (directory->base_fd >= 0)
		(void)close(directory->base_fd);
	*directory = (struct run_directory)RUN_DIRECTORY_NULL;
}
