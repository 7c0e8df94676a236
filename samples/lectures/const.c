// SPDX-License-Identifier: GPL-2.0
/* A const object, written to by a name that is not const: the page is read-only, and it faults. */

#include "lecture.h"

static const volatile int fixed = 1;
static volatile int changeable = 1;

/* Whether an address lies in an area without the right to write. */
static int read_only(uintptr_t at)
{
	char line[512], rights[5];
	uintptr_t from, to;
	int found = 0;
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) == 3 && from <= at && at < to)
			found = rights[0] == 'r' && rights[1] == '-';
	if (maps)
		fclose(maps);
	return found;
}

static int writes(volatile int *at)
{
	memset(&bad, 0, sizeof(bad));
	if (sigsetjmp(behind, 1))
		return 0;
	*at = 2;
	return 1;
}

int main(void)
{
	catch_bad();
	row("signal of a write to .data", writes(&changeable) ? 0 : bad.si_signo, "");
	ok("what is not const is written", changeable == 2);
	ok("what is const is not", !writes((volatile int *)&fixed));
	row("signal", bad.si_signo, "(11 is SIGSEGV)");
	row("si_code", bad.si_code, "(2 is SEGV_ACCERR)");
	ok("the access is not allowed", bad.si_signo == SIGSEGV && bad.si_code == SEGV_ACCERR);
	ok("at its address", bad.si_addr == (void *)&fixed);
	ok("in an area that is read-only", read_only((uintptr_t)&fixed));
	return end();
}
