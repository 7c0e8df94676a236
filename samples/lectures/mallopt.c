// SPDX-License-Identifier: GPL-2.0
/* With trimming and mmap off, what is freed stays with the process: a second use costs no fault. */

#include "lecture.h"

#define OBJECTS 25600
#define SIZE 4096

static void *objects[OBJECTS];

static void fill(void)
{
	for (int at = 0; at < OBJECTS; at++) {
		objects[at] = malloc(SIZE);
		memset(objects[at], 1, SIZE);
	}
}

static void drop(void)
{
	for (int at = 0; at < OBJECTS; at++)
		free(objects[at]);
}

/* In a child, so that each begins with the same heap: RSS after free(), faults of a second use. */
static void look(int keep, long long told[2])
{
	int ends[2];

	if (pipe(ends))
		exit(1);
	if (!fork()) {
		if (keep) {
			mallopt(M_TRIM_THRESHOLD, -1);
			mallopt(M_MMAP_MAX, 0);
		}
		fill();
		drop();
		told[0] = field("/proc/self/status", "VmRSS") / 1024;
		told[1] = faults(RUSAGE_SELF);
		fill();
		told[1] = faults(RUSAGE_SELF) - told[1];
		_exit(write(ends[1], told, 2 * sizeof(*told)) < 0);
	}
	close(ends[1]);
	if (read(ends[0], told, 2 * sizeof(*told)) < 0)
		exit(1);
	close(ends[0]);
	wait(NULL);
}

int main(void)
{
	long long kept[2] = { 0 }, given[2] = { 0 };

	look(1, kept);
	look(0, given);
	row("RSS after free(), trimming off", kept[0], "MiB");
	row("faults of a second use", kept[1], "");
	row("RSS after free(), as it is", given[0], "MiB");
	row("faults of a second use", given[1], "");
	ok("what is freed stays", kept[0] >= 100);
	ok("a second use costs next to no fault", kept[1] < OBJECTS / 100);
	ok("without mallopt() it goes back", given[0] < 50);
	ok("and is faulted in again", given[1] > kept[1] + 10);
	return end();
}
