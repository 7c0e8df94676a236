// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that a program holds: every kind is allocated, mapped, filled, described, and taken away
 * under it; beside what the page tables and kpageflags say in the same boot. For the
 * module's own device.
 */
#include "buffer.h"

/* What the page tables have for an address. pagemap leaves out areas of mere frames. */
static struct memlab_walk walk_to(int session, volatile unsigned char *at)
{
	struct memlab_walk walk = { .size = sizeof(walk), .address = (unsigned long)at };

	if (call(session, MEMLAB_IOC_WALK, &walk))
		walk.found = ~0U;
	return walk;
}

static __u64 flags_of(__u64 phys)
{
	__u64 value = 0;
	int fd = open("/proc/kpageflags", O_RDONLY);

	if (fd >= 0 && lseek(fd, (off_t)(phys >> page_shift) * 8, SEEK_SET) >= 0 &&
	    read(fd, &value, 8) != 8)
		value = ~0ULL;
	close(fd);
	return value;
}

/* What DESCRIBE says, beside what the page tables say of the program's mapping. */
static void check_facts(int session, int fd, int kind, volatile unsigned char *at)
{
	struct memlab_buffer_facts said = facts(session, fd);
	struct memlab_walk walk = walk_to(session, at);
	__u64 before = walk.phys;
	long extents = 1;

	equal(of("its kind", kind), said.kind, kind);
	equal(of("its bytes", kind), said.bytes, SIZE);
	equal(of("its device has it", kind), said.lent, MEMLAB_YES);
	result(of("its device", kind), !strcmp(said.device, "memlab"), 0, 0);
	equal(of("a walk to it", kind), walk.found, MEMLAB_FOUND_PAGE);
	result(of("where it begins, by the page tables", kind), walk.phys == said.phys, walk.phys,
	       said.phys);
	for (unsigned long i = page_size; i < SIZE; i += page_size) {
		__u64 here = walk_to(session, at + i).phys;

		extents += here != before + page_size;
		before = here;
	}
	equal(of("its extents, by the page tables", kind), said.extents, extents);
	result(of("the device sees it", kind), said.segments >= 1 && said.dma != MEMLAB_NO_ADDRESS,
	       said.segments, 1);
	result(of("a zone", kind), said.zone[0], 0, 0);
	equal(of("how programs reach it, by the page tables", kind),
	      walk.level[walk.levels - 1].attr, said.user_attr);
	/* It has no page for the kernel's lists: nobody pins it, nothing reclaims it. */
	equal(of("not mapped as a page", kind), walk.mapcount, 0);
	equal(of("on no list, by kpageflags", kind),
	      flags_of(said.phys) & (1 << 5 /* LRU */ | 1 << 10 /* BUDDY */), 0);
	if (kind == MEMLAB_BUFFER_CMA)
		equal(of("of the CMA area", kind), said.cma, MEMLAB_YES);
	if (kind == MEMLAB_BUFFER_CMA || kind == MEMLAB_BUFFER_NONCOHERENT)
		equal(of("in one piece", kind), said.extents, 1);
	if (kind == MEMLAB_BUFFER_VMALLOC)
		equal(of("in vmalloc's window", kind), said.window, MEMLAB_WINDOW_VMALLOC);
	if (kind == MEMLAB_BUFFER_PAGES)
		equal(of("cached", kind), said.user_attr, MEMLAB_ATTR_CACHED);
	printf("# %s: zone %s, extents %u, segments %u, window %u, attr kernel %u program %u\n",
	       kinds[kind], said.zone, said.extents, said.segments, said.window, said.kernel_attr,
	       said.user_attr);
}

static void check_mapping(int fd, int kind, unsigned char *at)
{
	unsigned char *other = map(fd);
	int child, status = 0;

	equal(of("a second mapping", kind), is_mapped(other), 1);
	fill(at, SIZE, 1);
	equal(of("has the same bytes", kind), wrong(other, SIZE, 1), 0);
	child = fork();
	if (!child) {
		status = wrong(at, SIZE, 1) != 0;
		at[0] = 99;
		exit(status);
	}
	waitpid(child, &status, 0);
	equal(of("a child has them too", kind), status, 0);
	equal(of("and writes to the same", kind), other[0], 99);
	/* A part of it goes, and another one moves. */
	munmap(other + page_size, page_size);
	equal(of("cut out of a mapping", kind), signal_at(other + page_size, 0), 11 /* SIGSEGV */);
	equal(of("what is left of it", kind), other[2 * page_size], at[2 * page_size]);
	munmap(other, SIZE);
	equal(of("a private mapping", kind),
	      (long)map_as(fd, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE), EINVAL);
	/* The file system of dma-bufs lets nothing be executed either. */
	equal(of("one to be executed", kind),
	      (long)map_as(fd, SIZE, PROT_READ | PROT_EXEC, MAP_SHARED), EPERM);
	equal(of("to be executed later", kind),
	      syscall(__NR_mprotect, at, page_size, PROT_READ | PROT_EXEC) ? errno : 0, EACCES);
	equal(of("more than there is", kind),
	      (long)map_as(fd, SIZE + page_size, PROT_READ, MAP_SHARED), EINVAL);
	/* What grows has no page of another's behind it. */
	equal(of("a mapping that is to grow", kind),
	      syscall(__NR_mremap, at, SIZE, SIZE + page_size, 1, 0) == -1 ? errno : 0, EFAULT);
	/* Not pages that could be pinned, for anybody's transfer. */
	child = open("/proc/self/mem", O_RDONLY);
	if (lseek(child, (off_t)(unsigned long)at, SEEK_SET) >= 0)
		equal(of("read through the back door", kind),
		      read(child, &status, 1) == 1 ? 0 : errno, EIO);
	close(child);
}

