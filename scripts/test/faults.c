// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation on the way of a request is made to fail once: the first one,
 * then the second, until a whole pass needed none of the failures. fail-nth
 * counts the allocations of this task alone; see fault-injection.rst.
 *
 *	faults load			insmod and rmmod
 *	faults write FILE LINE		a write of LINE
 *	faults read FILE		open, read to the end, close
 */
#define MOST 5000

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

int main(int argc, char **argv)
{
	int fail = open("/proc/self/fail-nth", O_RDWR);
	long (*pass)(char **argv) = !strcmp(argv[1], "load") ? load :
		!strcmp(argv[1], "write") ? write_line : read_all;
	char *what = argc > 2 ? argv[2] : argv[1];
	int failed = 0;

	for (int n = 1; n < MOST; n++) {
		char number[16] = "";
		long status;
		int left;

		sprintf(number, "%d", n);
		write(fail, number, strlen(number));
		status = pass(argv);
		memset(number, 0, sizeof(number));
		lseek(fail, 0, SEEK_SET);
		read(fail, number, sizeof(number) - 1);
		write(fail, "0", 1);
		left = atoi(number);
		if (status >= 0 && pass == load)
			syscall(__NR_delete_module, "memlab", O_NONBLOCK);
		if (!left) {
			failed += status < 0;
			continue;
		}
		if (status < 0)
			printf("memlab-test: not ok %s without a fault: errno %d\n", what, errno);
		else if (!failed)
			printf("memlab-test: not ok %s: no fault was noticed\n", what);
		else
			printf("memlab-test: ok %s survives a failure of any of its allocations\n",
			       what);
		printf("# %s: %d of %d faults refused it\n", what, failed, n - 1);
		return 0;
	}
	printf("memlab-test: not ok %s: still failing after %d allocations\n", what, MOST);
	return 1;
}
