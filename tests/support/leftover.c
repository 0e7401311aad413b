/* SPDX-License-Identifier: MIT */
/*
 * leftover freed|wiped FILE: what a scan of memory must find, or must not. Copies each line of FILE
 * to the heap and gives the block back, with its bytes in it or wiped before; then it says "ready"
 * and waits for its end. The lines stand nowhere else in it.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	FILE_BYTES = 4096,
	LINES = 7, /* what glibc keeps of one size without handing it out again */
};

/* Returns the bytes read, or -1. */
static ssize_t read_all(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, buffer, size);

	if (fd >= 0)
		close(fd);
	return got;
}

/* All at once, so that no block is another's again. The volatile pointer keeps the compiler from
 * dropping copies that nobody reads. */
static void leave(char *text, bool is_wiped)
{
	void (*volatile release)(void *) = free;
	char *copies[LINES] = {NULL};
	size_t count = 0;
	char *rest = text;

	for (char *line; count < LINES && (line = strsep(&rest, "\n")) != NULL;)
		copies[count++] = strdup(line);
	for (size_t i = 0; i < count; i++) {
		if (is_wiped && copies[i] != NULL)
			explicit_bzero(copies[i], strlen(copies[i]));
		release(copies[i]);
	}
}

int main(int argc, char **argv)
{
	static char text[FILE_BYTES];

	if (argc != 3 || read_all(argv[2], text, sizeof(text) - 1) < 0) {
		fputs("usage: leftover freed|wiped FILE\n", stderr);
		return 2;
	}
	leave(text, strcmp(argv[1], "wiped") == 0);
	explicit_bzero(text, sizeof(text));
	fputs("ready\n", stderr);
	for (;;)
		pause();
}
