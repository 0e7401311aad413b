/* SPDX-License-Identifier: MIT */
/* Whether this program runs under a sanitizer, which brings its own malloc and makes mlock do
 * nothing. */
#ifndef TESTS_UNIT_SOURCE_SANITIZER_H
#define TESTS_UNIT_SOURCE_SANITIZER_H

/* gcc tells in a macro, clang in a feature. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
	__has_feature(memory_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

#endif
