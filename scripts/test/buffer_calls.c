// SPDX-License-Identifier: GPL-2.0
/*
 * What is asked of buffers, and refused; what a device carries; and what happens when it goes.
 *
 *	buffer_calls			what is wrong in each structure
 *	buffer_calls transfer DEVICE	with an edu, which carries bytes
 *	buffer_calls bounced DEVICE	where each mapping is bounced
 *	buffer_calls import		with the module importer, another driver that takes them
 *	buffer_calls hold		holds a buffer, and no session, until it is killed
 *	buffer_calls race SECONDS	unbinds the device while others map, touch and close
 *	buffer_calls none		in a kernel without dma-bufs
 */
#include "buffer.h"
#include <linux/dma-heap.h>

/* Bytes of a structure, with more behind it. */
static unsigned char long_one[4096];

/* A structure that is too short, as long as it may be, longer, and at a bad address. */
static void check_sizes(int session, const char *name, unsigned long request, __u32 least,
			__u32 size, int error)
{
	__u32 *first = (__u32 *)long_one;

	printf("# sizes of %s\n", name);
	*first = least - 1;
	equal("shorter than ever", call(session, request, long_one), EINVAL);
	*first = least;
	equal("as short as the first", call(session, request, long_one), error);
	*first = 0;
	equal("no size", call(session, request, long_one), EINVAL);
	*first = size + 8;
	equal("longer, with zeroes", call(session, request, long_one), error);
	long_one[size + 3] = 1;
	equal("longer, with something in it", call(session, request, long_one), E2BIG);
	long_one[size + 3] = 0;
	*first = 0xffffffff;
	equal("longer than anything", call(session, request, long_one), E2BIG);
	equal("at a bad address", call(session, request, (void *)16), EFAULT);
}

