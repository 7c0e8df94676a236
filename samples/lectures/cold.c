// SPDX-License-Identifier: GPL-2.0
/*
 * The first start of a program reads it from the disk, the second finds it in memory. `cold
 * FOLDER`, on a disk: a copy of this very program is started twice.
 */

#include "lecture.h"

/* Starts the copy; its major faults, and what was read from the disk for it. */
static void start(const char *copy, long *major, long long *read_bytes)
{
	struct rusage usage;
	char io[64];
	siginfo_t ended;
	int child = fork();

	if (!child) {
		execl(copy, copy, "--quiet", NULL);
		_exit(127);
	}
	/* It is looked at before it is gone. */
	waitid(P_PID, child, &ended, WEXITED | WNOWAIT);
	snprintf(io, sizeof(io), "/proc/%d/io", child);
	*read_bytes = field(io, "read_bytes");
	wait4(child, NULL, 0, &usage);
	*major = usage.ru_majflt;
}

static int copied(const char *copy)
{
	char block[1 << 16];
	int from = open("/proc/self/exe", O_RDONLY), to = open(copy, O_CREAT | O_WRONLY, 0755);
	ssize_t got;

	if (from < 0 || to < 0)
		return -1;
	while ((got = read(from, block, sizeof(block))) > 0)
		if (write(to, block, got) != got)
			return -1;
	fsync(to);
	/* Nothing of it is in memory any more. */
	posix_fadvise(to, 0, 0, POSIX_FADV_DONTNEED);
	close(from);
	return close(to);
}

int main(int count, char **words)
{
	char copy[256];
	long cold, warm;
	long long cold_read, warm_read;

	if (count > 1 && !strcmp(words[1], "--quiet"))
		return 0;
	snprintf(copy, sizeof(copy), "%s/cold-copy", count > 1 ? words[1] : ".");
	if (copied(copy)) {
		perror(copy);
		return 1;
	}
	start(copy, &cold, &cold_read);
	start(copy, &warm, &warm_read);
	unlink(copy);
	row("major faults, cold", cold, "");
	row("read from the disk, cold", cold_read, "B");
	row("major faults, warm", warm, "");
	row("read from the disk, warm", warm_read, "B");
	ok("a cold start waits for the disk", cold > 0 && cold_read > 0);
	ok("a warm one does not", !warm && !warm_read);
	return end();
}
