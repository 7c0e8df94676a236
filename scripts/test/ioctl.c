// SPDX-License-Identifier: GPL-2.0
/* What /dev/memlab answers to INFO and RUN, and to what is no good structure. */
#include "check.h"

/* A structure with a tail that this module does not know. */
static int longer(int fd, unsigned char tail)
{
	struct {
		struct memlab_run run;
		unsigned char tail[16];
	} arg = { .run = request("kmalloc") };
	int error;

	arg.run.size = sizeof(arg);
	arg.tail[7] = tail;
	error = call(fd, MEMLAB_IOC_RUN, &arg);
	if (tail)
		said("the byte is named", arg.run.message, "byte 431 of the structure: not zero");
	return error;
}

static void check_info(int fd)
{
	struct memlab_info info = { .size = sizeof(info) };
	unsigned int count;

	equal("information", call(fd, MEMLAB_IOC_INFO, &info), 0);
	equal("version of the ABI", info.abi, MEMLAB_ABI_VERSION);
	count = info.experiments;
	result("six experiments at least", count >= 6, count, 6);
	for (unsigned int i = 0; i < count; i++) {
		struct memlab_info each;
		unsigned int at;
		int error;

		/* What was there before is no part of an answer. */
		memset(&each, 'x', sizeof(each));
		each.size = sizeof(each);
		each.index = i;
		error = call(fd, MEMLAB_IOC_INFO, &each);
		for (at = 0; at < sizeof(each.name) && each.name[at]; at++)
			;
		result("a name has an end", at < sizeof(each.name), at, sizeof(each.name) - 1);
		while (at < sizeof(each.name) && !each.name[at])
			at++;
		equal("with nothing behind it", at, sizeof(each.name));

		equal("information on each experiment", error, 0);
		result("each has a name and sizes",
		       each.name[0] && each.size_min <= each.size_max, i, 0);
	}
	info.size = sizeof(info);
	info.index = count;
	equal("no information beyond the last one", call(fd, MEMLAB_IOC_INFO, &info), ERANGE);
	said("its message gives the range", info.message, ": out of range, 0 to ");
	/* What was published first is taken for ever, however much is added. */
	info.index = 0;
	info.size = 88;
	equal("the first structure for information", call(fd, MEMLAB_IOC_INFO, &info), 0);
	info.size = MEMLAB_INFO_SIZE_LEAST;
	equal("the least one", call(fd, MEMLAB_IOC_INFO, &info), 0);
	info.size = MEMLAB_INFO_SIZE_LEAST - 1;
	equal("too short a structure", call(fd, MEMLAB_IOC_INFO, &info), EINVAL);
}

static void check_run(int fd)
{
	struct memlab_run run = request("kmalloc");
	__u64 in_buckets = 0;

	run.bytes = 4096;
	run.mode = MEMLAB_MODE_OP;
	equal("a run", call(fd, MEMLAB_IOC_RUN, &run), 0);
	equal("it fills the outcome", outcome.size, sizeof(outcome));
	equal("it was complete", outcome.ending, MEMLAB_COMPLETE);
	for (int phase = 0; phase < 2; phase++) {
		struct memlab_phase *p = &outcome.phases[phase];

		equal("samples are what was asked for", p->count, 100);
		result("minimum is below maximum", p->min <= p->max, p->min, p->max);
		in_buckets = p->overflow;
		for (int i = 0; i < MEMLAB_BUCKETS; i++)
			in_buckets += p->buckets[i];
		equal("every sample is in a bucket", in_buckets, 100);
	}
	equal("kmalloc lies in the linear map", outcome.window, MEMLAB_WINDOW_LINEAR);
	equal("kmalloc is one extent", outcome.extents, 1);
	result("it has no address for a device", outcome.dma == MEMLAB_NO_ADDRESS, 0, 1);

	run = request("dma-coherent");
	equal("a run on the module's own device", call(fd, MEMLAB_IOC_RUN, &run), 0);
	result("it has an address for a device", outcome.dma != MEMLAB_NO_ADDRESS, 0, 1);
}

static void check_beyond_a_page(int fd)
{
	static struct {
		struct memlab_run run;
		char tail[1 << 17];
	} arg;

	arg.run = request("kmalloc");
	arg.run.size = sizeof(arg);
	equal("a structure beyond a page", call(fd, MEMLAB_IOC_RUN, &arg), E2BIG);
	said("its size is named", arg.run.message, "size=131496: too long");
}

