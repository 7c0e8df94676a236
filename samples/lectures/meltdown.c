// SPDX-License-Identifier: GPL-2.0
/*
 * Whether user mode could read the kernel by speculation: what the kernel says of this CPU, and
 * that a plain load faults. The attack itself shows nothing on a CPU that is not affected, nor on
 * an emulated one.
 */

#include "lecture.h"

int main(void)
{
	const char *file = "/sys/devices/system/cpu/vulnerabilities/meltdown";
	/* In the upper half, where no user has an address. */
	volatile char *kernel = (volatile char *)(~0UL << (sizeof(long) == 8 ? 40 : 30));
	char says[128] = "nothing\n";
	FILE *open = fopen(file, "r");
	int faulted = 1;

	if (open && !fgets(says, sizeof(says), open))
		says[0] = 0;
	if (open)
		fclose(open);
	printf("the kernel says of this CPU: %s", says);
	catch_bad();
	if (!sigsetjmp(behind, 1)) {
		(void)*kernel;
		faulted = 0;
	}
	row("signal of a plain load", faulted ? bad.si_signo : 0, "(11 is SIGSEGV)");
	ok("a plain load faults", faulted && bad.si_signo == SIGSEGV);
	ok("the kernel says whether more is possible",
	   strstr(says, "Mitigation") || strstr(says, "Not affected") ||
		   strstr(says, "Vulnerable"));
	return end();
}
