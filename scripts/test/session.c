// SPDX-License-Identifier: GPL-2.0
/* A session of /dev/memlab: what it does beside running, and who may have one. */
#include "check.h"

/* What a command answers to a line. */
static struct memlab_line line(const char *text)
{
	struct memlab_line line = {
		.size = sizeof(line),
		.line = (__u64)(unsigned long)text,
		.line_length = strlen(text),
	};

	return line;
}

static char text[1 << 20];

/* The text of a file, with a NUL; its length, or the errno as a negative one. */
static long snapshot(int fd, const char *file, char *to, unsigned long room)
{
	struct memlab_snapshot look = {
		.size = sizeof(look),
		.text = (__u64)(unsigned long)to,
		.text_size = room,
	};
	int error;

	snprintf(look.file, sizeof(look.file), "%s", file);
	memset(text, 0, sizeof(text));
	error = call(fd, MEMLAB_IOC_SNAPSHOT, &look);
	if (error)
		snprintf(text, sizeof(text), "%s", look.message);
	return error ? -error : (long)look.text_size;
}

static void check_snapshots(int fd)
{
	static const char *const files[] = { "help", "experiments", "zones", "buddy",
		"watermarks", "fragmentation", "cma", "meminfo", "events", "device",
		"provenance", "scenario", "stop", "layout" };
	long length;

	for (unsigned int i = 0; i < sizeof(files) / sizeof(*files); i++) {
		length = snapshot(fd, files[i], text, sizeof(text) - 1);
		result(files[i], length > 0 && length == (long)strlen(text), length,
		       strlen(text));
	}
	length = snapshot(fd, "help", 0, 0);
	result("no room, and the length is told", length > 1000, length, 1000);
	length = snapshot(fd, "help", text, 16);
	result("little room is filled", length > 1000 && strlen(text) == 16, strlen(text), 16);
	equal("a file that is not there", snapshot(fd, "nosuch", text, 16), -ENOENT);
	said("its message offers others", text, "file=nosuch: unknown, must be one of help");
	equal("a text at a bad address", snapshot(fd, "help", (char *)16, 16), -EFAULT);
	said("the address is named", text, "text=0x10: a bad address");
}

static void check_lines(int fd)
{
	struct memlab_line arg = line("size=64 time=100 experiments=kmalloc,vmalloc");
	struct memlab_run run = { .size = sizeof(run), .outcome = (__u64)(unsigned long)&outcome,
		.outcome_size = sizeof(outcome) };
	int other = open("/dev/memlab", O_RDWR);

	equal("a comparison", call(fd, MEMLAB_IOC_COMPARE, &arg), 0);
	snapshot(fd, "compare", text, sizeof(text) - 1);
	said("its session shows it", text, "\nkmalloc ");
	snapshot(other, "compare", text, sizeof(text) - 1);
	said("another one does not", text, "# nothing yet");
	arg = line("colour=red");
	equal("a comparison of an unknown key", call(fd, MEMLAB_IOC_COMPARE, &arg), EINVAL);
	said("it is named", arg.message, "colour=red: unknown parameter");
	snapshot(fd, "compare", text, sizeof(text) - 1);
	said("the file says so too", text, "refused EINVAL colour=red: ");
	arg = line("x");
	equal("calibrating something", call(fd, MEMLAB_IOC_CALIBRATE, &arg), EINVAL);
	said("there is nothing to say", arg.message, "x: calibrate takes no parameters");
	arg = line("");
	arg.line_length = 1 << 20;
	arg.line = (__u64)(unsigned long)text;
	memset(text, 'x', sizeof(text));
	equal("a line that is too long", call(fd, MEMLAB_IOC_COMPARE, &arg), EINVAL);
	said("its length is told", arg.message, "1048576 bytes, at most 256");
	arg.line = 16;
	equal("a line at a bad address", call(fd, MEMLAB_IOC_COMPARE, &arg), EFAULT);
	said("the address is named", arg.message, "line=0x10: a bad address");
	arg = line("size=64");
	arg.flags = 2;
	equal("a flag of a line", call(fd, MEMLAB_IOC_SCENARIO, &arg), EINVAL);
	said("it is named", arg.message, "flags=0x2: unknown");
	arg = line("device=nosuch");
	equal("probing for a device that is not there", call(fd, MEMLAB_IOC_PROBE, &arg), ENODEV);
	said("it is named", arg.message, "nosuch");

	arg = line("kmalloc size=128 iterations=77 mode=op");
	run.line = arg.line;
	run.line_length = arg.line_length;
	equal("a run by its line", call(fd, MEMLAB_IOC_RUN, &run), 0);
	equal("it ran what was asked for", outcome.phases[0].count, 77);
	snapshot(fd, "run", text, sizeof(text) - 1);
	said("its session shows it", text, "experiment    kmalloc\n");
	arg = line("kmalloc mode=op above=1");
	run.line = arg.line;
	run.line_length = arg.line_length;
	equal("a run until an operation is slow", call(fd, MEMLAB_IOC_RUN, &run), 0);
	equal("it ended with that", outcome.ending, MEMLAB_ABOVE);
	equal("the first one", outcome.phases[0].count, 1);
	run.bytes = 64;
	equal("a line, and a size beside it", call(fd, MEMLAB_IOC_RUN, &run), EINVAL);
	said("that is named", run.message, "size: given beside a line");
	close(other);
}

