// SPDX-License-Identifier: GPL-2.0
/*
 * How the CPU reaches what a device was given, on arm64: what memlab says of it beside the
 * attribute that stands in the kernel's page tables, of which the kernel's address is not from
 * memlab but from /proc/vmallocinfo, or computed from where the linear map begins.
 *
 *	attr LINEAR FIRST COHERENT	where the linear map begins, and the memory in it; 1 or 0
 *	attr areas			the attributes of all that DMA has remapped, in a line
 */
#include "buffer.h"

/* asm/memory.h: which of the eight attributes in MAIR_EL1 an entry has, in its bits 2 to 4. */
#define MT_NORMAL		0
#define MT_NORMAL_TAGGED	1
#define MT_NORMAL_NC		2
#define ATTRINDX(entry)		((entry) >> 2 & 7)
#define NOTHING			-1

static char text[1 << 16];

/* The attribute of the entry that leads to the page of an address, and where the page is. */
static int indexed(int session, unsigned long address, __u64 *phys)
{
	struct memlab_walk walk = { .size = sizeof(walk), .address = address };

	*phys = MEMLAB_NO_ADDRESS;
	if (call(session, MEMLAB_IOC_WALK, &walk) || walk.found != MEMLAB_FOUND_PAGE)
		return NOTHING;
	*phys = walk.phys;
	return ATTRINDX(walk.level[walk.levels - 1].entry);
}

/* Calls for each area of vmallocinfo that DMA has mapped anew, until it has what it wants. */
static unsigned long areas(int session, int (*wanted)(int, unsigned long, __u64), __u64 phys)
{
	int fd = open("/proc/vmallocinfo", O_RDONLY), got, have = 0;
	unsigned long found = 0;
	char *line = text, *end;

	while ((got = read(fd, text + have, sizeof(text) - 1 - have)) > 0)
		have += got;
	text[have] = 0;
	close(fd);
	for (; !found && (end = strchr(line, '\n')); line = end + 1) {
		unsigned long address = strtoul(line, 0, 16);

		*end = 0;
		if (strstr(line, " dma-coherent") && wanted(session, address, phys))
			found = address;
	}
	return found;
}

static int begins_at(int session, unsigned long address, __u64 wanted)
{
	__u64 phys;

	return indexed(session, address, &phys) != NOTHING && phys == wanted;
}

static int print(int session, unsigned long address, __u64 unused)
{
	__u64 phys;

	(void)unused;
	printf("%d ", indexed(session, address, &phys));
	return 0;
}

/* What an index of an entry is to memlab. */
static int attr_of(int index)
{
	if (index == MT_NORMAL || index == MT_NORMAL_TAGGED)
		return MEMLAB_ATTR_CACHED;
	return index == MT_NORMAL_NC ? MEMLAB_ATTR_UNCACHED : MEMLAB_ATTR_DEVICE;
}

static void check_kind(int session, int kind, unsigned long offset, int cached)
{
	int fd = alloc(session, kind, SIZE, "memlab", 0), index;
	struct memlab_buffer_facts said;
	unsigned char *at = map(fd);
	unsigned long address;
	__u64 phys;

	result(of("is held", kind), fd >= 0 && is_mapped(at), fd, 0);
	if (fd < 0 || !is_mapped(at))
		return;
	at[0] = 1;
	said = facts(session, fd);
	address = areas(session, begins_at, said.phys);
	equal(of("the kernel has mapped it anew", kind), address != 0, !cached);
	if (!address)
		address = said.phys + offset;
	index = indexed(session, address, &phys);
	result(of("the kernel's address leads to it", kind), phys == said.phys, phys, said.phys);
	equal(of("cached, by the kernel's tables", kind),
	      index == MT_NORMAL || index == MT_NORMAL_TAGGED, cached);
	equal(of("uncached, by the kernel's tables", kind), index == MT_NORMAL_NC, !cached);
	equal(of("what memlab says of it", kind), said.kernel_attr, attr_of(index));
	index = indexed(session, (unsigned long)at, &phys);
	equal(of("uncached, by the program's tables", kind), index == MT_NORMAL_NC, !cached);
	equal(of("what memlab says of that", kind), said.user_attr, attr_of(index));
	munmap(at, SIZE);
	close(fd);
}

int main(int argc, char **argv)
{
	int session = open("/dev/memlab", O_RDWR), coherent;
	unsigned long offset;

	if (session < 0 || argc < 2)
		return 1;
	if (argc < 4) {
		areas(session, print, 0);
		write(1, "\n", 1);
		return 0;
	}
	offset = strtoul(argv[1], 0, 0) - strtoul(argv[2], 0, 0);
	coherent = atoi(argv[3]);
	check_kind(session, MEMLAB_BUFFER_COHERENT, offset, coherent);
	check_kind(session, MEMLAB_BUFFER_WC, offset, coherent);
	check_kind(session, MEMLAB_BUFFER_NONCOHERENT, offset, 1);
	close(session);
	return 0;
}
