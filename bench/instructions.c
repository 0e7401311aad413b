/* SPDX-License-Identifier: MIT */
/*
 * Calls for valgrind to count (bench/instruction_counts.py): instructions get|generation|publish
 * TOKEN_BYTES CALLS.
 */
#include "bench/published.h"
#include "broker/publish/publication_private.h"

static void get(struct tokenbroker *tb, struct published *published)
{
	static char token[TOKENBROKER_TOKEN_MAX + 1];
	int r = tokenbroker_get(tb, 0, token, published->length + 1, NULL);

	if (r < 0)
		published_die("tokenbroker_get", r);
}

static void generation(struct tokenbroker *tb, struct published *published)
{
	(void)published;
	if (tokenbroker_generation(tb) == 0)
		published_die("tokenbroker_generation", -ENOKEY);
}

/* Into the segment that is there: what a publish is without the copy that the broker keeps. */
static void publish(struct tokenbroker *tb, struct published *published)
{
	(void)tb;
	segment_publish(published->publication->segment,
			publication_content(published->publication), false);
}

static const struct operation {
	const char *name;
	void (*run)(struct tokenbroker *tb, struct published *published);
} operations[] = {{"get", get}, {"generation", generation}, {"publish", publish}};

int main(int argc, char **argv)
{
	struct published published;
	struct tokenbroker *tb;

	if (argc != 4)
		return 2;
	published_init(&published, (size_t)atoi(argv[2]));
	tb = published_open();
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		for (int calls = atoi(argv[3]);
		     calls > 0 && strcmp(argv[1], operations[i].name) == 0; calls--)
			operations[i].run(tb, &published);
	tokenbroker_close(tb);
	published_fini(&published);
	return EXIT_SUCCESS;
}
