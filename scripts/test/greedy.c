// SPDX-License-Identifier: GPL-2.0
/*
 * Takes memory until it is killed for it, and says how much it got, in kB. It is a child that takes
 * it: what it got stands in a page that its parent has too.
 */
#include <linux/mman.h>

#define PAGE 4096
#define ALL 0x40000000UL

int main(void)
{
	unsigned long *got, n;
	char *memory;
	int child, status;

	got = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memory = mmap(NULL, ALL, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (got == MAP_FAILED || memory == MAP_FAILED)
		return 1;
	syscall(__NR_madvise, memory, ALL, 15 /* MADV_NOHUGEPAGE */);
	child = fork();
	if (child < 0)
		return 2;
	if (!child) {
		for (n = 0; n < ALL / PAGE; n++) {
			memory[n * PAGE] = 1;
			__atomic_store_n(got, n, __ATOMIC_RELAXED);
		}
		return 0;
	}
	if (waitpid(child, &status, 0) != child)
		return 3;
	printf("%ld\n", (long)(*got * (PAGE / 1024)));
	/* 9: SIGKILL */
	return (status & 0x7f) == 9 ? 0 : 4;
}
