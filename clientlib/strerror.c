/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "clientlib/handle.h"

static const struct {
	int error;
	const char *text;
} texts[] = {
	{0, "success"},
	{ENOENT, "no such token here, or no broker has ever run"},
	{EACCES, "you are not one of the token's readers"},
	{EPERM, "the runtime directory, the segment or the broker's socket is not trustworthy"},
	{EPROTO, "a damaged segment or message, or one of another version"},
	{ENOKEY, "no token has been fetched yet, or the last one was revoked"},
	{EKEYEXPIRED, "the token has expired, or will too soon"},
	{EKEYREVOKED, "the token was suspended by an administrator"},
	{ENOBUFS, "the buffer is too small for the token"},
	{ESTALE, "a newer token is already published"},
	{EAGAIN, "the broker is busy"},
	{ECONNREFUSED, "no broker is running"},
	{ETIMEDOUT, "timed out"},
	{EINTR, "interrupted by a signal"},
	{EINVAL, "invalid token name, generation, runtime directory or argument"},
	{ENOMEM, "out of memory"},
};

EXPORT const char *tokenbroker_strerror(int error)
{
	int negative = error < 0 ? error : -error; /* INT_MIN has no positive counterpart */
	const char *text;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (negative == -texts[i].error)
			return texts[i].text;
	text = negative < -INT16_MAX ? NULL : strerrordesc_np(-negative);
	return text != NULL ? text : "unknown error";
}
