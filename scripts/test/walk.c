// SPDX-License-Identifier: GPL-2.0
/*
 * What WALK says of addresses, beside what the kernel's own files say of them in the same boot:
 * /proc/PID/pagemap, kpageflags, kpagecount, smaps, maps, iomem and kallsyms.
 *
 *	walk			all of it
 *	walk race SECONDS	while another process maps and unmaps what is looked at
 *	walk powerless		as one who has no power, with a session that was opened before
 *	walk locked		in a kernel that is locked down for confidentiality
 */
#include "check.h"
#include <linux/kernel-page-flags.h>
#include <linux/mman.h>

#define PM_PRESENT	(1ULL << 63)
#define PM_FILE		(1ULL << 61)
#define PM_EXCLUSIVE	(1ULL << 56)
#define PM_PFN		((1ULL << 55) - 1)
/* What may change from one look to the next without anybody's doing. */
#define KPF_MOVES	(1ULL << KPF_LRU | 1ULL << KPF_REFERENCED | 1ULL << KPF_ACTIVE | \
			 1ULL << KPF_IDLE | 1ULL << KPF_RECLAIM | 1ULL << KPF_LOCKED)

/* No division: without a C library there is none on 32-bit ARM. */
static unsigned long page_size, page_shift, huge_size;
static char in_data[4] = "abc";

static struct memlab_walk request_walk(unsigned long address, int pid)
{
	return (struct memlab_walk){ .size = sizeof(struct memlab_walk), .address = address,
				     .pid = pid };
}

/* Text "NAME of WHAT", for a result. */
static const char *of(const char *name, const char *what)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s: %s", what, name);
	return text;
}

static __u64 number_at(const char *file, __u64 index)
{
	__u64 value = 0;
	int fd = open(file, O_RDONLY);

	if (fd >= 0 && lseek(fd, (off_t)(index * 8), SEEK_SET) >= 0 && read(fd, &value, 8) != 8)
		value = ~0ULL;
	close(fd);
	return value;
}

static const struct memlab_level *last(const struct memlab_walk *walk)
{
	return &walk->level[walk->levels ? walk->levels - 1 : 0];
}

/* Whether each level that says anything of it allows it. */
static int allowed(const struct memlab_walk *walk, __u32 bit)
{
	for (__u32 i = 0; i < walk->levels; i++)
		if (walk->level[i].known & ~walk->level[i].bits & bit)
			return 0;
	return 1;
}

/* Each table lies where the entry above it says, and the entry is the one for the address. */
static int is_a_way(const struct memlab_walk *walk)
{
	for (__u32 i = 0; i + 1 < walk->levels; i++) {
		const struct memlab_level *here = &walk->level[i], *next = here + 1;
		__u64 entries = 1ULL << (here->shift - next->shift);
		__u64 index = walk->address >> next->shift & (entries - 1);

		if (here->level != next->level + 1 ||
		    here->phys >> page_shift != next->at >> page_shift)
			return 0;
		if ((next->index & ((1ULL << (here->shift - next->shift)) - 1)) != index)
			return 0;
	}
	return walk->levels > 1;
}

/* Walks, and compares with what the kernel's files say of the same page. */
static struct memlab_walk walk_to(int fd, const char *what, const void *at, int pid)
{
	struct memlab_walk walk = request_walk((unsigned long)at, pid);
	char file[32];
	__u64 entry, pfn;

	if (pid)
		snprintf(file, sizeof(file), "/proc/%d/pagemap", pid);
	else
		snprintf(file, sizeof(file), "/proc/self/pagemap");
	equal(of("a walk", what), call(fd, MEMLAB_IOC_WALK, &walk), 0);
	entry = number_at(file, walk.address >> page_shift);
	equal(of("is there, by pagemap", what), walk.found == MEMLAB_FOUND_PAGE,
	      !!(entry & PM_PRESENT));
	result(of("from table to table", what), walk.levels == 1 || is_a_way(&walk), walk.levels,
	       0);
	if (walk.found != MEMLAB_FOUND_PAGE)
		return walk;
	pfn = walk.phys >> page_shift;
	result(of("where it is, by pagemap", what), pfn == (entry & PM_PFN), pfn, entry & PM_PFN);
	equal(of("a file's, by pagemap", what),
	      walk.kind == MEMLAB_KIND_FILE || walk.kind == MEMLAB_KIND_SHMEM, !!(entry & PM_FILE));
	equal(of("the only one's, by pagemap", what), walk.mapcount == 1, !!(entry & PM_EXCLUSIVE));
	equal(of("how often it is mapped, by kpagecount", what), walk.mapcount,
	      number_at("/proc/kpagecount", pfn));
	entry = number_at("/proc/kpageflags", pfn);
	result(of("its flags, by kpageflags", what), !((walk.page_flags ^ entry) & ~KPF_MOVES),
	       walk.page_flags, entry);
	result(of("it is held by who maps it", what), walk.refcount >= walk.mapcount, walk.refcount,
	       walk.mapcount);
	result(of("a leaf at the end", what), last(&walk)->bits & MEMLAB_ENTRY_LEAF, walk.levels,
	       0);
	result(of("cached memory", what), last(&walk)->attr == MEMLAB_ATTR_CACHED,
	       last(&walk)->attr, MEMLAB_ATTR_CACHED);
	return walk;
}

