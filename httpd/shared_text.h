/* SPDX-License-Identifier: MIT */
/*
 * A text that several answers send at the same time, each at its own pace: freed with its last
 * holder. One thread only.
 */
#ifndef HTTPD_SHARED_TEXT_H
#define HTTPD_SHARED_TEXT_H

#include <stddef.h>

struct shared_text {
	unsigned holders;
	size_t length; /* without the NUL that follows */
	char data[];
};

/* A copy, held once. NULL: out of memory. */
struct shared_text *shared_text_new(const char *data, size_t length);
struct shared_text *shared_text_hold(struct shared_text *text);
/* NULL is fine. */
void shared_text_release(struct shared_text *text);
static inline void cleanup_shared_text(struct shared_text **text)
{
	shared_text_release(*text);
}

#endif
