/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the lectures' programs share: a table of what was seen, and whether it is as the lecture
 * says. Each program is short, ends by itself, and ends with 0 if all of it is so.
 */

#ifndef LECTURE_H
#define LECTURE_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1UL << 20)
#define GROUP "/sys/fs/cgroup/memlab-lecture"

static int wrong;

/* A line of the table. */
static inline void row(const char *name, long long value, const char *unit)
{
	printf("%-40s %12lld %s\n", name, value, unit);
}

/* Whether it is as the lecture says. */
static inline void ok(const char *name, int is)
{
	printf("%s %s\n", is ? "ok" : "not ok", name);
	wrong += !is;
}

static inline int end(void)
{
	fflush(stdout);
	return wrong != 0;
}

/* The number behind a key in a file of lines like "key: 12 kB" or "key 12"; -1 without one. */
static inline long long field(const char *file, const char *key)
{
	char line[512];
	long long value = -1;
	FILE *open = fopen(file, "r");

	while (open && value < 0 && fgets(line, sizeof(line), open)) {
		size_t length = strlen(key);

		if (!strncmp(line, key, length) && strchr(": \t", line[length]))
			value = atoll(line + length + 1);
	}
	if (open)
		fclose(open);
	return value;
}

/* The number that is all of a file; -1 without one. */
static inline long long number(const char *file)
{
	long long value = -1;
	FILE *open = fopen(file, "r");

	if (open && fscanf(open, "%lld", &value) != 1)
		value = -1;
	if (open)
		fclose(open);
	return value;
}

/* Writes a text to a file of the kernel's; 0, or what was wrong. */
static inline int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	int done = fd < 0 ? errno : write(fd, text, strlen(text)) < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return done;
}

static inline long faults(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return usage.ru_minflt;
}

/* A cgroup with a limit, which a child joins; 0, or 77 where there can be none. */
static inline int group(const char *limit, const char *swap)
{
	if (mkdir(GROUP, 0755) && errno != EEXIST)
		return 77;
	put(GROUP "/memory.swap.max", swap);
	return put(GROUP "/memory.max", limit) ? 77 : 0;
}

static inline int join(void)
{
	return put(GROUP "/cgroup.procs", "0");
}

/* The signal of a bad access, and how the program goes on behind it. */
static sigjmp_buf behind;
static siginfo_t bad;

static inline void on_bad(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	bad = *info;
	siglongjmp(behind, 1);
}

static inline void catch_bad(void)
{
	struct sigaction action = { .sa_sigaction = on_bad, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

#endif
