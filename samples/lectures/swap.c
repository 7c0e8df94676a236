// SPDX-License-Identifier: GPL-2.0
/*
 * Who has more than its limit waits for swap: pages go out, and come in again when they are used.
 * `swap FOLDER`, on a disk, as root: an area of swap is made there, and removed.
 */

#include "lecture.h"
#include <sys/swap.h>
#include <time.h>

#define SIZE (32 * MIB)
#define LIMIT (24 * MIB)
#define AREA (64 * MIB)

static int area(const char *name)
{
	long page = sysconf(_SC_PAGESIZE);
	char *block = calloc(1, MIB);
	unsigned int head[2] = { 1, AREA / page - 1 };
	int file = open(name, O_CREAT | O_TRUNC | O_RDWR, 0600);

	if (file < 0)
		return -1;
	for (unsigned long at = 0; at < AREA; at += MIB)
		if (write(file, block, MIB) < 0)
			return -1;
	if (pwrite(file, head, sizeof(head), 1024) < 0 ||
	    pwrite(file, "SWAPSPACE2", 10, page - 10) < 0)
		return -1;
	fsync(file);
	close(file);
	return swapon(name, 0);
}

/* Uses memory twice over, in a group or not: major faults, and ms. */
static void use(int limited, long long told[2])
{
	int ends[2];

	if (pipe(ends))
		exit(1);
	if (!fork()) {
		struct timespec from, to;
		struct rusage usage;
		volatile char *at;

		if (limited && join())
			_exit(1);
		at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		madvise((void *)at, SIZE, MADV_NOHUGEPAGE);
		clock_gettime(CLOCK_MONOTONIC, &from);
		for (int turn = 0; turn < 2; turn++)
			for (unsigned long byte = 0; byte < SIZE; byte += 4096)
				at[byte]++;
		clock_gettime(CLOCK_MONOTONIC, &to);
		getrusage(RUSAGE_SELF, &usage);
		told[0] = usage.ru_majflt;
		told[1] = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
		_exit(write(ends[1], told, 2 * sizeof(*told)) < 0);
	}
	close(ends[1]);
	if (read(ends[0], told, 2 * sizeof(*told)) < 0)
		exit(1);
	close(ends[0]);
	wait(NULL);
}

int main(int count, char **words)
{
	long long idle[2] = { 0 }, busy[2] = { 0 }, out, in;
	char name[256];

	snprintf(name, sizeof(name), "%s/swap-area", count > 1 ? words[1] : ".");
	if (group("25165824", "max") || area(name)) {
		puts("skipped: no memory cgroup, or no area of swap (as root, on a disk)");
		unlink(name);
		return 77;
	}
	use(0, idle);
	out = field("/proc/vmstat", "pswpout");
	in = field("/proc/vmstat", "pswpin");
	use(1, busy);
	out = field("/proc/vmstat", "pswpout") - out;
	in = field("/proc/vmstat", "pswpin") - in;
	swapoff(name);
	unlink(name);
	row("without a limit: major faults", idle[0], "");
	row("took", idle[1], "ms");
	row("32 MiB in 24: major faults", busy[0], "");
	row("took", busy[1], "ms");
	row("pages out", out, "");
	row("pages in", in, "");
	ok("without a limit nothing comes from swap", !idle[0]);
	ok("with it pages come from swap", busy[0] > 0 && in > 0);
	ok("as much goes out as has no room, at least",
	   out * sysconf(_SC_PAGESIZE) >= (long long)(SIZE - LIMIT));
	rmdir(GROUP);
	return end();
}
