// SPDX-License-Identifier: GPL-2.0
/*
 * Fills memory, and with it the CMA areas, with pages of a process, then has a
 * line written and looks whether its pages still hold what it wrote.
 *
 *	cma move FREE_KB FILE LINE	every other page stays: they must be moved
 *	cma pin FREE_KB FILE LINE	a few stay, pinned by pipes: they cannot be
 *
 * Memory is filled until no more than FREE_KB is free in the areas. Ends with
 * the errno of the write, or 200 if a page has changed.
 */
#include <linux/mman.h>

#define PAGE 4096
#define REGION 0x40000000UL
#define STRIDE 64
#define SLOTS 16
#define PIPES 480

static unsigned int *region;
static long pages;
static int pipes[PIPES][2];

static long cma_free_kb(void)
{
	static char text[4096];
	int fd = open("/proc/meminfo", O_RDONLY);
	long got = read(fd, text, sizeof(text) - 1);
	char *at;

	close(fd);
	text[got > 0 ? got : 0] = 0;
	at = strstr(text, "CmaFree:");
	if (!at)
		return 0;
	for (at += 8; *at == ' '; at++)
		;
	return atol(at);
}

static unsigned int word(long page, int n)
{
	return (unsigned int)page * 2654435761U ^ n;
}

static void fill(long free_kb)
{
	while (pages < (long)(REGION / PAGE)) {
		unsigned int *at = region + pages * (PAGE / 4);
		int n;

		if (pages % 256 == 0 && cma_free_kb() <= free_kb)
			break;
		for (n = 0; n < PAGE / 4; n += 64)
			at[n] = word(pages, n);
		pages++;
	}
}

static int kept(long page, int pin)
{
	return pin ? page % STRIDE == 0 : page % 2 == 0;
}

/* A pipe refers to the page itself, and keeps it where it is. */
static int pin_all(void)
{
	long page, pinned = 0;

	for (page = 0; page < pages && pinned / SLOTS < PIPES; page += STRIDE, pinned++) {
		struct { void *base; unsigned long length; } vec = {
			region + page * (PAGE / 4), PAGE
		};
		int *ends = pipes[pinned / SLOTS];

		if (pinned % SLOTS == 0 && pipe(ends))
			return errno;
		if (syscall(__NR_vmsplice, ends[1], &vec, 1, 0) != PAGE)
			return errno;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int pin = argc == 5 && !strcmp(argv[1], "pin");
	long page, wrong = 0, checked = 0;
	int fd, n, status = 0;

	if (argc != 5)
		return 201;
	region = mmap(NULL, REGION, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (region == MAP_FAILED)
		return 202;
	syscall(__NR_madvise, region, REGION, 15 /* MADV_NOHUGEPAGE */);
	fill(atol(argv[2]));
	if (pin && pin_all())
		return 203;
	for (page = 0; page < pages; page++)
		if (!kept(page, pin))
			syscall(__NR_madvise, region + page * (PAGE / 4), PAGE,
				4 /* MADV_DONTNEED */);
	fd = open(argv[3], O_WRONLY);
	if (write(fd, argv[4], strlen(argv[4])) < 0)
		status = errno;
	close(fd);
	for (page = 0; page < pages; page++) {
		unsigned int *at = region + page * (PAGE / 4);

		if (!kept(page, pin))
			continue;
		checked++;
		for (n = 0; n < PAGE / 4; n += 64)
			if (at[n] != word(page, n)) {
				wrong++;
				break;
			}
	}
	printf("filled %ld pages, kept %ld, wrong %ld\n", pages, checked, wrong);
	return wrong ? 200 : status;
}
