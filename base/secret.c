/* SPDX-License-Identifier: MIT */
#include "base/secret.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/locked_pages.h"

enum { STACK_BYTES = 64 * 1024 };

/*
 * Single pages of secrets that are gone, locked and all zeroes, for those to come: a request makes
 * and frees some nine, and a page costs five system calls. Static as the heap of malloc(3) is: it
 * belongs to the process, whoever makes secrets in it. One thread does (secret.h).
 */
static struct {
	void *pages[SECRET_SPARE_PAGES];
	size_t count;
	size_t page_bytes; /* of each; 0: none was ever kept */
} spare;

static bool take_spare_page(struct secret *ret, size_t bytes)
{
	if (spare.count == 0 || bytes > spare.page_bytes)
		return false;
	ret->data = spare.pages[--spare.count];
	ret->capacity = spare.page_bytes - 1;
	ret->is_locked = true;
	return true;
}

/* Those that could not be locked are not kept: the next may. */
static bool keep_as_spare(const struct secret *secret)
{
	size_t bytes = secret->capacity + 1;

	if (!secret->is_locked || spare.count == SECRET_SPARE_PAGES ||
	    bytes != (size_t)sysconf(_SC_PAGESIZE))
		return false;
	explicit_bzero(secret->data, bytes);
	spare.page_bytes = bytes;
	spare.pages[spare.count++] = secret->data;
	return true;
}

void secret_trim(void)
{
	while (spare.count > 0)
		locked_pages_unmap(spare.pages[--spare.count], spare.page_bytes);
}

/* Sets data, capacity and is_locked of *ret; the rest is the caller's. */
static int map_pages(struct secret *ret, size_t capacity)
{
	size_t bytes;

	if (capacity < SIZE_MAX && take_spare_page(ret, capacity + 1))
		return 0;
	ret->data = locked_pages_map(capacity + 1, &bytes, &ret->is_locked);
	if (ret->data != NULL && !ret->is_locked && spare.count > 0) {
		/* What is kept must not be what uses up the limit. */
		secret_trim();
		locked_pages_unmap(ret->data, bytes);
		ret->data = locked_pages_map(capacity + 1, &bytes, &ret->is_locked);
	}
	if (ret->data == NULL)
		return -ENOMEM;
	ret->capacity = bytes - 1;
	return 0;
}

static void unmap_pages(struct secret *secret)
{
	if (!keep_as_spare(secret))
		locked_pages_unmap(secret->data, secret->capacity + 1);
}

int secret_new(struct secret **ret, size_t capacity, size_t maximum)
{
	struct secret *secret;
	int r;

	assert(capacity <= maximum);
	secret = malloc(sizeof(*secret));
	if (secret == NULL)
		return -ENOMEM;
	*secret = (struct secret){.maximum = maximum};
	r = map_pages(secret, capacity);
	if (r < 0) {
		free(secret);
		return r;
	}
	*ret = secret;
	return 0;
}

void secret_free(struct secret *secret)
{
	int saved = errno;

	if (secret == NULL)
		return;
	unmap_pages(secret);
	free(secret);
	errno = saved;
}

/* At least doubles, so that a stream of small pieces is not copied for each of them. */
static int grow(struct secret *secret, size_t wanted)
{
	struct secret larger = *secret;
	size_t capacity = 2 * secret->capacity;
	int r;

	if (capacity > secret->maximum)
		capacity = secret->maximum;
	r = map_pages(&larger, capacity > wanted ? capacity : wanted);
	if (r < 0)
		return r;
	memcpy(larger.data, secret->data, secret->length);
	unmap_pages(secret);
	*secret = larger;
	return 0;
}

int secret_reserve(struct secret *secret, size_t room)
{
	if (room > secret->maximum - secret->length)
		return -EMSGSIZE;
	if (room <= secret->capacity - secret->length)
		return 0;
	return grow(secret, secret->length + room);
}

int secret_append(struct secret *secret, const void *bytes, size_t length)
{
	int r = secret_reserve(secret, length);

	if (r < 0)
		return r;
	if (length > 0)
		memcpy(secret->data + secret->length, bytes, length);
	secret->length += length;
	secret->data[secret->length] = '\0';
	return 0;
}

int secret_append_string(struct secret *secret, const char *string)
{
	return secret_append(secret, string, strlen(string));
}

/* What one read(2) may add: all the room there is, and never beyond maximum. */
static size_t room_for_read(const struct secret *secret)
{
	size_t capacity = secret->capacity < secret->maximum ? secret->capacity : secret->maximum;

	return capacity - secret->length;
}

int secret_read(struct secret *secret, int fd)
{
	for (;;) {
		ssize_t count;
		char probe;

		if (secret->length == secret->maximum) {
			count = read(fd, &probe, 1);
			explicit_bzero(&probe, 1);
			if (count > 0)
				return -EMSGSIZE;
		} else {
			int r = secret_reserve(secret, 1);

			if (r < 0)
				return r;
			count = read(fd, secret->data + secret->length, room_for_read(secret));
		}
		if (count == 0)
			return 0;
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		secret->length += (size_t)count;
		secret->data[secret->length] = '\0';
	}
}

void secret_truncate(struct secret *secret, size_t length)
{
	assert(length <= secret->length);
	explicit_bzero(secret->data + length, secret->length - length);
	secret->length = length;
}

bool secret_equals(const struct secret *secret, const void *bytes, size_t length)
{
	const volatile unsigned char *left = (const unsigned char *)secret->data;
	const volatile unsigned char *right = bytes;
	unsigned difference = 0;

	if (secret->length != length)
		return false;
	for (size_t i = 0; i < length; i++)
		difference |= (unsigned)(left[i] ^ right[i]);
	return difference == 0;
}

__attribute__((noinline)) void secret_wipe_stack(void)
{
	char below[STACK_BYTES];

	explicit_bzero(below, sizeof(below));
}
