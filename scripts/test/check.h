/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs that look at /dev/memlab from user space are written in:
 * built on nolibc, because the guest has no C library, and on the very header
 * that the module is built on.
 */
#include <linux/memlab_walk.h>

static struct memlab_outcome outcome;

static void result(const char *name, int good, long got, long wanted)
{
	if (good)
		printf("memlab-test: ok %s\n", name);
	else
		printf("memlab-test: not ok %s: got %ld, wanted %ld\n", name, got, wanted);
}

static void equal(const char *name, long got, long wanted)
{
	result(name, got == wanted, got, wanted);
}

/* A sentence has this in it. */
static __attribute__((unused)) void said(const char *name, const char *message, const char *wanted)
{
	if (strstr(message, wanted))
		printf("memlab-test: ok %s\n", name);
	else
		printf("memlab-test: not ok %s: it says \"%s\"\n", name, message);
}

/* 0, or the errno of the refusal. */
static int call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? errno : 0;
}

static __attribute__((unused)) struct memlab_run request(const char *experiment)
{
	struct memlab_run run = {
		.size = sizeof(run),
		.iterations = 100,
		.node = MEMLAB_NODE_ANY,
		.outcome = (__u64)(unsigned long)&outcome,
		.outcome_size = sizeof(outcome),
	};

	snprintf(run.experiment, sizeof(run.experiment), "%s", experiment);
	memset(&outcome, 0, sizeof(outcome));
	return run;
}