static void check_scenarios(int fd)
{
	struct memlab_line arg = line("fragment order=9 share=1");
	int other = open("/dev/memlab", O_RDWR);

	equal("a scenario", call(other, MEMLAB_IOC_SCENARIO, &arg), 0);
	snapshot(other, "scenario", text, sizeof(text) - 1);
	said("its session shows it", text, "fragment");
	equal("a second one", call(fd, MEMLAB_IOC_SCENARIO, &arg), EBUSY);
	said("whose it is", arg.message, "another session holds one");
	close(other);
	equal("it went with its session", call(fd, MEMLAB_IOC_SCENARIO, &arg), 0);
	arg = line("none");
	equal("and is given back", call(fd, MEMLAB_IOC_SCENARIO, &arg), 0);
}

static struct memlab_device device(const char *bus, const char *name)
{
	struct memlab_device device = { .size = sizeof(device) };

	snprintf(device.bus, sizeof(device.bus), "%s", bus);
	snprintf(device.device, sizeof(device.device), "%s", name);
	return device;
}

static void check_devices(int fd)
{
	struct memlab_device arg = device("", "memlab");

	equal("a device", call(fd, MEMLAB_IOC_DEVICE, &arg), 0);
	result("where it is", !strcmp(arg.bus, "platform"), 0, 0);
	result("whose it is", !strcmp(arg.driver, "memlab"), 0, 0);
	equal("it is lent", arg.lent, MEMLAB_YES);
	equal("it is mapped directly", arg.mapper, MEMLAB_MAPPER_DIRECT);
	result("no IOMMU", !strcmp(arg.domain, "none"), 0, 0);
	result("it reaches all memory", arg.mask == ~0ULL, 0, 0);
	result("what all memory needs", arg.required_mask >= 0xfffffff, arg.required_mask, 0);
	result("a mapping has a size", arg.max_mapping >= 65536, arg.max_mapping, 65536);
	result("an alignment is one byte at least", arg.cache_align >= 1, arg.cache_align, 1);
	arg = device("pci", "memlab");
	equal("a device on another bus", call(fd, MEMLAB_IOC_DEVICE, &arg), ENODEV);
	said("it is named", arg.message, "device=memlab: not on the bus");
	arg = device("", "nosuch");
	equal("a device that is not there", call(fd, MEMLAB_IOC_DEVICE, &arg), ENODEV);
	arg = device("", "memlab");
	arg.reserved = 1;
	equal("a reserved member of a device", call(fd, MEMLAB_IOC_DEVICE, &arg), EINVAL);
	arg = device("", "memlab");
	memset(arg.bus, 'p', sizeof(arg.bus));
	equal("a bus without an end", call(fd, MEMLAB_IOC_DEVICE, &arg), EINVAL);
	said("it is named too", arg.message, "bus: no NUL in its 16 bytes");
}

static struct memlab_progress progress(int fd, __u64 serial, __u32 timeout)
{
	struct memlab_progress now = { .size = sizeof(now), .serial = serial, .timeout = timeout };

	equal("progress", call(fd, MEMLAB_IOC_PROGRESS, &now), 0);
	return now;
}

static long now_ms(void)
{
	struct timeval now;

	gettimeofday(&now, 0);
	return now.tv_sec * 1000 + now.tv_usec / 1000;
}