static void check_bad_input(int session)
{
	struct memlab_buffer_alloc arg = wanted(0, SIZE);
	struct memlab_buffer_facts facts = { .size = sizeof(facts) };
	struct memlab_buffer_transfer move = { .size = sizeof(move), .way = MEMLAB_TO_DEVICE };
	struct dma_heap_allocation_data heap = { .len = SIZE, .fd_flags = O_RDWR };
	int fd;

	arg.flags = 2;
	equal("an unknown flag", call(session, MEMLAB_IOC_BUFFER_ALLOC, &arg), EINVAL);
	said("it is named", arg.message, "flags=0x2: unknown");
	arg = wanted(0, SIZE);
	arg.reserved = 1;
	equal("a reserved member", call(session, MEMLAB_IOC_BUFFER_ALLOC, &arg), EINVAL);
	said("it is named", arg.message, "reserved=0x1: unknown");
	arg = wanted(KINDS, SIZE);
	equal("an unknown kind", call(session, MEMLAB_IOC_BUFFER_ALLOC, &arg), EINVAL);
	said("it is named", arg.message, "kind=7: unknown, must be 0 to 6");
	arg = wanted(0, SIZE);
	arg.direction = 3;
	equal("nobody's direction", call(session, MEMLAB_IOC_BUFFER_ALLOC, &arg), EINVAL);
	said("it is named", arg.message, "direction=3: unknown");
	arg = wanted(0, 0);
	equal("no bytes", call(session, MEMLAB_IOC_BUFFER_ALLOC, &arg), ERANGE);
	said("the range is told", arg.message, "bytes=0: out of range, 1 to ");
	arg.bytes = ~0ULL;
	equal("all bytes", call(session, MEMLAB_IOC_BUFFER_ALLOC, &arg), ERANGE);
	equal("no such device", alloc(session, 0, SIZE, "nosuch", 0), -ENODEV);
	arg = wanted(0, SIZE);
	memset(arg.device, 'x', sizeof(arg.device));
	equal("a name without an end", call(session, MEMLAB_IOC_BUFFER_ALLOC, &arg), EINVAL);

	facts.fd = -1;
	equal("no descriptor", call(session, MEMLAB_IOC_BUFFER_DESCRIBE, &facts), EBADF);
	facts.fd = session;
	equal("a session's descriptor", call(session, MEMLAB_IOC_BUFFER_DESCRIBE, &facts), EINVAL);
	said("it is named", facts.message, "not of a buffer of memlab's");
	move.fd = -1;
	move.bytes = 1;
	equal("a transfer to no descriptor", call(session, MEMLAB_IOC_BUFFER_TRANSFER, &move),
	      EBADF);
	move.fd = session;
	equal("a transfer to a session", call(session, MEMLAB_IOC_BUFFER_TRANSFER, &move), EINVAL);
	fd = open("/dev/dma_heap/system", O_RDWR);
	if (fd >= 0) {
		equal("another's dma-buf", call(fd, DMA_HEAP_IOCTL_ALLOC, &heap), 0);
		facts.fd = heap.fd;
		equal("is not described", call(session, MEMLAB_IOC_BUFFER_DESCRIBE, &facts),
		      EINVAL);
		move.fd = heap.fd;
		equal("nor carried", call(session, MEMLAB_IOC_BUFFER_TRANSFER, &move), EINVAL);
		close(heap.fd);
		close(fd);
	} else {
		printf("# no %s to be had\n", "/dev/dma_heap/system");
	}
	fd = alloc(session, 0, SIZE, "memlab", MEMLAB_TO_DEVICE);
	facts.fd = fd;
	facts.flags = 1;
	equal("a flag of a description", call(session, MEMLAB_IOC_BUFFER_DESCRIBE, &facts), EINVAL);
	equal("a device without an engine", carry(session, fd, MEMLAB_TO_DEVICE, 0, 1, 0),
	      EOPNOTSUPP);
	equal("beyond the end", carry(session, fd, MEMLAB_TO_DEVICE, SIZE, 1, 0), ERANGE);
	equal("over the end", carry(session, fd, MEMLAB_TO_DEVICE, SIZE - 1, 2, 0), ERANGE);
	equal("round the end", carry(session, fd, MEMLAB_TO_DEVICE, ~0UL, 2, 0), ERANGE);
	equal("nothing", carry(session, fd, MEMLAB_TO_DEVICE, 0, 0, 0), ERANGE);
	equal("both ways", carry(session, fd, MEMLAB_BIDIRECTIONAL, 0, 1, 0), EINVAL);
	equal("no way", carry(session, fd, 3, 0, 1, 0), EINVAL);
	close(fd);

	memset(long_one, 0, sizeof(long_one));
	*(struct memlab_buffer_alloc *)long_one = wanted(0, 0);
	check_sizes(session, "ALLOC", MEMLAB_IOC_BUFFER_ALLOC, MEMLAB_BUFFER_ALLOC_SIZE_LEAST,
		    sizeof(arg), ERANGE);
	memset(long_one, 0, sizeof(long_one));
	((struct memlab_buffer_facts *)long_one)->fd = -1;
	check_sizes(session, "DESCRIBE", MEMLAB_IOC_BUFFER_DESCRIBE, MEMLAB_BUFFER_FACTS_SIZE_LEAST,
		    sizeof(facts), EBADF);
	memset(long_one, 0, sizeof(long_one));
	((struct memlab_buffer_transfer *)long_one)->fd = -1;
	((struct memlab_buffer_transfer *)long_one)->way = 1;
	((struct memlab_buffer_transfer *)long_one)->bytes = 1;
	check_sizes(session, "TRANSFER", MEMLAB_IOC_BUFFER_TRANSFER,
		    MEMLAB_BUFFER_TRANSFER_SIZE_LEAST, sizeof(move), EBADF);
}

