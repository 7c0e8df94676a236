// SPDX-License-Identifier: GPL-2.0
/*
 * A run of an hour is ended early, again and again, at different moments, and
 * must be gone soon each time.
 *
 *	engine kill MS TIMES FILE LINE	SIGKILL to the process that writes LINE
 *	engine stop MS TIMES FILE LINE	a write to the file "stop"
 */
#define STOP "/sys/kernel/debug/memlab/stop"
#define PATIENCE_US 5000000

static long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec & 1023) * 1000000L + (long)now.tv_nsec / 1000;
}

static void sleep_us(long us)
{
	struct timespec time = { .tv_nsec = us * 1000 };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

/* The process that asks for the run; it ends with the errno of its write. */
static int start(const char *file, const char *line)
{
	int pid = fork();

	if (!pid) {
		int fd = open(file, O_WRONLY);

		exit(write(fd, line, strlen(line)) < 0 ? errno : 0);
	}
	return pid;
}

static void stop(void)
{
	int fd = open(STOP, O_WRONLY);

	write(fd, "\n", 1);
	close(fd);
}

/* How long it took to go, in us; -1 if it did not. */
static long gone(int pid, int *status, long since)
{
	while (now_us() - since < PATIENCE_US) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return now_us() - since;
		sleep_us(500);
	}
	return -1;
}

int main(int argc, char **argv)
{
	int killing = !strcmp(argv[1], "kill");
	long most = atol(argv[2]) * 1000, longest = 0;
	int times = atoi(argv[3]), wrong = 0, ending = 0;

	for (int n = 0; n < times; n++) {
		int status = 0, pid = start(argv[4], argv[5]);
		long since, took;

		/* A stop before the run has begun would not be for it. */
		sleep_us(killing ? n * 7919 % 60000 : 150000);
		since = now_us();
		if (killing)
			kill(pid, SIGKILL);
		else
			stop();
		took = gone(pid, &status, since);
		if (took < 0) {
			printf("memlab-test: not ok %s %s: still there after %d us\n", argv[1],
			       argv[5], PATIENCE_US);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return 1;
		}
		if (took > longest)
			longest = took;
		if (killing ? !WIFSIGNALED(status) : WEXITSTATUS(status) != ECANCELED) {
			wrong++;
			ending = status;
		}
	}
	printf("# %s %s: %d times, gone after %ld us at most\n", argv[1], argv[5], times, longest);
	if (wrong)
		printf("memlab-test: not ok %s %s ends it: %d times not, status %x\n", argv[1],
		       argv[5], wrong, ending);
	else
		printf("memlab-test: ok %s %s ends it\n", argv[1], argv[5]);
	if (longest > most)
		printf("memlab-test: not ok %s %s is soon: %ld us\n", argv[1], argv[5], longest);
	else
		printf("memlab-test: ok %s %s is soon\n", argv[1], argv[5]);
	return 0;
}
