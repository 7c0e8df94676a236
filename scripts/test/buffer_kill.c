// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers whose device or whose program goes at the worst moment, and what is left of them.
 *
 *	unbind COUNT		the device goes COUNT times, each time while others map and touch
 *	killed COUNT		COUNT programs are killed at a random moment, with mappings alive
 *	charge KIND BYTES	allocates, says the errno, and waits for its input to end
 */
#include "buffer.h"

static unsigned long random_state = 2463534242UL;

static unsigned long any(unsigned long below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state & 0xffffff) % below;
}

/* What the parent and its children tell each other. */
struct shared {
	volatile long rounds;
	volatile int over;
};

/* Maps, touches and unmaps until it is told to end, or is refused, or killed by what it touches. */
static void touch(int fd, struct shared *shared)
{
	while (!shared->over) {
		unsigned char *at = map(fd);

		if (!is_mapped(at))
			exit((unsigned long)at == ENODEV ? 19 : 1);
		for (unsigned long page = 0; page < SIZE; page += page_size)
			at[page] = at[page] + 1;
		munmap(at, SIZE);
		shared->rounds++;
	}
	exit(0);
}

static int unbind(int session, long count)
{
	struct shared *shared = mmap(0, page_size, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long by_signal = 0, by_errno = 0, stayed = 0, bad = 0, failed = 0, raced = 0, none = 0;

	for (long turn = 0; turn < count; turn++) {
		int kind = turn % KINDS, status, child;
		int fd = alloc(session, kind, SIZE, "memlab", 0);
		long before;

		if (fd < 0) {
			/* There may be no CMA area. */
			none += kind == MEMLAB_BUFFER_CMA;
			bad += kind != MEMLAB_BUFFER_CMA;
			continue;
		}
		shared->rounds = 0;
		shared->over = 0;
		child = fork();
		if (!child)
			touch(fd, shared);
		/* It is at it, and somewhere within a round. */
		while (!shared->rounds && waitpid(child, &status, WNOHANG) == 0)
			sched_yield();
		for (volatile long spin = any(20000); spin; spin--)
			;
		before = shared->rounds;
		failed += write_to(OWN_DRIVER "unbind", "memlab");
		if (kind < OWN) {
			/* It goes on, and all it writes is still there. */
			while (shared->rounds < before + 2 &&
			       waitpid(child, &status, WNOHANG) == 0)
				sched_yield();
			shared->over = 1;
		}
		waitpid(child, &status, 0);
		raced += shared->rounds > 0;
		if (kind < OWN) {
			stayed += status == 0;
			bad += status != 0;
		} else {
			by_signal += (status & 0x7f) == SIGBUS;
			by_errno += status == 19 << 8;
			bad += (status & 0x7f) != SIGBUS && status != 19 << 8;
		}
		failed += write_to(OWN_DRIVER "bind", "memlab");
		close(fd);
	}
	printf("# of %ld: %ld were ended in a fault, %ld in mmap, %ld went on; no area for %ld\n",
	       count, by_signal, by_errno, stayed, none);
	equal("it came and went each time", failed, 0);
	equal("each time somebody was mapping and touching", raced + none, count);
	equal("nothing but SIGBUS and ENODEV, and neither for the buffer's own memory", bad, 0);
	result("some were caught in a fault", by_signal > 0, by_signal, 1);
	result("and some in mmap", by_errno > 0 || count < 1000, by_errno, 1);
	return 0;
}

/* Allocates, maps, forks, moves, cuts and syncs, until it is killed. */
static void busy(int seed)
{
	int session = open("/dev/memlab", O_RDWR), fd[4] = { -1, -1, -1, -1 };
	unsigned char *at[4] = { 0 };

	random_state += seed * 2654435761UL;
	for (;;) {
		int slot = any(4), child;

		if (at[slot] && any(4)) {
			at[slot][any(SIZE)]++;
			sync_with(fd[slot], DMA_BUF_SYNC_RW | (any(2) ? DMA_BUF_SYNC_END : 0));
			continue;
		}
		if (at[slot]) {
			child = any(3);
			if (child == 0) {
				munmap(at[slot] + page_size, page_size);
			} else if (child == 1) {
				child = fork();
				if (!child) {
					/* PR_SET_PDEATHSIG: a kill reaches no child. */
					syscall(__NR_prctl, 1, 9, 0, 0, 0);
					if (getppid() == 1)
						exit(0);
					busy(seed + 1);
				}
				usleep(any(2000));
				kill(child, 9);
				waitpid(child, 0, 0);
			}
			munmap(at[slot], SIZE);
			close(fd[slot]);
			at[slot] = 0;
			continue;
		}
		fd[slot] = alloc(session, any(KINDS), SIZE, "memlab", 0);
		if (fd[slot] < 0)
			continue;
		at[slot] = map(fd[slot]);
		if (!is_mapped(at[slot])) {
			close(fd[slot]);
			at[slot] = 0;
		}
	}
}

/* How many dma-bufs of memlab's there are; -1 where nobody tells. */
static long exported(void)
{
	static char text[65536];
	int fd = open("/sys/kernel/debug/dma_buf/bufinfo", O_RDONLY);
	long have = 0, more, count = 0;

	if (fd < 0)
		return -1;
	while ((more = read(fd, text + have, sizeof(text) - 1 - have)) > 0)
		have += more;
	close(fd);
	text[have] = 0;
	for (char *line = text; (line = strstr(line, "memlab")); line++)
		count++;
	return count;
}

struct ledger {
	long free, cma, slab, vmalloc, exported;
};

/* Free pages in kB, with those that each CPU has at hand and those that it has not yet counted. */
static long all_free(void)
{
	static char text[65536];
	long have = 0, more, pages = 0;
	int fd;

	fd = open("/proc/sys/vm/stat_refresh", O_RDONLY);
	read(fd, text, sizeof(text));
	close(fd);
	fd = open("/proc/zoneinfo", O_RDONLY);
	while ((more = read(fd, text + have, sizeof(text) - 1 - have)) > 0)
		have += more;
	close(fd);
	text[have] = 0;
	for (char *at = text; (at = strstr(at, " count: ")); at++)
		pages += atol(at + strlen(" count: "));
	return meminfo("MemFree:") + pages * (long)(page_size >> 10);
}

static struct ledger ledger(void)
{
	/* What the kernel frees a grace period later. */
	usleep(500000);
	return (struct ledger){ .free = all_free(), .cma = meminfo("CmaFree:"),
				.slab = meminfo("Slab:"), .vmalloc = meminfo("VmallocUsed:"),
				.exported = exported() };
}

static int killed(long count)
{
	struct ledger before = { 0 }, after;
	/* The first ones fill the kernel's own stores. */
	const long first = 30;
	long gone = 0, alive = 0, unbinds = 0, room;

	for (long turn = -first; turn < count; turn++) {
		int child, status;

		if (!turn)
			before = ledger();
		child = fork();
		if (!child)
			busy(turn + first);
		usleep(any(30000));
		alive += turn >= 0 && exported() > 0;
		/* Now and then the device goes while it has them. */
		if (!any(10)) {
			unbinds++;
			gone += write_to(OWN_DRIVER "unbind", "memlab");
			gone += write_to(OWN_DRIVER "bind", "memlab");
		}
		kill(child, 9);
		waitpid(child, &status, 0);
	}
	/* The children's children end with their parents. */
	while (exported() > 0 && alive-- > -2000000)
		usleep(10000);
	/*
	 * A leak of one page in each would be 4 * count kB, and of a buffer 64 * count. Of a few
	 * only the second is more than what the machine does anyway.
	 */
	room = count < 256 ? 256 : count;
	/* What a killed program had goes when the kernel comes to it, which a leak never does. */
	for (int turn = 0; turn < 20; turn++) {
		after = ledger();
		if (before.free - after.free < 4 * room)
			break;
	}
	printf("# %ld killed, the device went %ld times; in kB, before and after:\n", count,
	       unbinds);
	printf("# MemFree %ld %ld, CmaFree %ld %ld, Slab %ld %ld, VmallocUsed %ld %ld\n",
	       before.free, after.free, before.cma, after.cma, before.slab, after.slab,
	       before.vmalloc, after.vmalloc);
	equal("the device came and went", gone, 0);
	result("no dma-buf is left", after.exported <= 0, after.exported, 0);
	result("free pages", before.free - after.free < 4 * room, before.free - after.free,
	       4 * room);
	result("the CMA area", before.cma - after.cma < 256, before.cma - after.cma, 256);
	result("slab", after.slab - before.slab < 2 * room, after.slab - before.slab, 2 * room);
	result("vmalloc", after.vmalloc - before.vmalloc < 4 * room / 5,
	       after.vmalloc - before.vmalloc, 4 * room / 5);
	return 0;
}

static int charge(int session, int kind, unsigned long bytes)
{
	int fd = alloc(session, kind, bytes, "memlab", 0);
	char end;

	printf("%d\n", fd < 0 ? -fd : 0);
	while (read(0, &end, 1) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	int session = open("/dev/memlab", O_RDWR);

	page_size = getpagesize();
	page_shift = __builtin_ctzl(page_size);
	if (session < 0 || argc < 3)
		return 1;
	if (!strcmp(argv[1], "unbind"))
		return unbind(session, atol(argv[2]));
	if (!strcmp(argv[1], "killed"))
		return killed(atol(argv[2]));
	return charge(session, atoi(argv[2]), argc > 3 ? atol(argv[3]) : SIZE);
}