static int transfer(int session, const char *device)
{
	int wrongs[2];

	for (int kind = 0; kind < KINDS; kind++) {
		int fd = alloc(session, kind, SIZE, device, MEMLAB_BIDIRECTIONAL), only;
		unsigned char *at;

		if (fd < 0) {
			result(of("nothing in the device's reach, and that is told", kind),
			       fd == -ENOMEM || fd == -EOPNOTSUPP, fd, -ENOMEM);
			printf("# %s: errno %d\n", kinds[kind], -fd);
			continue;
		}
		at = map(fd);
		equal(of("for the CPU", kind), sync_with(fd, DMA_BUF_SYNC_RW), 0);
		fill(at, SIZE, 5);
		equal(of("for the device", kind),
		      sync_with(fd, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END), 0);
		/* From the middle of a page into the next one, and back to another place. */
		equal(of("to the device", kind),
		      carry(session, fd, MEMLAB_TO_DEVICE, page_size - 1000, 3000, 96), 0);
		equal(of("and back", kind),
		      carry(session, fd, MEMLAB_FROM_DEVICE, 3 * page_size + 8, 3000, 96), 0);
		equal(of("for the CPU again", kind), sync_with(fd, DMA_BUF_SYNC_READ), 0);
		wrongs[0] = 0;
		wrongs[1] = 0;
		for (unsigned long i = 0; i < SIZE; i++) {
			unsigned long from = i - 3 * page_size - 8;
			unsigned char wanted = right(from < 3000 ? page_size - 1000 + from : i) ^ 5;

			wrongs[from < 3000] += at[i] != wanted;
		}
		equal(of("all bytes are carried", kind), wrongs[1], 0);
		equal(of("and none beside", kind), wrongs[0], 0);
		equal(of("more than the device holds", kind),
		      carry(session, fd, MEMLAB_TO_DEVICE, 0, 4097, 0), EINVAL);
		munmap(at, SIZE);
		close(fd);
		only = alloc(session, kind, SIZE, device, MEMLAB_TO_DEVICE);
		/* Where nothing bounces, what there is by now may lie above the mask. */
		result(of("a buffer for one way", kind), only >= 0 || only == -ENOMEM, only, 0);
		if (only < 0)
			continue;
		equal(of("a way that it was not mapped for", kind),
		      carry(session, only, MEMLAB_FROM_DEVICE, 0, 8, 0),
		      kind == MEMLAB_BUFFER_COHERENT || kind == MEMLAB_BUFFER_WC ? 0 : EINVAL);
		close(only);
	}
	return 0;
}

static int bounced(int session, const char *device)
{
	int fd = alloc(session, MEMLAB_BUFFER_PAGES, SIZE, device, MEMLAB_TO_DEVICE);
	unsigned char *at = map(fd);

	/* What the device is to have comes from another buffer, so that this one is only read. */
	fill(at, 256, 6);
	sync_with(fd, DMA_BUF_SYNC_WRITE | DMA_BUF_SYNC_END);
	equal("bytes for the device", carry(session, fd, MEMLAB_TO_DEVICE, 0, 256, 0), 0);
	close(fd);
	munmap(at, SIZE);
	fd = alloc(session, MEMLAB_BUFFER_PAGES, SIZE, device, MEMLAB_FROM_DEVICE);
	at = map(fd);
	equal("it is bounced", facts(session, fd).bounced, MEMLAB_YES);
	equal("bytes from the device", carry(session, fd, MEMLAB_FROM_DEVICE, 0, 256, 0), 0);
	result("without a sync they are the old ones", wrong(at, 256, 6) > 200, wrong(at, 256, 6),
	       256);
	equal("a sync", sync_with(fd, DMA_BUF_SYNC_READ), 0);
	equal("with it they are the new ones", wrong(at, 256, 6), 0);
	return 0;
}

#define IMPORTER	"/sys/module/importer/parameters/"

/* What a write of a number is refused with; 0 where it is not. */
static int tell(const char *file, int number)
{
	char text[16];
	int fd = open(file, O_WRONLY), error;

	snprintf(text, sizeof(text), "%d", number);
	error = fd < 0 || write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return error;
}

