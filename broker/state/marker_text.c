/* SPDX-License-Identifier: MIT */
#include "state/marker_text.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"

#define TITLE         "tokenbroker suspend marker 1\n"
#define FINGERPRINT   "fingerprint "
#define EXPIRES       "\nexpires_realtime_ns "
#define REVOCATION    "\nrevocation "
#define NO_TOKEN_WORD "none"

static const char *const revocation_words[] = {
	[SUSPEND_REVOCATION_UNKNOWN] = "unknown\n",
	[SUSPEND_REVOCATION_DONE] = "done\n",
	[SUSPEND_REVOCATION_FAILED] = "failed\n",
};

/* The rest of a text that is taken apart from the front. */
struct rest {
	const char *data;
	size_t length;
};

size_t marker_text_format(const struct suspend_marker *marker,
			  char buffer[static MARKER_TEXT_BYTES])
{
	const char *fingerprint =
		marker->fingerprint[0] != '\0' ? marker->fingerprint : NO_TOKEN_WORD;
	struct text text;

	text_init(&text, buffer, MARKER_TEXT_BYTES);
	text_addf(&text, TITLE FINGERPRINT "%.*s" EXPIRES "%" PRId64 REVOCATION "%s",
		  FINGERPRINT_BYTES - 1, fingerprint, marker->expires_realtime_ns,
		  revocation_words[marker->revocation]);
	assert(!text.is_cut);
	return text.length;
}

static bool take(struct rest *rest, const char *word)
{
	size_t length = strlen(word);

	if (rest->length < length || memcmp(rest->data, word, length) != 0)
		return false;
	rest->data += length;
	rest->length -= length;
	return true;
}

static bool is_lower_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool take_fingerprint(struct rest *rest, char ret[static FINGERPRINT_BYTES])
{
	const size_t length = FINGERPRINT_BYTES - 1;

	if (take(rest, NO_TOKEN_WORD)) {
		ret[0] = '\0';
		return true;
	}
	if (rest->length < length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_lower_hex(rest->data[i]))
			return false;
	memcpy(ret, rest->data, length);
	ret[length] = '\0';
	rest->data += length;
	rest->length -= length;
	return true;
}

/* Decimal digits with an optional sign, nothing else, within int64_t. */
static bool take_number(struct rest *rest, int64_t *ret)
{
	bool is_negative = take(rest, "-");
	int64_t value = 0; /* kept negative: INT64_MIN has no positive twin */
	size_t digits = 0;

	for (; rest->length > 0 && rest->data[0] >= '0' && rest->data[0] <= '9'; digits++) {
		int digit = rest->data[0] - '0';

		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, digit, &value))
			return false;
		rest->data++;
		rest->length--;
	}
	if (digits == 0 || (!is_negative && value == INT64_MIN))
		return false;
	*ret = is_negative ? value : -value;
	return true;
}

static bool take_revocation(struct rest *rest, enum suspend_revocation *ret)
{
	for (int i = SUSPEND_REVOCATION_UNKNOWN; i <= SUSPEND_REVOCATION_FAILED; i++)
		if (take(rest, revocation_words[i])) {
			*ret = (enum suspend_revocation)i;
			return true;
		}
	return false;
}

bool marker_text_parse(const char *text, size_t length, struct suspend_marker *ret)
{
	struct rest rest = {.data = text, .length = length};
	struct suspend_marker marker = {.revocation = SUSPEND_REVOCATION_UNKNOWN};

	if (!take(&rest, TITLE FINGERPRINT) || !take_fingerprint(&rest, marker.fingerprint) ||
	    !take(&rest, EXPIRES) || !take_number(&rest, &marker.expires_realtime_ns) ||
	    !take(&rest, REVOCATION) || !take_revocation(&rest, &marker.revocation) ||
	    rest.length != 0)
		return false;
	*ret = marker;
	return true;
}