/* What a program may do with it: its permissions as in smaps, after it was used so. */
static void permits(const struct memlab_walk *walk, const char *what, const char *permissions)
{
	equal(of("for programs", what), allowed(walk, MEMLAB_ENTRY_USER), 1);
	equal(of("may be written", what), allowed(walk, MEMLAB_ENTRY_WRITE), permissions[1] == 'w');
	equal(of("may be executed", what), allowed(walk, MEMLAB_ENTRY_EXECUTE),
	      permissions[2] == 'x');
	equal(of("was used", what), allowed(walk, MEMLAB_ENTRY_ACCESSED), 1);
}

static char *anonymous(unsigned long size, int protection, int flags)
{
	return mmap(0, size, protection, MAP_ANONYMOUS | flags, -1, 0);
}

static char text[1 << 16];

/* How many characters stand before the last blank of "Key:    123 kB". */
static long digits(const char *line)
{
	const char *end = strrchr(line, ' '), *at = end;

	while (at > line && at[-1] != ' ')
		at--;
	return end - at;
}

/* A line of smaps of the area at an address, as "AnonHugePages:", in kB; -1 for none. */
static long smaps(unsigned long address, const char *key)
{
	int fd = open("/proc/self/smaps", O_RDONLY), got, have = 0, inside = 0;
	long value = -1;

	for (;;) {
		char *line = text, *end;

		got = read(fd, text + have, sizeof(text) - 1 - have);
		if (got <= 0)
			break;
		have += got;
		text[have] = 0;
		while ((end = strchr(line, '\n'))) {
			*end = 0;
			if (strchr(line, '-') && strchr(line, ' ') > strchr(line, '-'))
				inside = strtoul(line, 0, 16) == address;
			else if (inside && !strncmp(line, key, strlen(key)))
				value = atol(strrchr(line, ' ') - digits(line));
			line = end + 1;
		}
		have -= line - text;
		memmove(text, line, have);
	}
	close(fd);
	return value;
}

