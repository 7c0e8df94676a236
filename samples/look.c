// SPDX-License-Identifier: GPL-2.0
/*
 * What can be asked without measuring: what the module can measure, what stands
 * between a device and memory, and the text of a file.
 *
 *	cc -I include/uapi -o look samples/look.c
 *	./look 0000:00:05.0 zones
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

static int told(const char *what, const char *message)
{
	printf("%s: %s\n", what, *message ? message : strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	struct memlab_info info = { .size = sizeof(info) };
	struct memlab_device device = { .size = sizeof(device) };
	struct memlab_snapshot look = {
		.size = sizeof(look),
		.text = (__u64)(unsigned long)text,
		.text_size = sizeof(text),
	};
	int fd = open("/dev/memlab", O_RDWR);

	if (fd < 0 || argc < 3) {
		perror("/dev/memlab");
		return 1;
	}
	do {
		if (ioctl(fd, MEMLAB_IOC_INFO, &info) < 0)
			return told("info", info.message);
		printf("%s: %llu to %llu bytes\n", info.name, info.size_min, info.size_max);
	} while (++info.index < info.experiments);

	snprintf(device.device, sizeof(device.device), "%s", argv[1]);
	if (ioctl(fd, MEMLAB_IOC_DEVICE, &device) < 0)
		return told(argv[1], device.message);
	printf("%s on %s: mask %#llx, all memory needs %#llx, driver %s\n", device.device,
	       device.bus, device.mask, device.required_mask, device.driver);

	snprintf(look.file, sizeof(look.file), "%s", argv[2]);
	if (ioctl(fd, MEMLAB_IOC_SNAPSHOT, &look) < 0)
		return told(argv[2], look.message);
	if (look.text_size > sizeof(text))
		look.text_size = sizeof(text);
	return write(1, text, look.text_size) < 0;
}
