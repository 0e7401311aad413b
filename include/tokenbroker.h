/* SPDX-License-Identifier: MIT */
/*
 * libtokenbroker: read the access token that tokenbrokerd publishes on this host.
 *
 * A read takes nanoseconds, asks nobody and works while the broker is down. The library keeps no
 * file descriptor, starts no thread, installs no signal handler and writes no log.
 *
 * Every function returns 0 or a negative errno value unless it says otherwise. The environment
 * (TOKENBROKER_RUNTIME_DIR, TOKENBROKER_TOKEN, XDG_RUNTIME_DIR) is read once, by
 * tokenbroker_open(), with secure_getenv(3).
 *
 * Threads may share one handle, except that tokenbroker_close() must be the last call on it.
 * A handle goes on working in the child after fork(2). It does not survive chroot(2) or a change
 * of the time namespace. No function is safe in a signal handler but tokenbroker_generation() and
 * tokenbroker_strerror().
 */
#ifndef TOKENBROKER_H
#define TOKENBROKER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The longest token that a broker publishes, in bytes, without the terminating NUL. */
#define TOKENBROKER_TOKEN_MAX 61440

/* One token of one broker. */
struct tokenbroker;

struct tokenbroker_info {
	/* Rises with every new token, over restarts and reboots; 0: none yet. It can go back if the
	 * wall clock does, while nothing knows the last one: a token leaves the configuration, the
	 * broker is started again, and the token comes back. */
	uint64_t generation;
	int64_t expires_at;   /* Unix time in seconds, for people and logs; 0 without a token */
	int64_t remaining_ms; /* until expiry, by CLOCK_BOOTTIME; 0 once it has passed */
	size_t length;        /* of the token in bytes, without the terminating NUL */
	uint64_t reserved[4]; /* zero */
};

/*
 * Opens the token called name; NULL means $TOKENBROKER_TOKEN, else "default".
 *
 * -ENOENT  no such token here, or no broker has ever run
 * -EACCES  the caller is not one of the token's readers
 * -EPERM   the runtime directory or the segment is not trustworthy (owner, mode, file type)
 * -EPROTO  a segment layout that this library does not know, or a damaged one
 * -EINVAL  not a token name ([a-z0-9][a-z0-9_-]{0,47}), or TOKENBROKER_RUNTIME_DIR is not absolute
 * -ENOMEM, and any error of open(2), fstat(2), readlink(2) and mmap(2)
 *
 * *ret is untouched on failure.
 */
int tokenbroker_open(struct tokenbroker **ret, const char *name);

/* Unmaps and frees. NULL is fine. No other thread may be using the handle. */
void tokenbroker_close(struct tokenbroker *tb);

/*
 * Copies the current token and a NUL into buffer. Never blocks and never waits for the broker.
 *
 * min_remaining_ms: how long the token must still live, in milliseconds, 0 or more. The published
 * expiry is the true one, nothing is subtracted from it.
 *
 * A buffer of NULL with size 0 asks for the length: -ENOBUFS, with ret_info filled.
 *
 * -ENOKEY       no token has been fetched yet, or an administrator has revoked the last one
 * -EKEYEXPIRED  expired, or fewer than min_remaining_ms left
 * -EKEYREVOKED  suspended by an administrator
 * -ENOBUFS      size is not above the length: ret_info->length tells it
 * -ENOENT       the token has left the broker's configuration
 * -EACCES, -EPERM, -EPROTO  as in tokenbroker_open(): the segment was replaced, and the new one
 *               cannot be used
 * -EINVAL       a negative min_remaining_ms, or no buffer with a size
 *
 * ret_info may be NULL; it is filled on 0, -ENOBUFS, -EKEYEXPIRED, -EKEYREVOKED and -ENOKEY, else
 * untouched. On any failure buffer[0] is 0 and no byte of a token stays in the buffer.
 */
int tokenbroker_get(struct tokenbroker *tb, int64_t min_remaining_ms, char *buffer, size_t size,
		    struct tokenbroker_info *ret_info);

/*
 * The generation of the token published as valid, or 0. A few loads and no clock: it answers "is my
 * copy still the current one?". Who keeps a copy compares expires_at, too.
 */
uint64_t tokenbroker_generation(struct tokenbroker *tb);

/*
 * Waits until a usable token is published whose generation is above after_generation.
 * timeout_ms: relative, in milliseconds; 0 looks once, -1 waits for ever.
 *
 * Returns 0, -ETIMEDOUT, -EINTR after a signal, or -EPERM, -EPROTO, -EACCES as tokenbroker_open().
 * A suspension or a token that has left the configuration does not end the wait: both may come
 * back.
 */
int tokenbroker_wait(struct tokenbroker *tb, uint64_t after_generation, int timeout_ms);

/*
 * Tells the broker that the API answered 401 to the token of this generation. Takes 1 s at most.
 *
 * 0              a newer token is on its way: tokenbroker_wait() for it
 * -ESTALE        a newer one is already published: read again
 * -EKEYREVOKED   suspended by an administrator
 * -EACCES        the caller is not a reader of this token
 * -EINVAL        generation 0, or one that never was
 * -ENOENT        the broker does not know this token (any more)
 * -EAGAIN        the broker is busy, and no newer token is there yet
 * -ECONNREFUSED  no broker is running
 * -ETIMEDOUT     the broker did not answer within 1 s, and no newer token is there yet
 */
int tokenbroker_reject(struct tokenbroker *tb, uint64_t generation);

/* What an error of this library means, in English. Takes either sign; never NULL; static memory. */
const char *tokenbroker_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
