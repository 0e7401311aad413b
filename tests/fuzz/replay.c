/* SPDX-License-Identifier: MIT */
/* Runs each file of the directories given through a fuzz target; prints how many there were. */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

enum { FILE_BYTES_MAX = 1024 * 1024 };

static void replay(const char *path)
{
	static uint8_t data[FILE_BYTES_MAX];
	FILE *file = fopen(path, "rb");
	uint8_t *exact;
	size_t size;

	FUZZ_MUST(file != NULL);
	size = fread(data, 1, sizeof(data), file);
	(void)fclose(file);
	exact = malloc(size > 0 ? size : 1); /* so that a sanitizer sees a step too far */
	FUZZ_MUST(exact != NULL);
	memcpy(exact, data, size);
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static unsigned replay_all(const char *directory)
{
	struct dirent **names = NULL;
	int count = scandir(directory, &names, NULL, alphasort);
	unsigned replayed = 0;

	FUZZ_MUST(count >= 0);
	for (int i = 0; i < count; i++) {
		char path[4096];
		struct stat st;

		(void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
			(void)fprintf(stderr, "%s\n",
				      path); /* the last one is the one that failed */
			replay(path);
			replayed++;
		}
		free(names[i]);
	}
	free(names);
	return replayed;
}

int main(int argc, char **argv)
{
	unsigned replayed = 0;

	for (int i = 1; i < argc; i++)
		replayed += replay_all(argv[i]);
	(void)printf("%u inputs\n", replayed);
	return replayed > 0 ? 0 : 1;
}
