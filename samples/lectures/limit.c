// SPDX-License-Identifier: GPL-2.0
/*
 * A group's limit: it is never exceeded, who wants more is killed, and nobody outside pays for it.
 * As root, with cgroup v2.
 */

#include "lecture.h"

int main(void)
{
	long long before, after, peak;
	int status, child;

	if (group("33554432", "0")) {
		puts("skipped: no memory cgroup (v2, as root)");
		return 77;
	}
	before = field("/proc/self/status", "VmRSS");
	child = fork();
	if (!child) {
		char *at = malloc(64 * MIB);

		if (join() || !at)
			_exit(1);
		memset(at, 1, 64 * MIB);
		/* It is read, or the compiler would leave the writes out. */
		_exit(at[getpid() % MIB] != 1);
	}
	waitpid(child, &status, 0);
	after = field("/proc/self/status", "VmRSS");
	peak = number(GROUP "/memory.peak");
	row("memory.max", number(GROUP "/memory.max") / 1024, "KiB");
	row("memory.peak", peak / 1024, "KiB");
	row("oom_kill", field(GROUP "/memory.events", "oom_kill"), "");
	row("RSS of this process before", before, "KiB");
	row("and after", after, "KiB");
	ok("the limit is not exceeded", peak > 0 && peak <= 32 * (long long)MIB);
	ok("who wants more is killed", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ok("and counted", field(GROUP "/memory.events", "oom_kill") == 1);
	ok("nobody else loses memory", after >= before);
	rmdir(GROUP);
	return end();
}
