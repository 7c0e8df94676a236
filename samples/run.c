// SPDX-License-Identifier: GPL-2.0
/*
 * The shortest program on the ABI: one run, its percentiles worked out from the
 * buckets that the kernel hands out, and where the memory was.
 *
 *	cc -I include/uapi -o run samples/run.c
 *	./run dma-single 4096
 */
#ifndef NOLIBC
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#endif
#include <linux/memlab.h>

static struct memlab_outcome outcome;

/* The highest value that falls into a bucket: 32 single ones, then 32 for each power of two. */
static __u64 highest(unsigned int bucket)
{
	unsigned int shift = bucket < 64 ? 0 : bucket / 32 - 1;

	return bucket < 32 ? bucket : (((__u64)bucket % 32 + 33) << shift) - 1;
}

/* The smallest bucket's end below which so many thousandths of the samples lie, in ns. */
static __u64 percentile(const struct memlab_phase *phase, unsigned int per_mille)
{
	__u64 seen = 0;

	for (unsigned int bucket = 0; bucket < MEMLAB_BUCKETS; bucket++) {
		seen += phase->buckets[bucket];
		if (seen * 1000 >= phase->count * per_mille)
			return highest(bucket) < phase->max ? highest(bucket) : phase->max;
	}
	return phase->max;
}

int main(int argc, char **argv)
{
	struct memlab_run run = {
		.size = sizeof(run),
		.bytes = argc > 2 ? atol(argv[2]) : 0,
		.node = MEMLAB_NODE_ANY,
		.outcome = (__u64)(unsigned long)&outcome,
		.outcome_size = sizeof(outcome),
	};
	int fd = open("/dev/memlab", O_RDWR);

	if (fd < 0) {
		perror("/dev/memlab");
		return 1;
	}
	snprintf(run.experiment, sizeof(run.experiment), "%s", argc > 1 ? argv[1] : "kmalloc");
	if (ioctl(fd, MEMLAB_IOC_RUN, &run) < 0) {
		printf("%s: %s\n", run.experiment, *run.message ? run.message : strerror(errno));
		return 1;
	}
	for (int i = 0; i < 2; i++) {
		const struct memlab_phase *phase = &outcome.phases[i];

		printf("%s %s: %llu samples, raw ns: min %llu p50 %llu p99 %llu max %llu\n",
		       run.experiment, i ? "release" : "acquire", phase->count, phase->min,
		       percentile(phase, 500), percentile(phase, 990), phase->max);
	}
	printf("the clock took %llu ns of each; zone %s, %u extents\n", outcome.clock_median,
	       outcome.zone, outcome.extents);
	return 0;
}