static void check_refusals(int fd)
{
	struct memlab_run run = request("nosuch");

	equal("unknown experiment", call(fd, MEMLAB_IOC_RUN, &run), EINVAL);
	result("its message names it", !!strstr(run.message, "nosuch"), 0, 1);
	run = request("kmalloc");
	run.bytes = 1ULL << 40;
	equal("too large a size", call(fd, MEMLAB_IOC_RUN, &run), ERANGE);
	result("its message names parameter and value",
	       !!strstr(run.message, "size=1099511627776"), 0, 1);
	run = request("kmalloc");
	run.flags = 1;
	equal("an unknown flag", call(fd, MEMLAB_IOC_RUN, &run), EINVAL);
	said("it is named", run.message, "flags=0x1: unknown, must be 0");
	run = request("kmalloc");
	run.direction = 3;
	equal("an unknown direction", call(fd, MEMLAB_IOC_RUN, &run), EINVAL);
	run = request("kmalloc");
	run.mode = 99;
	equal("an unknown mode", call(fd, MEMLAB_IOC_RUN, &run), EINVAL);
	result("its message gives the range",
	       !!strstr(run.message, "mode=99: unknown, must be 0 to 2"), 0, 1);
	run = request("kmalloc");
	run.direction = MEMLAB_FROM_DEVICE;
	equal("a direction for what has none", call(fd, MEMLAB_IOC_RUN, &run), EINVAL);
	result("its message says whose",
	       !!strstr(run.message, "direction=from-device: kmalloc has no direction"), 0, 1);
	run = request("vmalloc");
	run.gfp = MEMLAB_GFP_DMA32;
	equal("flags that it does not take", call(fd, MEMLAB_IOC_RUN, &run), EINVAL);
	result("its message names them", !!strstr(run.message, "gfp=dma32: not for vmalloc"), 0, 1);
	run.gfp = 9;
	equal("unknown flags", call(fd, MEMLAB_IOC_RUN, &run), EINVAL);
	result("its message gives their range",
	       !!strstr(run.message, "gfp=9: unknown, must be 0 to 8"), 0, 1);
	run = request("kmalloc");
	run.mode = MEMLAB_MODE_OP;
	run.batch = 8;
	equal("a batch of single operations", call(fd, MEMLAB_IOC_RUN, &run), EINVAL);
	result("its message says so", !!strstr(run.message, "batch=8"), 0, 1);
	run = request("kmalloc");
	snprintf(run.device, sizeof(run.device), "memlab");
	equal("a device for what uses none", call(fd, MEMLAB_IOC_RUN, &run), EINVAL);
	result("its message says so too", !!strstr(run.message, "device=memlab"), 0, 1);
	run = request("kmalloc");
	run.node = 999;
	equal("a node that is not there", call(fd, MEMLAB_IOC_RUN, &run), ERANGE);
	run = request("kmalloc");
	memset(run.experiment, 'k', sizeof(run.experiment));
	equal("a name without an end", call(fd, MEMLAB_IOC_RUN, &run), EINVAL);
	said("its message names the member", run.message, "experiment: no NUL in its 32 bytes");
	run = request("kmalloc");
	run.experiment[1] = '\xff';
	equal("a name that is no text", call(fd, MEMLAB_IOC_RUN, &run), EINVAL);
	said("its message says so", run.message, "experiment: not UTF-8 text");
	run = request("dma-single");
	snprintf(run.device, sizeof(run.device), "nosuch");
	equal("a device that is not there", call(fd, MEMLAB_IOC_RUN, &run), ENODEV);
	run = request("kmalloc");
	run.outcome = 16;
	equal("an outcome at a bad address", call(fd, MEMLAB_IOC_RUN, &run), EFAULT);
	said("the address is named", run.message, "outcome=0x10: a bad address");
	equal("a structure at a bad address", call(fd, MEMLAB_IOC_RUN, (void *)16), EFAULT);
	run = request("kmalloc");
	run.size = 408;
	equal("the first structure for a run", call(fd, MEMLAB_IOC_RUN, &run), 0);
	run.size = MEMLAB_RUN_SIZE_LEAST - 1;
	equal("one byte less", call(fd, MEMLAB_IOC_RUN, &run), EINVAL);
	run.size = 0;
	equal("a structure without a size", call(fd, MEMLAB_IOC_RUN, &run), EINVAL);
	check_beyond_a_page(fd);
	equal("a longer structure, its tail zero", longer(fd, 0), 0);
	equal("a longer structure, its tail not zero", longer(fd, 1), E2BIG);
	equal("an unknown number", call(fd, _IOWR(MEMLAB_IOC_MAGIC, 0x7f, struct memlab_run), &run),
	      ENOTTY);
	equal("another magic", call(fd, _IOWR('z', 0x01, struct memlab_run), &run), ENOTTY);
	equal("another direction", call(fd, _IO(MEMLAB_IOC_MAGIC, 0x01), &run), ENOTTY);
}

/* With max_iterations=100, which is below what 0 stands for. */
static void check_capped(int fd)
{
	struct memlab_run run = request("kmalloc");

	run.mode = MEMLAB_MODE_OP;
	run.iterations = 0;
	equal("a capped run", call(fd, MEMLAB_IOC_RUN, &run), 0);
	equal("the default is within the cap", outcome.phases[0].count, 100);
}

int main(int argc, char **argv)
{
	int fd = open("/dev/memlab", O_RDWR);

	result("it opens", fd >= 0, errno, 0);
	if (fd < 0)
		return 1;
	if (argc > 1 && !strcmp(argv[1], "capped")) {
		check_capped(fd);
	} else {
		check_info(fd);
		check_run(fd);
		check_refusals(fd);
	}
	close(fd);
	return 0;
}
