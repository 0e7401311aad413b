/* SPDX-License-Identifier: MIT */
/* A suspend marker: what is read is what was written, and nothing of another form is read. */
#include "fuzz.h"
#include "state/marker_text.h"

static void must_be_same(const struct suspend_marker *a, const struct suspend_marker *b)
{
	FUZZ_MUST(strcmp(a->fingerprint, b->fingerprint) == 0);
	FUZZ_MUST(a->expires_realtime_ns == b->expires_realtime_ns);
	FUZZ_MUST(a->revocation == b->revocation);
}

static void check_parsed(const struct suspend_marker *marker)
{
	size_t length = strlen(marker->fingerprint);
	struct suspend_marker again;
	char text[MARKER_TEXT_BYTES];

	FUZZ_MUST(length == 0 || length == FINGERPRINT_BYTES - 1);
	FUZZ_MUST(strspn(marker->fingerprint, "0123456789abcdef") == length);
	length = marker_text_format(marker, text);
	FUZZ_MUST(length < sizeof(text) && length == strlen(text));
	FUZZ_MUST(marker_text_parse(text, length, &again));
	must_be_same(marker, &again);
	FUZZ_MUST(!marker_text_parse(text, length - 1, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct suspend_marker marker = {.fingerprint = "untouched", .expires_realtime_ns = 77};

	if (marker_text_parse((const char *)data, size, &marker))
		check_parsed(&marker);
	else
		FUZZ_MUST(strcmp(marker.fingerprint, "untouched") == 0 &&
			  marker.expires_realtime_ns == 77);
	return 0;
}
