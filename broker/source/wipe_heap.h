/* SPDX-License-Identifier: MIT */
/*
 * Every block of heap memory in this process is wiped when it is freed or moved.
 *
 * libcurl, OpenSSL and json-c leave copies of secrets and tokens in memory that they free. A
 * program that links this file has its own free(3) and realloc(3) on top of glibc's, and all its
 * libraries use them. Left out of sanitizer builds, which bring allocators of their own.
 */
#ifndef BROKER_SOURCE_WIPE_HEAP_H
#define BROKER_SOURCE_WIPE_HEAP_H

#include <stdbool.h>

/* Frees and moves a block and looks whether it was wiped. Call it while there is one thread. */
bool wipe_heap_is_active(void);

#endif
