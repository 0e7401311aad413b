/* SPDX-License-Identifier: MIT */
/*
 * A directory with configuration files of its own, and what config_load() says about them with that
 * directory's name taken out.
 */
#ifndef TESTS_UNIT_BASE_FIXTURE_H
#define TESTS_UNIT_BASE_FIXTURE_H

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/config.h"
#include "harness.h"

#define FIXTURE_MAIN "c"

struct fixture {
	char directory[sizeof("/tmp/test_config.XXXXXX")];
	char messages[64 * 1024]; /* of the last fixture_load(), one a line */
};

static inline void fixture_init(struct fixture *fixture)
{
	strcpy(fixture->directory, "/tmp/test_config.XXXXXX");
	if (mkdtemp(fixture->directory) == NULL)
		CU_FAIL_FATAL("no directory for the test's files");
	fixture->messages[0] = '\0';
}

static inline int fixture_remove_one(const char *path, const struct stat *st, int type,
				     struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void fixture_fini(struct fixture *fixture)
{
	CU_ASSERT_EQUAL(nftw(fixture->directory, fixture_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void cleanup_fixture_fini(struct fixture *fixture)
{
	fixture_fini(fixture);
}

static inline void fixture_path(const struct fixture *fixture, const char *name, char ret[64])
{
	(void)snprintf(ret, 64, "%s/%s", fixture->directory, name);
}

static inline void fixture_make_directory(const struct fixture *fixture, const char *name)
{
	char path[64];

	fixture_path(fixture, name, path);
	CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
}

static inline void fixture_write_bytes(const struct fixture *fixture, const char *name,
				       const char *bytes, size_t size)
{
	char path[64];
	FILE *file;

	fixture_path(fixture, name, path);
	file = fopen(path, "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(fwrite(bytes, 1, size, file), size);
	CU_ASSERT_EQUAL(fclose(file), 0);
}

static inline void fixture_write(const struct fixture *fixture, const char *name, const char *text)
{
	fixture_write_bytes(fixture, name, text, strlen(text));
}

/* Appends text to ret without the directory's name. */
static inline void fixture_add_message(struct fixture *fixture, const char *text)
{
	char prefix[64];
	size_t length = strlen(fixture->messages);
	const char *found;

	fixture_path(fixture, "", prefix);
	while ((found = strstr(text, prefix)) != NULL) {
		length += (size_t)snprintf(fixture->messages + length,
					   sizeof(fixture->messages) - length, "%.*s",
					   (int)(found - text), text);
		text = found + strlen(prefix);
	}
	(void)snprintf(fixture->messages + length, sizeof(fixture->messages) - length, "%s\n",
		       text);
}

/* NULL unless the configuration is accepted. */
static inline struct config *fixture_load(struct fixture *fixture)
{
	CLEANUP(config_errors) struct config_errors errors = {0};
	struct config *config = NULL;
	char path[64];
	int r;

	fixture_path(fixture, FIXTURE_MAIN, path);
	r = config_load(&config, path, &errors);
	CU_ASSERT_EQUAL(r, errors.count == 0 ? 0 : -EINVAL);
	CU_ASSERT_EQUAL(config == NULL, r != 0);
	fixture->messages[0] = '\0';
	for (size_t i = 0; i < errors.count; i++)
		fixture_add_message(fixture, errors.items[i].text);
	return config;
}

/* Whether the messages of the last load are these; shows the difference otherwise. */
static inline bool fixture_has_said(const struct fixture *fixture, const char *expected)
{
	bool is_same = strcmp(fixture->messages, expected) == 0;

	if (!is_same)
		printf("       expected:\n%s       got:\n%s", expected, fixture->messages);
	return is_same;
}

#endif
