/* SPDX-License-Identifier: MIT */
/*
 * Whether a file of certificate authorities can be handed to libcurl, which opens whatever stands
 * under the name: a FIFO would hang the program.
 */
#ifndef BASE_CA_FILE_H
#define BASE_CA_FILE_H

#include "base/error_text.h"

/* 0, or a negative errno with error: -EINVAL not a regular file, or why nothing is to be seen. */
int ca_file_check(const char *path, struct error_text *error);

#endif