static int ask(const char *file)
{
	char text[16] = "";
	int fd = open(file, O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return -99;
	close(fd);
	return atoi(text);
}

/* Another driver has the memory, while the device that it was allocated for comes and goes. */
static int import(int session)
{
	for (int kind = 0; kind < KINDS; kind++) {
		int fd = alloc(session, kind, SIZE, "memlab", 0);
		unsigned char *at;

		if (fd < 0 && kind == MEMLAB_BUFFER_CMA)
			continue;
		at = map(fd);
		fill(at, SIZE, 7);
		if (kind >= OWN) {
			equal(of("is refused to another driver", kind), tell(IMPORTER "attach", fd),
			      EOPNOTSUPP);
			/* dma-buf's own answer where there is no vmap; it warns of any other. */
			equal(of("nor is a vmap to be had", kind), tell(IMPORTER "vmap", fd),
			      EINVAL);
			munmap(at, SIZE);
			close(fd);
			continue;
		}
		equal(of("is taken by another driver", kind), tell(IMPORTER "attach", fd), 0);
		equal(of("list and vmap have the same bytes", kind), ask(IMPORTER "attach"), 0);
		equal(of("the program's bytes", kind), ask(IMPORTER "first"), right(0) ^ 7);
		equal(of("written by it", kind), tell(IMPORTER "first", 200), 0);
		equal(of("seen by the program", kind), at[0], 200);
		equal(of("a sync with two that have it", kind), sync_with(fd, DMA_BUF_SYNC_RW), 0);
		equal(of("the device goes", kind), write_to(OWN_DRIVER "unbind", "memlab"), 0);
		equal(of("a sync for the importer alone", kind), sync_with(fd, DMA_BUF_SYNC_RW),
		      ENODEV);
		equal(of("the importer writes on", kind), tell(IMPORTER "first", 201), 0);
		equal(of("and the program sees it", kind), at[0], 201);
		munmap(at, SIZE);
		close(fd);
		equal(of("its pages are still there", kind), ask(IMPORTER "attach"), 0);
		equal(of("the device comes back", kind), write_to(OWN_DRIVER "bind", "memlab"), 0);
		equal(of("it lets go", kind), tell(IMPORTER "detach", 1), 0);
	}
	return 0;
}

static long rounds_of(int session, int number, long rounds, volatile int *over)
{
	long bad = 0, touched = 0, gone = 0;

	for (long i = 0; i < rounds && !*over; i++) {
		int kind = (i + number) % KINDS, child;
		int fd = alloc(session, kind, SIZE, "memlab", 0);
		unsigned char *at;
		int status = 0;

		if (fd < 0) {
			bad += fd != -ENODEV && fd != -ENOMEM && fd != -EOPNOTSUPP;
			continue;
		}
		child = fork();
		if (child) {
			close(fd);
			waitpid(child, &status, 0);
			touched += !(status & 0x7f);
			gone += (status & 0x7f) == SIGBUS;
			bad += (status & 0x7f) && (status & 0x7f) != SIGBUS;
			bad += (status & 0x7f) == SIGBUS && kind < OWN;
			continue;
		}
		at = map(fd);
		if (!is_mapped(at))
			exit(0);
		for (int turn = 0; turn < 8; turn++)
			for (unsigned long page = 0; page < SIZE; page += page_size)
				at[page] = at[page] + 1;
		exit(0);
	}
	printf("# process %d: %ld touched to the end, %ld taken away\n", number, touched, gone);
	return bad;
}

static long seconds(void)
{
	struct timeval now;

	gettimeofday(&now, 0);
	return now.tv_sec;
}

/* The device comes and goes; others map, touch, close, and are cut off. */
static int race(int session, long time)
{
	volatile int *over = mmap(0, page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				  -1, 0);
	int child[3], status, bad = 0, failed = 0;
	long round = 0, end;

	for (int i = 0; i < 3; i++) {
		child[i] = fork();
		if (!child[i])
			exit(rounds_of(session, i, 1 << 30, over) != 0);
	}
	for (end = seconds() + time; seconds() < end; round++) {
		failed += write_to(OWN_DRIVER "unbind", "memlab");
		failed += write_to(OWN_DRIVER "bind", "memlab");
		usleep(1000 * (round & 31));
	}
	*over = 1;
	for (int i = 0; i < 3; i++) {
		waitpid(child[i], &status, 0);
		bad += status != 0;
	}
	printf("# the device went %ld times\n", round);
	result("the device came and went", !failed && round >= 2, failed, round);
	equal("nothing but errnos, and SIGBUS for the device's memory", bad, 0);
	status = alloc(session, MEMLAB_BUFFER_COHERENT, SIZE, "memlab", 0);
	result("and there still are buffers", status >= 0, status, 0);
	return 0;
}

int main(int argc, char **argv)
{
	int session = open("/dev/memlab", O_RDWR), fd;

	page_size = getpagesize();
	page_shift = __builtin_ctzl(page_size);
	result("it opens", session >= 0, errno, 0);
	if (session < 0)
		return 1;
	if (argc > 1 && !strcmp(argv[1], "none")) {
		equal("no dma-bufs", alloc(session, 0, SIZE, "", 0), -EOPNOTSUPP);
		equal("nor any to be described", carry(session, 0, 1, 0, 1, 0), EOPNOTSUPP);
		return 0;
	}
	if (argc > 2 && !strcmp(argv[1], "transfer"))
		return transfer(session, argv[2]);
	if (argc > 2 && !strcmp(argv[1], "bounced"))
		return bounced(session, argv[2]);
	if (argc > 1 && !strcmp(argv[1], "import"))
		return import(session);
	if (argc > 2)
		return race(session, atol(argv[2]));
	if (argc > 1) {
		fd = alloc(session, 0, SIZE, "", 0);
		close(session);
		printf("# held by descriptor %d\n", fd);
		while (fd >= 0)
			sleep(1);
		return 1;
	}
	check_bad_input(session);
	return 0;
}