static void check_own(int fd, const char *self)
{
	char on_stack = 1, *at;
	struct memlab_walk walk;
	int file;

	/* Else the first page of a large area is a huge one, where the kernel has these. */
	syscall(__NR_prctl, 41 /* PR_SET_THP_DISABLE */, 1, 0, 0, 0);
	walk = walk_to(fd, "text", check_own, 0);
	permits(&walk, "text", "r-x");
	equal("text is a file's",
	      walk.kind == MEMLAB_KIND_FILE || walk.kind == MEMLAB_KIND_SHMEM, 1);
	in_data[1] = 'x';
	walk = walk_to(fd, "data", in_data, 0);
	permits(&walk, "data", "rw-");
	equal("data is anonymous once it was written", walk.kind, MEMLAB_KIND_ANON);
	equal("and dirty", allowed(&walk, MEMLAB_ENTRY_DIRTY), 1);
	walk = walk_to(fd, "stack", &on_stack, 0);
	permits(&walk, "stack", "rw-");
	equal("the stack is anonymous", walk.kind, MEMLAB_KIND_ANON);
	at = (char *)syscall(__NR_brk, 0);
	syscall(__NR_brk, at + 2 * page_size);
	at[page_size] = 1;
	walk = walk_to(fd, "heap", at + page_size, 0);
	equal("the heap is anonymous", walk.kind, MEMLAB_KIND_ANON);

	at = anonymous(8 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	walk = walk_to(fd, "what was never used", at, 0);
	equal("has nothing", walk.found, MEMLAB_FOUND_NOTHING);
	result("nor an address", walk.phys == MEMLAB_NO_ADDRESS, walk.phys, 0);
	*(volatile char *)(at + page_size);
	walk = walk_to(fd, "what was only read", at + page_size, 0);
	equal("is the page of zeroes", walk.kind, MEMLAB_KIND_ZERO);
	equal("that may not be written", allowed(&walk, MEMLAB_ENTRY_WRITE), 0);
	at[2 * page_size] = 1;
	walk = walk_to(fd, "what was written", at + 2 * page_size + 5, 0);
	equal("the byte in the page", walk.phys & (page_size - 1), 5);
	equal("is anonymous", walk.kind, MEMLAB_KIND_ANON);
	at[3 * page_size] = 1;
	syscall(__NR_mprotect, at + 3 * page_size, page_size, PROT_NONE);
	walk = walk_to(fd, "what nobody may use", at + 3 * page_size, 0);
	equal("is kept from the CPU",
	      last(&walk)->bits & (MEMLAB_ENTRY_PRESENT | MEMLAB_ENTRY_PROT_NONE),
	      MEMLAB_ENTRY_PROT_NONE);
	munmap(at, 8 * page_size);
	walk = walk_to(fd, "what is not mapped any more", at, 0);
	equal("is gone", walk.found, MEMLAB_FOUND_NOTHING);

	at = anonymous(page_size, PROT_READ | PROT_WRITE, MAP_SHARED);
	at[0] = 1;
	walk = walk_to(fd, "shared memory", at, 0);
	equal("is of a tmpfs", walk.kind, MEMLAB_KIND_SHMEM);
	file = open(self, O_RDONLY);
	at = mmap(0, page_size, PROT_READ, MAP_PRIVATE, file, 0);
	*(volatile char *)at;
	walk = walk_to(fd, "a file", at, 0);
	permits(&walk, "a file", "r--");
	equal("is a file's", walk.kind == MEMLAB_KIND_FILE || walk.kind == MEMLAB_KIND_SHMEM, 1);
	close(file);
	syscall(__NR_prctl, 41 /* PR_SET_THP_DISABLE */, 0, 0, 0, 0);
}

/* Where the kernel has transparent huge pages, and memory has one now. */
static void check_huge(int fd)
{
	char *at, *aligned;
	struct memlab_walk walk;

	if (access("/sys/kernel/mm/transparent_hugepage/enabled", 0))
		return;
	at = anonymous(3 * huge_size, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	aligned = (char *)(((unsigned long)at + huge_size - 1) & ~(huge_size - 1));
	munmap(at, aligned - at);
	syscall(__NR_madvise, aligned, huge_size, 14 /* MADV_HUGEPAGE */);
	aligned[0] = 1;
	walk = walk_to(fd, "a huge page", aligned + huge_size / 2 + 3, 0);
	if (smaps((unsigned long)aligned, "AnonHugePages:") * 1024 < (long)huge_size) {
		printf("# no huge page of %lu bytes was to be had\n", huge_size);
		return;
	}
	equal("a huge page is one entry of level 2", last(&walk)->level, 2);
	equal("of its size", 1UL << last(&walk)->shift, huge_size);
	equal("its folio too", page_size << walk.order, huge_size);
	equal("in the middle of it", walk.phys & (huge_size - 1), huge_size / 2 + 3);
	equal("it is anonymous", walk.kind, MEMLAB_KIND_ANON);
	/* A part of it goes, and with that the large entry. */
	munmap(aligned, page_size);
	walk = walk_to(fd, "a huge page that was cut", aligned + huge_size / 2, 0);
	equal("has an entry for each page", last(&walk)->level, 1);
	munmap(aligned + page_size, huge_size - page_size);
}

static void check_others(int fd)
{
	volatile char *at = anonymous(2 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	struct memlab_walk walk;
	int child, status, to[2], from[2];
	char byte;

	at[0] = 1;
	at[page_size] = 1;
	pipe(to);
	pipe(from);
	child = fork();
	if (!child) {
		at[0] = 2;
		write(from[1], "", 1);
		read(to[0], &byte, 1);
		exit(0);
	}
	read(from[0], &byte, 1);
	walk = walk_to(fd, "a child's page", (void *)at, child);
	equal("is its own", walk.mapcount, 1);
	walk = walk_to(fd, "a child's page that was left alone", (void *)(at + page_size), child);
	equal("is mapped by both", walk.mapcount, 2);
	equal("and so may not be written", allowed(&walk, MEMLAB_ENTRY_WRITE), 0);
	write(to[1], "", 1);
	waitpid(child, &status, 0);
	walk = request_walk((unsigned long)at, child);
	equal("a process that is gone", call(fd, MEMLAB_IOC_WALK, &walk), ESRCH);
	said("is named", walk.message, "no such process");
	/* kthreadd */
	walk = request_walk((unsigned long)at, 2);
	equal("a thread of the kernel's", call(fd, MEMLAB_IOC_WALK, &walk), ESRCH);
	walk = request_walk((unsigned long)at, -1);
	equal("no number of a process", call(fd, MEMLAB_IOC_WALK, &walk), ESRCH);
}

/* The address of a symbol, of the kernel or of a module; 0 where it is not to be had. */
static unsigned long symbol(const char *wanted, const char *of_module)
{
	int fd = open("/proc/kallsyms", O_RDONLY), got, have = 0;
	unsigned long found = 0;

	while (!found && (got = read(fd, text + have, sizeof(text) - 1 - have)) > 0) {
		char *line = text, *end;

		have += got;
		text[have] = 0;
		while (!found && (end = strchr(line, '\n'))) {
			const char *name = strchr(line, ' ');

			*end = 0;
			if (of_module ? !!strstr(line, of_module) && name && (name[1] | 32) == 't' :
					name && !strcmp(name + 3, wanted))
				found = strtoul(line, 0, 16);
			line = end + 1;
		}
		have -= line - text;
		memmove(text, line, have);
	}
	close(fd);
	return found;
}

/* Whether a physical address is in a range of /proc/iomem. */
static int in_iomem(__u64 phys, const char *range)
{
	int fd = open("/proc/iomem", O_RDONLY), got, have = 0, in = 0;
	char *line = text, *end;

	while ((got = read(fd, text + have, sizeof(text) - 1 - have)) > 0)
		have += got;
	text[have > 0 ? have : 0] = 0;
	close(fd);
	for (; (end = strchr(line, '\n')); line = end + 1) {
		char *high = strchr(line, '-');

		*end = 0;
		if (high && strstr(line, range))
			in |= phys >= strtoull(line, 0, 16) && phys <= strtoull(high + 1, 0, 16);
	}
	return in;
}

static void check_kernel(int fd)
{
	struct memlab_walk walk = request_walk(symbol("_stext", 0), 0);

	result("where the kernel's text is, is known", walk.address != 0, walk.address, 0);
	equal("a walk to the kernel's text", call(fd, MEMLAB_IOC_WALK, &walk), 0);
	equal("it is in the kernel's half", walk.kernel, MEMLAB_YES);
	equal("it is memory", walk.found, MEMLAB_FOUND_PAGE);
	result("the way there", is_a_way(&walk), walk.levels, 0);
	equal("the kernel's text, by iomem", in_iomem(walk.phys, "Kernel code"), 1);
	equal("it may be executed", allowed(&walk, MEMLAB_ENTRY_EXECUTE), 1);
	equal("not by programs", allowed(&walk, MEMLAB_ENTRY_USER), 0);
	equal("it is nobody's page", walk.kind, MEMLAB_KIND_OTHER);
	walk.pid = 1;
	equal("the kernel's, of a process", call(fd, MEMLAB_IOC_WALK, &walk), EINVAL);
	said("pid is named", walk.message, "pid=1: must be 0");

	/* Without CONFIG_KALLSYMS_ALL only functions are listed. */
	walk = request_walk(symbol("init_task", 0), 0);
	if (walk.address) {
		equal("a walk to the kernel's data", call(fd, MEMLAB_IOC_WALK, &walk), 0);
		equal("it may be written", allowed(&walk, MEMLAB_ENTRY_WRITE), 1);
		equal("not by programs either", allowed(&walk, MEMLAB_ENTRY_USER), 0);
	} else {
		printf("# no address of %s in kallsyms\n", "init_task");
	}

	walk = request_walk(symbol(0, "[memlab]"), 0);
	equal("a walk to the module's text", call(fd, MEMLAB_IOC_WALK, &walk), 0);
	equal("a module's text may be executed", allowed(&walk, MEMLAB_ENTRY_EXECUTE), 1);
	equal("it has a page of its own", walk.found, MEMLAB_FOUND_PAGE);

	/* Between what a process and what the kernel can have, where there is such a gap. */
	walk = request_walk(0, 0);
	walk.address = sizeof(long) == 8 ? 1ULL << 62 : 1ULL << 40;
	equal("an address that nobody has", call(fd, MEMLAB_IOC_WALK, &walk), ERANGE);
	said("the range is told", walk.message, "out of range, of a process 0 to 0x");
	walk = request_walk((unsigned long)&walk, 0);
	walk.flags = 1;
	equal("a flag of a walk", call(fd, MEMLAB_IOC_WALK, &walk), EINVAL);
	said("it is named", walk.message, "flags=0x1: unknown");
}

/* A child maps, uses, cuts and gives back what is looked at meanwhile. */
static int race(int fd, int seconds)
{
	unsigned long size = 2 * huge_size;
	char *at = anonymous(size, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	long walks = 0, pages = 0, wrong = 0, unmapped = 0;
	int child, status;
	time_t end = time(0) + seconds;

	child = fork();
	if (!child) {
		for (;;) {
			mmap(at, size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			syscall(__NR_madvise, at, size, 14 /* MADV_HUGEPAGE */);
			for (unsigned long n = 0; n < size; n += 16 * page_size)
				at[n] = 1;
			munmap(at + 3 * page_size, page_size);
			syscall(__NR_madvise, at, huge_size, 4 /* MADV_DONTNEED */);
			munmap(at, size);
		}
	}
	while (time(0) < end) {
		unsigned long offset = walks * 16 * page_size & (size - 1);
		struct memlab_walk walk = request_walk((unsigned long)at + offset, child);

		if (call(fd, MEMLAB_IOC_WALK, &walk))
			wrong++;
		/* What is there is a page of the child's, whole. */
		if (walk.found == MEMLAB_FOUND_PAGE) {
			pages++;
			wrong += walk.kind != MEMLAB_KIND_ANON && walk.kind != MEMLAB_KIND_ZERO;
			wrong += (walk.phys & (page_size - 1)) != 0;
			unmapped += walk.kind == MEMLAB_KIND_ANON && !walk.mapcount;
		}
		walks++;
	}
	syscall(__NR_kill, child, 9);
	waitpid(child, &status, 0);
	printf("# %ld walks, %ld of them to a page\n", walks, pages);
	result("pages are found while they come and go", pages > 0 && pages < walks, pages, walks);
	equal("and nothing else", wrong, 0);
	equal("nor one that is taken away meanwhile", unmapped, 0);
	return 0;
}

static int refused(int fd, const char *why)
{
	struct memlab_walk walk = request_walk((unsigned long)in_data, 0);

	equal("a walk", call(fd, MEMLAB_IOC_WALK, &walk), EPERM);
	said("why not", walk.message, why);
	result("nothing is told", !walk.levels && !walk.phys, walk.levels, 0);
	return 0;
}

static int powerless(int fd)
{
	struct { unsigned int version; int pid; } header = { 0x20080522, 0 };
	struct { unsigned int effective, permitted, inheritable; } some[2] = {};
	struct memlab_walk walk;

	/* CAP_SYS_ADMIN is number 21. */
	some[0].effective = 1 << 21;
	some[0].permitted = 1 << 21;
	syscall(__NR_capset, &header, some);
	walk = request_walk((unsigned long)in_data, 0);
	equal("without CAP_SYS_PTRACE: its own", call(fd, MEMLAB_IOC_WALK, &walk), 0);
	walk = request_walk((unsigned long)in_data, 1);
	equal("another's", call(fd, MEMLAB_IOC_WALK, &walk), EPERM);
	said("what it takes", walk.message, "CAP_SYS_PTRACE");
	some[0].effective = 0;
	some[0].permitted = 0;
	syscall(__NR_capset, &header, some);
	return refused(fd, "CAP_SYS_ADMIN");
}

int main(int argc, char **argv)
{
	int fd = open("/dev/memlab", O_RDWR);

	page_size = getpagesize();
	page_shift = __builtin_ctzl(page_size);
	huge_size = page_size / 8 * page_size;
	result("it opens", fd >= 0, errno, 0);
	if (fd < 0)
		return 1;
	if (argc > 2)
		return race(fd, atoi(argv[2]));
	if (argc > 1)
		return strcmp(argv[1], "locked") ? powerless(fd) : refused(fd, "locked down");
	check_own(fd, argv[0]);
	check_huge(fd);
	check_others(fd);
	check_kernel(fd);
	close(fd);
	return 0;
}