/* One process runs, another one watches it through a session of its own and stops it. */
static void check_progress(int fd)
{
	struct memlab_progress seen = progress(fd, 0, 0), next;
	struct memlab_stop stop = { .size = sizeof(stop) };
	struct memlab_run run = request("kmalloc");
	long began = now_ms();
	int child, status = 0;

	equal("nothing is on", seen.state, MEMLAB_IDLE);
	next = progress(fd, seen.serial, 200);
	/* Ticks that a guest was late for come all at once. */
	result("without a change it waits", now_ms() - began >= 50, now_ms() - began, 50);
	result("and says the same", next.serial == seen.serial, next.serial, seen.serial);

	child = fork();
	if (!child) {
		int own = open("/dev/memlab", O_RDWR);

		run.iterations = 1000000;
		run.time = 60000;
		run.mode = MEMLAB_MODE_OP;
		exit(call(own, MEMLAB_IOC_RUN, &run));
	}
	for (int i = 0; i < 100 && !(seen.state == MEMLAB_BUSY && seen.done); i++)
		seen = progress(fd, seen.serial, 1000);
	equal("something is on", seen.state, MEMLAB_BUSY);
	result("it is named", !strcmp(seen.what, "kmalloc"), 0, 0);
	result("of how many", seen.total == 1000000, seen.total, 1000000);
	next = progress(fd, seen.serial, 5000);
	result("it moves", next.serial > seen.serial && next.done >= seen.done, next.done,
	       seen.done);
	result("time passes", next.elapsed > seen.elapsed, next.elapsed, seen.elapsed);
	result("an end is in sight", next.left && next.left <= 60000000000ULL, next.left, 0);
	equal("a second run", call(fd, MEMLAB_IOC_RUN, &run), EBUSY);
	said("what is on is named", run.message, "kmalloc is on");
	equal("stopping it", call(fd, MEMLAB_IOC_STOP, &stop), 0);
	waitpid(child, &status, 0);
	equal("it ends as stopped", WEXITSTATUS(status), ECANCELED);
	next = progress(fd, 0, 0);
	equal("nothing is on any more", next.state, MEMLAB_IDLE);
	stop.flags = 1;
	equal("a flag of a stop", call(fd, MEMLAB_IOC_STOP, &stop), EINVAL);
	next = (struct memlab_progress){ .size = sizeof(next), .flags = 4 };
	equal("a flag of progress", call(fd, MEMLAB_IOC_PROGRESS, &next), EINVAL);
	said("it is named", next.message, "flags=0x4: unknown");
}

static long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)(now.tv_sec & 1) * 1000000000L + (long)now.tv_nsec;
}

/* The shortest of many calls, in ns: what is on has the processor between them. */
static long shortest(int fd, unsigned long request)
{
	struct memlab_progress now = { .size = sizeof(now) };
	long least = 1000000000, began, took;

	for (int i = 0; i < 1000; i++) {
		began = now_ns();
		ioctl(fd, request, &now);
		took = now_ns() - began;
		if (took >= 0 && took < least)
			least = took;
	}
	return least;
}

/* Where one instruction takes one ns: what the module does for a look at a run that is on. */
static void check_cost(int fd)
{
	long refused = shortest(fd, _IO('z', 0)), seen = shortest(fd, MEMLAB_IOC_PROGRESS);

	printf("# progress: %ld ns, an ioctl that is refused at once: %ld\n", seen, refused);
	result("a look takes 2000 instructions of the module at most",
	       seen - refused > 0 && seen - refused <= 2000, seen - refused, 2000);
}

/* Looks a hundred times a second until nothing is on. */
static void look(int fd)
{
	struct timespec pause = { .tv_nsec = 10000000 };
	struct memlab_progress now = { .size = sizeof(now) };
	int looks = 0, busy = 0;

	do {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		ioctl(fd, MEMLAB_IOC_PROGRESS, &now);
		busy |= now.state == MEMLAB_BUSY;
	} while (++looks < 30 || now.state == MEMLAB_BUSY);
	printf("# looked %d times\n", looks);
	equal("a run was looked at", busy, 1);
}

/* In a kernel that is locked down, for integrity and then for confidentiality. */
static void check_addresses(int fd, int shown)
{
	struct memlab_run run = request("dma-coherent");
	char address[] = "dma           0x";
	long length;

	equal("a run", call(fd, MEMLAB_IOC_RUN, &run), 0);
	result("what the memory is to the CPU", (outcome.phys != MEMLAB_NO_ADDRESS) == shown,
	       outcome.phys, shown);
	result("what it is to the device", (outcome.dma != MEMLAB_NO_ADDRESS) == shown,
	       outcome.dma, shown);
	equal("where it is, is known", outcome.extents != 0, 1);
	snapshot(fd, "run", text, sizeof(text) - 1);
	said("the text says the same", text, shown ? address : "dma           hidden\n");
	result("and has no address beside", !!strstr(text, "phys          0x") == shown, 0, 0);
	length = snapshot(fd, "layout", text, sizeof(text) - 1);
	result("the layout", shown ? length > 0 : length == -EPERM, length, -EPERM);
	if (!shown)
		said("why not", text, "file=layout: shows addresses");
}

int main(int argc, char **argv)
{
	int fd = open("/dev/memlab", O_RDWR);

	if (argc > 2 && !strcmp(argv[1], "nothing")) {
		fd = open(argv[2], O_WRONLY);
		return fd < 0 || write(fd, "", 0) != 0;
	}
	result("it opens", fd >= 0, errno, 0);
	if (fd < 0)
		return 1;
	if (argc > 1 && !strcmp(argv[1], "cost")) {
		check_cost(fd);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "look")) {
		look(fd);
		return 0;
	}
	if (argc > 1) {
		check_addresses(fd, !strcmp(argv[1], "integrity"));
		return 0;
	}
	check_snapshots(fd);
	check_lines(fd);
	check_scenarios(fd);
	check_devices(fd);
	check_progress(fd);
	close(fd);
	return 0;
}
