// SPDX-License-Identifier: GPL-2.0
/*
 * malloc() of more than there is succeeds; who touches it is killed on the way. With
 * overcommit_memory 2 it is refused instead, and who is exempt does not die: another one does.
 * As root, with cgroup v2.
 */

#include "lecture.h"

#define ASKED (256 * MIB)
#define STEP (8 * MIB)
#define MODE "/proc/sys/vm/overcommit_memory"

/* How a child ends that is not killed. */
enum { TOUCHED_ALL, REFUSED, BROKEN };

/* Touches what it got, and says how far it came; returns only if it lives. */
static int greedy(int tell)
{
	char *at = malloc(ASKED);

	if (!at)
		return REFUSED;
	for (size_t done = 0; done < ASKED; done += STEP) {
		long long rss;

		memset(at + done, 1, STEP);
		rss = field("/proc/self/status", "VmRSS");
		if (write(tell, &rss, sizeof(rss)) < 0)
			return BROKEN;
	}
	return TOUCHED_ALL;
}

static int start(int tell, const char *adjust)
{
	int child = fork();

	if (!child) {
		put("/proc/self/oom_score_adj", adjust);
		_exit(join() ? 1 : greedy(tell));
	}
	return child;
}

int main(void)
{
	long long rss = 0, before, mode = number(MODE);
	int ends[2], status, other, child, steps = 0;
	char text[16];

	if (pipe(ends) || group("67108864", "0")) {
		puts("skipped: no memory cgroup (v2, as root)");
		return 77;
	}
	before = field(GROUP "/memory.events", "oom_kill");
	child = start(ends[1], "0");
	waitpid(child, &status, 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	while (read(ends[0], &rss, sizeof(rss)) > 0)
		printf("step %2d: RSS %lld KiB\n", ++steps, rss);
	row("asked for", ASKED / MIB, "MiB, of a limit of 64");
	row("steps of 8 MiB that it came to", steps, "");
	row("ended by signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0, "");
	ok("malloc() gives more than there is", steps > 0);
	ok("and it is killed on the way", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ok("oom_kill counts one", field(GROUP "/memory.events", "oom_kill") == before + 1);

	/* One that only sleeps, and one that is greedy and exempt. */
	other = fork();
	if (!other) {
		char *own = malloc(STEP);

		/* Whom nobody kills ends by itself. */
		alarm(30);
		if (join())
			_exit(BROKEN);
		memset(own, 1, STEP);
		pause();
		_exit(own[0]);
	}
	usleep(300000);
	child = start(ends[1], "-1000");
	waitpid(other, &status, 0);
	ok("who is exempt does not die first", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);

	before = field(GROUP "/memory.events", "oom_kill");
	put(MODE, "2");
	child = fork();
	if (!child)
		/* More than memory and swap. */
		_exit(malloc(2048UL * field("/proc/meminfo", "MemTotal")) ? 0 : errno);
	waitpid(child, &status, 0);
	snprintf(text, sizeof(text), "%lld", mode);
	put(MODE, text);
	row("errno with overcommit_memory 2", WEXITSTATUS(status), "(12 is ENOMEM)");
	ok("then it is refused", WIFEXITED(status) && WEXITSTATUS(status) == ENOMEM);
	ok("and nobody is killed", field(GROUP "/memory.events", "oom_kill") == before);
	ok("the setting is as before", number(MODE) == mode);
	rmdir(GROUP);
	return end();
}
