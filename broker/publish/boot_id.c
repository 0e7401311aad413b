/* SPDX-License-Identifier: MIT */
#include "publish/boot_id.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return -1;
}

static bool is_after_group(size_t bytes)
{
	return bytes == 4 || bytes == 6 || bytes == 8 || bytes == 10;
}

bool boot_id_parse(uint8_t ret[static BOOT_ID_BYTES], const char *text)
{
	uint8_t id[BOOT_ID_BYTES];

	for (size_t i = 0; i < BOOT_ID_BYTES; i++) {
		int high;
		int low;

		if (is_after_group(i) && *text++ != '-')
			return false;
		high = hex_value(text[0]);
		low = high < 0 ? -1 : hex_value(text[1]);
		if (low < 0)
			return false;
		id[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	memcpy(ret, id, sizeof(id));
	return true;
}

int boot_id_read(uint8_t ret[static BOOT_ID_BYTES])
{
	CLEANUP(close_fd) int fd = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);
	char text[64] = "";

	if (fd < 0)
		return -errno;
	if (read(fd, text, sizeof(text) - 1) < 0)
		return -errno;
	return boot_id_parse(ret, text) ? 0 : -EIO;
}
