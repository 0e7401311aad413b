/* SPDX-License-Identifier: MIT */
/*
 * Times of short operations: batches of calls, those of all candidates and floors in turn, so that
 * whatever else the machine does hits all of them. A figure is nanoseconds a call: the median of
 * the batches, their 99th percentile, and the best one.
 */
#ifndef BENCH_BATCHES_H
#define BENCH_BATCHES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

struct batch_case {
	const char *name;
	void (*run)(void *context, unsigned calls);
	void *context;
};

struct batch_figures {
	double median_ns;
	double p99_ns;
	double best_ns;
};

static inline int batches_compare(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Sorts them. */
static inline struct batch_figures batches_figures(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), batches_compare);
	return (struct batch_figures){
		.median_ns = values[count / 2],
		.p99_ns = values[(count * 99 + 99) / 100 - 1],
		.best_ns = values[0],
	};
}

static inline double batches_time(const struct batch_case *batch_case, unsigned calls)
{
	int64_t start_ns = clock_monotonic_ns();

	batch_case->run(batch_case->context, calls);
	return (double)(clock_monotonic_ns() - start_ns) / calls;
}

/* One batch of each case a round, after one that warms up. times: rounds values of the first case,
 * then of the next. */
static inline void batches_run(const struct batch_case *cases, size_t count, unsigned rounds,
			       unsigned calls, double *times)
{
	for (size_t i = 0; i < count; i++)
		(void)batches_time(&cases[i], calls);
	for (unsigned round = 0; round < rounds; round++)
		for (size_t i = 0; i < count; i++)
			times[i * rounds + round] = batches_time(&cases[i], calls);
}

static inline void batches_print(const char *name, struct batch_figures figures)
{
	printf("\"%s\":{\"median\":%.2f,\"p99\":%.2f,\"best\":%.2f}", name, figures.median_ns,
	       figures.p99_ns, figures.best_ns);
}

/* Runs the cases and prints them as one line of JSON. */
static inline int batches_tell(const struct batch_case *cases, size_t count, unsigned rounds,
			       unsigned calls)
{
	double *times = calloc(count * rounds, sizeof(*times));

	if (times == NULL)
		return EXIT_FAILURE;
	batches_run(cases, count, rounds, calls, times);
	printf("{");
	for (size_t i = 0; i < count; i++) {
		printf("%s", i > 0 ? "," : "");
		batches_print(cases[i].name, batches_figures(times + i * rounds, rounds));
	}
	printf("}\n");
	free(times);
	return EXIT_SUCCESS;
}

#endif