static void check_syncs(int session, int kind)
{
	static const __u64 ways[] = { DMA_BUF_SYNC_RW, DMA_BUF_SYNC_WRITE, DMA_BUF_SYNC_READ };

	for (int map = 0; map < 3; map++) {
		int fd = alloc(session, kind, SIZE, "memlab", map);
		/* Coherent memory has both ways, whatever was asked for. */
		int both = map == MEMLAB_BIDIRECTIONAL || kind == MEMLAB_BUFFER_COHERENT ||
			   kind == MEMLAB_BUFFER_WC;

		for (int way = 0; way < 3; way++) {
			int error = both || map == way ? 0 : EINVAL;

			equal(of("a sync for the CPU", kind), sync_with(fd, ways[way]), error);
			equal(of("a sync for the device", kind),
			      sync_with(fd, ways[way] | DMA_BUF_SYNC_END), error);
		}
		equal(of("a sync of no way", kind), sync_with(fd, 0), EINVAL);
		close(fd);
	}
}

/* Whether the kernel can have this kind here. */
static int there_is(int session, int kind)
{
	int fd = alloc(session, kind, SIZE, "memlab", 0);

	if (fd >= 0)
		close(fd);
	if (kind != MEMLAB_BUFFER_CMA || meminfo("CmaTotal:")) {
		result(of("is to be had", kind), fd >= 0, fd, 0);
	} else {
		equal(of("needs an area", kind), fd, -EOPNOTSUPP);
		return 0;
	}
	return fd >= 0;
}

static void check_kind(int session, int kind)
{
	int fd = alloc(session, kind, SIZE - 1, "memlab", 0);
	unsigned char *at = map(fd);
	long dirty = 0;

	result(of("is held", kind), fd >= 0, fd, 0);
	equal(of("is mapped", kind), is_mapped(at), 1);
	if (!is_mapped(at))
		return;
	equal(of("no page is there before it is touched", kind), walk_to(session, at).found,
	      MEMLAB_FOUND_NOTHING);
	for (unsigned long i = 0; i < SIZE; i++)
		dirty += at[i] != 0;
	equal(of("all of it is zeroes", kind), dirty, 0);
	check_facts(session, fd, kind, at);
	check_mapping(fd, kind, at);
	/* The mapping outlives the descriptor. */
	fill(at, SIZE, 2);
	close(fd);
	equal(of("mapped without a descriptor", kind), wrong(at, SIZE, 2), 0);
	munmap(at, SIZE);
	check_syncs(session, kind);
}

/* The device goes while they are mapped, and comes back. */
static void check_unbind(int session, const int *there)
{
	unsigned char *at[KINDS], *late;
	int fd[KINDS];

	for (int kind = 0; kind < KINDS; kind++) {
		if (!there[kind])
			continue;
		fd[kind] = alloc(session, kind, SIZE, "memlab", 0);
		at[kind] = map(fd[kind]);
		fill(at[kind], SIZE, 3);
	}
	equal("the device is unbound", write_to(OWN_DRIVER "unbind", "memlab"), 0);
	for (int kind = 0; kind < KINDS; kind++) {
		struct memlab_buffer_facts said;
		int own = kind < OWN;

		if (!there[kind])
			continue;
		equal(of("touched after that", kind), signal_at(at[kind], 0), own ? 0 : SIGBUS);
		equal(of("written after that", kind), signal_at(at[kind] + SIZE - 1, 1),
		      own ? 0 : SIGBUS);
		said = facts(session, fd[kind]);
		equal(of("its device has it no more", kind), said.lent, MEMLAB_NO);
		equal(of("nor sees it", kind), said.segments, 0);
		equal(of("its pages", kind), said.extents != 0, own);
		equal(of("a sync", kind), sync_with(fd[kind], DMA_BUF_SYNC_RW), ENODEV);
		equal(of("a transfer", kind),
		      carry(session, fd[kind], MEMLAB_TO_DEVICE, 0, 1, 0), ENODEV);
		late = map(fd[kind]);
		equal(of("another mapping", kind), is_mapped(late) ? 0 : (long)late,
		      own ? 0 : ENODEV);
		if (own)
			equal(of("has what was written", kind), wrong(late, SIZE - 1, 3), 0);
	}
	equal("without a device there is none", alloc(session, 0, SIZE, "memlab", 0), -ENODEV);
	equal("the device comes back", write_to(OWN_DRIVER "bind", "memlab"), 0);
	for (int kind = 0; kind < KINDS; kind++) {
		if (!there[kind])
			continue;
		equal(of("what was taken stays away", kind), signal_at(at[kind], 0),
		      kind < OWN ? 0 : SIGBUS);
		munmap(at[kind], SIZE);
		close(fd[kind]);
		fd[kind] = alloc(session, kind, SIZE, "memlab", 0);
		result(of("and new ones are to be had", kind), fd[kind] >= 0, fd[kind], 0);
		close(fd[kind]);
	}
}

