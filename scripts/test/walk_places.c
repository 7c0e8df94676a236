// SPDX-License-Identifier: GPL-2.0
/*
 * Walks to places that not every guest has: beside /proc/PID/pagemap, vmallocinfo and iomem.
 *
 *	walk_places swap	a page that is in a swap area, and comes back
 *	walk_places behind	what the kernel has mapped that is no memory: registers, and tables
 *				of the firmware's behind the end of memory
 *	walk_places levels N	a program's address and one of the kernel's have so many tables
 */
#include "check.h"

#define PM_SWAP		(1ULL << 62)
#define PM_PRESENT	(1ULL << 63)

static unsigned long page_size, page_shift;
static char text[1 << 18];

static struct memlab_walk walk_to(int fd, unsigned long address, int *error)
{
	struct memlab_walk walk = { .size = sizeof(walk), .address = address };

	*error = call(fd, MEMLAB_IOC_WALK, &walk);
	return walk;
}

static __u64 pagemap(const void *at)
{
	__u64 value = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (lseek(fd, (off_t)((unsigned long)at >> page_shift) * 8, SEEK_SET) >= 0 &&
	    read(fd, &value, 8) != 8)
		value = 0;
	close(fd);
	return value;
}

static int swap(int fd)
{
	char *at = mmap(0, 4 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	struct memlab_walk walk;
	__u64 entry = 0;
	int error, tries = 0;

	/* Something that is not all one byte: no swap area keeps such a page. */
	for (unsigned long i = 0; i < 4 * page_size; i++)
		at[i] = (i * 167) ^ (i >> 8) * 29;
	do {
		syscall(__NR_madvise, at, 4 * page_size, 21 /* MADV_PAGEOUT */);
		usleep(20000);
		entry = pagemap(at + page_size);
	} while (!(entry & PM_SWAP) && tries++ < 100);
	result("it is in a swap area, by pagemap", !!(entry & PM_SWAP), tries, 0);
	walk = walk_to(fd, (unsigned long)at + page_size, &error);
	equal("a walk to it", error, 0);
	equal("finds it swapped", walk.found, MEMLAB_FOUND_SWAP);
	equal("in that swap area, by pagemap", walk.swap_type, entry & 31);
	result("at that place, by pagemap", walk.swap_offset == (entry >> 5 & ((1ULL << 50) - 1)),
	       walk.swap_offset, entry >> 5);
	result("it has no address", walk.phys == MEMLAB_NO_ADDRESS, walk.phys, 0);
	equal("its entry is not present",
	      walk.level[walk.levels - 1].bits & MEMLAB_ENTRY_PRESENT, 0);
	/* The control: it comes back, and is a page. */
	equal("its bytes are still there", at[page_size + 7],
	      (char)(((page_size + 7) * 167) ^ ((page_size + 7) >> 8) * 29));
	walk = walk_to(fd, (unsigned long)at + page_size, &error);
	equal("and it is a page again", walk.found, MEMLAB_FOUND_PAGE);
	equal("present, by pagemap", !!(pagemap(at + page_size) & PM_PRESENT), 1);
	return 0;
}

static long read_all(const char *file)
{
	int fd = open(file, O_RDONLY);
	long have = 0, more;

	while ((more = read(fd, text + have, sizeof(text) - 1 - have)) > 0)
		have += more;
	close(fd);
	text[have] = 0;
	return have;
}

/* Without it, numbers of 64 bits are cut off on 32-bit ARM. */
static __u64 hex(const char *at)
{
	__u64 value = 0;

	for (;; at++) {
		if (*at >= '0' && *at <= '9')
			value = value << 4 | (*at - '0');
		else if (*at >= 'a' && *at <= 'f')
			value = value << 4 | (*at - 'a' + 10);
		else
			return value;
	}
}

/* The byte behind the last one of the system's memory. */
static __u64 memory_end(void)
{
	__u64 end = 0;

	read_all("/proc/iomem");
	for (char *line = text; (line = strstr(line, " : System RAM")); line++) {
		char *dash = line;

		while (*dash != '-')
			dash--;
		if (hex(dash + 1) + 1 > end)
			end = hex(dash + 1) + 1;
	}
	return end;
}

static int behind(int fd)
{
	__u64 end = memory_end();
	long looked = 0, beyond = 0, wrong = 0, pages = 0, refused = 0;

	result("memory has an end, by iomem", end != 0, 0, 1);
	read_all("/proc/vmallocinfo");
	for (char *line = text, *next; line && *line; line = next) {
		char *phys = strstr(line, "phys=0x"), *stop = strchr(line, '\n');
		unsigned long at = hex(line + 2), last;
		struct memlab_walk walk;
		int error;

		next = stop ? stop + 1 : 0;
		if (!phys || (stop && phys > stop) || !strchr(line, '-'))
			continue;
		/* The last page is the gap behind it. */
		last = hex(strchr(line, '-') + 3) - page_size;
		for (__u64 where = hex(phys + 7); at < last; at += page_size, where += page_size) {
			walk = walk_to(fd, at, &error);
			looked++;
			refused += error != 0;
			if (error)
				continue;
			wrong += walk.phys >> page_shift != where >> page_shift;
			beyond += where >= end;
			pages += where >= end && walk.found == MEMLAB_FOUND_PAGE &&
				 !walk.zone[0];
			wrong += walk.found != MEMLAB_FOUND_DEVICE &&
				 walk.found != MEMLAB_FOUND_PAGE;
		}
	}
	printf("# %ld pages that are mapped by address, %ld of them behind the end of memory\n",
	       looked, beyond);
	result("there are such places", looked > 0, looked, 1);
	result("and some behind the end of memory", beyond > 0, beyond, 1);
	equal("none is refused", refused, 0);
	equal("each is where vmallocinfo says", wrong, 0);
	equal("none is a page without a zone", pages, 0);
	return 0;
}

static int levels(int fd, unsigned int wanted)
{
	static char here;
	struct memlab_walk walk;
	int error;

	here = 1;
	walk = walk_to(fd, (unsigned long)&here, &error);
	equal("a program's address has so many tables", walk.levels, wanted);
	equal("the first of them is of the highest level", walk.level[0].level, wanted);
	read_all("/sys/kernel/debug/memlab/layout");
	for (char *line = text; line && *line;) {
		if (strstr(line, "linear") && (!strchr(line, '\n') ||
					       strstr(line, "linear") < strchr(line, '\n'))) {
			walk = walk_to(fd, hex(line + 2), &error);
			equal("a walk to the kernel's own", error, 0);
			equal("begins at the same level", walk.level[0].level, wanted);
			return 0;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : 0;
	}
	result("the layout has linear memory", 0, 0, 1);
	return 0;
}

int main(int argc, char **argv)
{
	int fd = open("/dev/memlab", O_RDWR);

	page_size = getpagesize();
	page_shift = __builtin_ctzl(page_size);
	result("it opens", fd >= 0, errno, 0);
	if (fd < 0 || argc < 2)
		return 1;
	if (!strcmp(argv[1], "swap"))
		return swap(fd);
	if (!strcmp(argv[1], "behind"))
		return behind(fd);
	return levels(fd, argc > 2 ? atoi(argv[2]) : 0);
}
