// SPDX-License-Identifier: GPL-2.0
/*
 * What takes a line of text: a state of memory is made, a comparison measured under
 * it and shown. The state goes with the session, which ends with the program.
 *
 *	cc -I include/uapi -o compare samples/compare.c
 *	./compare "fragment order=2 share=5" "experiments=kmalloc,vmalloc size=4K time=200"
 */
#ifndef NOLIBC
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#endif
#include <linux/memlab.h>

static char text[1 << 16];

static int ask(int fd, unsigned long command, const char *words)
{
	struct memlab_line line = {
		.size = sizeof(line),
		.line = (__u64)(unsigned long)words,
		.line_length = strlen(words),
	};

	if (!ioctl(fd, command, &line))
		return 0;
	printf("%s: %s\n", words, *line.message ? line.message : strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	struct memlab_snapshot look = {
		.size = sizeof(look),
		.file = "compare",
		.text = (__u64)(unsigned long)text,
		.text_size = sizeof(text),
	};
	int fd = open("/dev/memlab", O_RDWR);

	if (fd < 0 || argc < 3) {
		perror("/dev/memlab");
		return 1;
	}
	if (ask(fd, MEMLAB_IOC_SCENARIO, argv[1]) || ask(fd, MEMLAB_IOC_COMPARE, argv[2]))
		return 1;
	if (ioctl(fd, MEMLAB_IOC_SNAPSHOT, &look) < 0) {
		printf("compare: %s\n", look.message);
		return 1;
	}
	if (look.text_size > sizeof(text))
		look.text_size = sizeof(text);
	return write(1, text, look.text_size) < 0;
}
