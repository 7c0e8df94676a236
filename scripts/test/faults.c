// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation on the way of a request is made to fail once: the first one,
 * then the second, until a whole pass needed none of the failures; of a load, a
 * sample. fail-nth counts this task's allocations alone; see fault-injection.rst.
 *
 *	faults load			insmod and rmmod
 *	faults write FILE LINE		a write of LINE
 *	faults read FILE		open, read to the end, close
 */
#define FAIL "/proc/self/fail-nth"
#define MOST 2000
#define LOADS 12

static char text[256 * 1024];

static long load(char **argv)
{
	int fd = open("/memlab.ko", O_RDONLY);
	long status = syscall(__NR_finit_module, fd, "", 0);

	close(fd);
	return status;
}

static long write_line(char **argv)
{
	int fd = open(argv[2], O_WRONLY);
	long status = fd < 0 ? -1 : write(fd, argv[3], strlen(argv[3]));

	close(fd);
	return status;
}

static long read_all(char **argv)
{
	int fd = open(argv[2], O_RDONLY);
	long status = fd < 0 ? -1 : 1;

	while (status > 0)
		status = read(fd, text, sizeof(text));
	close(fd);
	return status;
}

/* How many allocations still pass before one fails; the file cannot seek. */
static int remaining(void)
{
	char number[16] = "";
	int fd = open(FAIL, O_RDONLY);

	read(fd, number, sizeof(number) - 1);
	close(fd);
	return atoi(number);
}

static void fail(int fd, int nth)
{
	char number[16];

	write(fd, number, sprintf(number, "%d", nth));
}

int main(int argc, char **argv)
{
	int fd = open(FAIL, O_WRONLY);
	long (*pass)(char **argv) = !strcmp(argv[1], "load") ? load :
		!strcmp(argv[1], "write") ? write_line : read_all;
	char *what = argc > 2 ? argv[2] : argv[1];
	int failed = 0;

	int step = 1;

	if (pass == load) {
		/* Too slow for each of its hundreds: as many as fit, evenly. */
		fail(fd, MOST);
		pass(argv);
		step += (MOST - remaining()) / LOADS;
		fail(fd, 0);
		syscall(__NR_delete_module, "memlab", O_NONBLOCK);
	}
	for (int n = 1; n < MOST; n += step) {
		long status;
		int left, error;

		fail(fd, n);
		status = pass(argv);
		error = errno;
		/* Asking allocates: what is left of a large number stays one. */
		left = remaining();
		fail(fd, 0);
		if (status >= 0 && pass == load)
			syscall(__NR_delete_module, "memlab", O_NONBLOCK);
		if (!left) {
			failed += status < 0;
			continue;
		}
		if (status < 0)
			printf("memlab-test: not ok %s without a fault: errno %d\n", what, error);
		else if (!failed)
			printf("memlab-test: not ok %s: no fault was noticed\n", what);
		else
			printf("memlab-test: ok %s survives its allocations failing\n",
			       what);
		printf("# %s: %d of %d faults refused it\n", what, failed, n / step);
		return 0;
	}
	printf("memlab-test: not ok %s: still failing after %d allocations\n", what, MOST);
	return 1;
}
