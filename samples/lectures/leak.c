// SPDX-License-Identifier: GPL-2.0
/*
 * One of two allocations of each turn is never freed: memory grows by as much each turn. As
 * `leak mended` it is freed. valgrind and the leak sanitizer name the line.
 */

#include "lecture.h"

#define TURNS 12
#define SIZE 4096

static char *volatile lost;

/* What is never freed. */
static void grow(void)
{
	lost = malloc(SIZE);
	memset(lost, 1, SIZE);
}

int main(int count, char **words)
{
	int mended = count > 1 && !strcmp(words[1], "mended");
	long long kib[TURNS];

	for (int turn = 0; turn < TURNS; turn++) {
		char *once = malloc(SIZE);

		memset(once, 1, SIZE);
		grow();
		free(once);
		if (mended)
			free(lost);
		kib[turn] = field("/proc/self/smaps_rollup", "Private_Dirty");
		printf("turn %2d: USS %lld KiB\n", turn, kib[turn]);
	}
	lost = NULL;
	row("asked for and not freed", mended ? 0 : TURNS * SIZE / 1024, "KiB");
	row("USS grew since the second turn", kib[TURNS - 1] - kib[1], "KiB");
	if (mended)
		ok("what is freed does not grow", kib[TURNS - 1] - kib[1] < SIZE * TURNS / 2048);
	else
		ok("what is not freed grows", kib[TURNS - 1] - kib[1] >= SIZE * (TURNS - 4) / 1024);
	return end();
}
