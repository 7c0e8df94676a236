// SPDX-License-Identifier: GPL-2.0
/*
 * Follows what is on until it ends, and ends it where it takes too long.
 *
 *	cc -I include/uapi -o watch samples/watch.c
 *	./watch 5000
 */
#ifndef NOLIBC
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#endif
#include <linux/memlab.h>

int main(int argc, char **argv)
{
	struct memlab_progress now = { .size = sizeof(now) };
	struct memlab_stop stop = { .size = sizeof(stop) };
	__u64 longest = (argc > 1 ? atol(argv[1]) : 10000) * 1000000ull;
	int fd = open("/dev/memlab", O_RDWR);

	if (fd < 0) {
		perror("/dev/memlab");
		return 1;
	}
	do {
		/* It returns when the serial is another one, and at the latest after this. */
		now.timeout = 1000;
		if (ioctl(fd, MEMLAB_IOC_PROGRESS, &now) < 0) {
			printf("progress: %s\n", strerror(errno));
			return 1;
		}
		if (now.state != MEMLAB_IDLE)
			printf("%s: %llu of %llu after %llu ns\n", now.what, now.done, now.total,
			       now.elapsed);
		if (now.state == MEMLAB_BUSY && now.elapsed > longest)
			ioctl(fd, MEMLAB_IOC_STOP, &stop);
	} while (now.state != MEMLAB_IDLE);
	return 0;
}
