/* SPDX-License-Identifier: MIT */
/*
 * A block of bytes that must not be found anywhere else: in pages of its own, locked into memory
 * where the limit allows it, left out of core dumps, and wiped before it is given back.
 *
 * A secret has one owner and no lock, and pages are kept for the next one without a lock, too: one
 * thread of a process makes and frees secrets, and no other. After fork(2) the child finds the
 * bytes zeroed while length still counts them (MADV_WIPEONFORK): it may only free a secret.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* So many single pages of freed secrets, wiped and locked still, are kept for the next ones. */
#define SECRET_SPARE_PAGES 32

struct secret {
	char *data;      /* moves when the secret grows; a NUL follows the last byte */
	size_t length;   /* in bytes, without that NUL */
	size_t capacity; /* bytes that fit without growing */
	size_t maximum;  /* bytes that it may ever hold */
	bool is_locked;  /* mlock(2) succeeded: the bytes never reach swap */
};

/* An empty secret with room for capacity bytes, which may grow to maximum. 0 or -ENOMEM. */
int secret_new(struct secret **ret, size_t capacity, size_t maximum);

/* Wipes, and unmaps or keeps the page. NULL is fine; errno is kept. */
void secret_free(struct secret *secret);
static inline void cleanup_secret_free(struct secret **secret)
{
	secret_free(*secret);
}

/* Unmaps the pages that are kept. */
void secret_trim(void);

/*
 * Makes room for `room` bytes and a NUL behind the present ones. Whoever fills them in place then
 * adds to length and sets the NUL. 0; -EMSGSIZE beyond maximum, -ENOMEM: nothing has changed.
 */
int secret_reserve(struct secret *secret, size_t room);

/* Adds a copy of the bytes at the end. Fails as secret_reserve(). */
int secret_append(struct secret *secret, const void *bytes, size_t length);
int secret_append_string(struct secret *secret, const char *string);

/* Adds what is left to read from fd. Fails as secret_reserve() or read(2), with a part added. */
int secret_read(struct secret *secret, int fd);

/* Keeps the first length bytes, at most all there are, and wipes the others. */
void secret_truncate(struct secret *secret, size_t length);

/* Takes the same time wherever the bytes differ; the lengths are not hidden. */
bool secret_equals(const struct secret *secret, const void *bytes, size_t length);

/*
 * Clears 64 KiB of stack below the caller: what a library that just returned has left there. Costs
 * about a microsecond.
 */
void secret_wipe_stack(void);

#endif
