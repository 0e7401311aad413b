/* SPDX-License-Identifier: MIT */
/* Which files make up a configuration, and the bytes of one of them. Internal to config.c. */
#ifndef BASE_CONFIG_FILE_H
#define BASE_CONFIG_FILE_H

#include "base/config.h"

/*
 * path itself, then the files of conf.d beside it that end in ".conf", in the order of strcmp(3),
 * hidden ones left out. The caller frees *ret with config_strings_free().
 *
 * 0; -EINVAL with an entry in errors when conf.d cannot be listed, *ret then holds what could be;
 * -ENOMEM, *ret is untouched.
 */
int config_files_list(struct config_strings *ret, const char *path, struct config_errors *errors);

/*
 * A regular file of at most 1 MiB as a string that the caller frees. -EINVAL with an entry in
 * errors, -ENOMEM.
 */
int config_file_read(char **ret, const char *path, struct config_errors *errors);

#endif