/* Whatever sessions they came from, all of them together are bounded. */
static void check_cap(void)
{
	int fd[256], count = 0, error = 0, session;
	struct memlab_buffer_alloc arg = { .size = sizeof(arg) };
	unsigned long step = 4 << 20;

	for (; count < 256 && !error; count += !error) {
		session = open("/dev/memlab", O_RDWR);
		arg = wanted(0, step);
		error = call(session, MEMLAB_IOC_BUFFER_ALLOC, &arg);
		fd[count] = arg.fd;
		close(session);
	}
	equal("open, allocate, close, and again", error, ENOMEM);
	if (strstr(arg.message, "out of range"))
		said("more than a quarter of what is available", arg.message, "bytes=");
	else
		said("all of them are told", arg.message, "buffers hold ");
	result("no more than 64 MiB", count > 1 && count <= 16, count, 16);
	while (count--)
		close(fd[count]);
	session = open("/dev/memlab", O_RDWR);
	arg = wanted(0, step);
	equal("once they are closed there is room", call(session, MEMLAB_IOC_BUFFER_ALLOC, &arg),
	      0);
	close(arg.fd);
	close(session);
}

/* Nothing is lost, of memory and of the CMA area, in so many buffers. */
static void check_leaks(int session, const int *there)
{
	long before = 0, cma = 0, bad = 0;

	for (int round = 0; round < 61; round++) {
		/* The first ones fill the kernel's own stores. */
		if (round == 20) {
			before = meminfo("MemAvailable:");
			cma = meminfo("CmaFree:");
		}
		for (int kind = 0; kind < KINDS; kind++) {
			/* The longest segment of a device that nobody told one. */
			unsigned long size =
				kind == MEMLAB_BUFFER_NONCONTIGUOUS ? 1 << 16 : 1 << 20;
			int fd = there[kind] ? alloc(session, kind, size, "memlab", 0) : -1;
			unsigned char *at;

			if (fd < 0) {
				bad += there[kind];
				continue;
			}
			at = map_as(fd, size, PROT_READ | PROT_WRITE, MAP_SHARED);
			at[0] = 1;
			at[size - 1] = 1;
			if (round & 1)
				close(fd);
			munmap(at, size);
			if (!(round & 1))
				close(fd);
		}
	}
	equal("each of many is to be had", bad, 0);
	equal("more than the longest segment is not",
	      alloc(session, MEMLAB_BUFFER_NONCONTIGUOUS, (1 << 16) + 1, "memlab", 0),
	      there[MEMLAB_BUFFER_NONCONTIGUOUS] ? -ERANGE : -EOPNOTSUPP);
	/* 41 MiB of each kind went through. */
	result("memory comes back", before - meminfo("MemAvailable:") < 8192,
	       before - meminfo("MemAvailable:"), 8192);
	result("and the CMA area's", cma - meminfo("CmaFree:") < 2048, cma - meminfo("CmaFree:"),
	       2048);
}

static void check_sessions(void)
{
	int session = open("/dev/memlab", O_RDWR), fd = alloc(session, 0, SIZE, "", 0);
	struct memlab_buffer_alloc arg = wanted(0, 1);
	unsigned char *at = map(fd);

	fill(at, SIZE, 4);
	close(session);
	equal("a buffer outlives its session", wrong(at, SIZE, 4), 0);
	session = open("/dev/memlab", O_RDWR);
	equal("another one describes it", facts(session, fd).kind, MEMLAB_BUFFER_PAGES);
	munmap(at, SIZE);
	equal("not closed by exec", syscall(__NR_fcntl, fd, 1 /* F_GETFD */), 0);
	equal("for reading and writing", syscall(__NR_fcntl, fd, 3 /* F_GETFL */) & 3, 2);
	close(fd);
	arg.flags = MEMLAB_BUFFER_CLOEXEC;
	equal("one byte", call(session, MEMLAB_IOC_BUFFER_ALLOC, &arg), 0);
	equal("is a page", arg.bytes, page_size);
	equal("closed by exec", syscall(__NR_fcntl, arg.fd, 1), 1);
	close(arg.fd);
	close(session);
}

int main(void)
{
	int session = open("/dev/memlab", O_RDWR), there[KINDS];

	page_size = getpagesize();
	page_shift = __builtin_ctzl(page_size);
	result("it opens", session >= 0, errno, 0);
	if (session < 0)
		return 1;
	check_sessions();
	for (int kind = 0; kind < KINDS; kind++) {
		there[kind] = there_is(session, kind);
		if (there[kind])
			check_kind(session, kind);
	}
	check_unbind(session, there);
	check_cap();
	check_leaks(session, there);
	return 0;
}
