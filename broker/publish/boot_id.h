/* SPDX-License-Identifier: MIT */
/* Which boot this is: times by CLOCK_BOOTTIME mean nothing in another. */
#ifndef BROKER_PUBLISH_BOOT_ID_H
#define BROKER_PUBLISH_BOOT_ID_H

#include <stdbool.h>
#include <stdint.h>

#define BOOT_ID_BYTES 16
#define BOOT_ID_FILE  "/proc/sys/kernel/random/boot_id"

/* From that file. -EIO: it holds no UUID; any error of open(2) and read(2). */
int boot_id_read(uint8_t ret[static BOOT_ID_BYTES]);

/* 36 characters: hex digits in groups of 8, 4, 4, 4, 12 (RFC 9562 4), to 16 bytes in their order.
 * False, with ret untouched: anything else. What follows them does not count. */
bool boot_id_parse(uint8_t ret[static BOOT_ID_BYTES], const char *text);

#endif
