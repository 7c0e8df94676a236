/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs that hold buffers of memlab's have in common. */
#include "check.h"
#include <linux/dma-buf.h>
#include <linux/memlab_buffer.h>

#define SIGBUS		7
#define SIZE		(64 * 1024)
#define OWN_DRIVER	"/sys/bus/platform/drivers/memlab/"

static const char *const kinds[] = { "pages", "vmalloc", "cma", "coherent", "wc", "noncoherent",
				     "noncontiguous" };
#define KINDS		7
/* Of the buffer's own memory. */
#define OWN		3

static unsigned long page_size, page_shift;

/* "WHAT of KIND", for a result. */
static __attribute__((unused)) const char *of(const char *what, int kind)
{
	static char text[96];

	snprintf(text, sizeof(text), "%s: %s", kinds[kind], what);
	return text;
}

static struct memlab_buffer_alloc wanted(int kind, unsigned long bytes)
{
	return (struct memlab_buffer_alloc){ .size = sizeof(struct memlab_buffer_alloc),
					     .bytes = bytes, .kind = kind };
}

/* A descriptor, or the errno as a negative one. */
static int alloc(int session, int kind, unsigned long bytes, const char *device, int direction)
{
	struct memlab_buffer_alloc arg = wanted(kind, bytes);
	int error;

	snprintf(arg.device, sizeof(arg.device), "%s", device);
	arg.direction = direction;
	error = call(session, MEMLAB_IOC_BUFFER_ALLOC, &arg);
	return error ? -error : arg.fd;
}

static __attribute__((unused)) struct memlab_buffer_facts facts(int session, int fd)
{
	struct memlab_buffer_facts facts = { .size = sizeof(facts), .fd = fd };

	equal("a buffer is described", call(session, MEMLAB_IOC_BUFFER_DESCRIBE, &facts), 0);
	return facts;
}

static __attribute__((unused)) int carry(int session, int fd, int way, unsigned long offset,
					 unsigned long bytes, unsigned long inside)
{
	struct memlab_buffer_transfer arg = { .size = sizeof(arg), .fd = fd, .way = way,
					      .offset = offset, .bytes = bytes,
					      .device_offset = inside };

	return call(session, MEMLAB_IOC_BUFFER_TRANSFER, &arg);
}

static __attribute__((unused)) int sync_with(int fd, __u64 flags)
{
	struct dma_buf_sync sync = { .flags = flags };

	return call(fd, DMA_BUF_IOCTL_SYNC, &sync);
}

/* An address, or the errno as a small number. */
static __attribute__((unused)) unsigned char *map_as(int fd, unsigned long bytes, int protection,
						     int flags)
{
	void *at = mmap(0, bytes, protection, flags, fd, 0);

	return at == MAP_FAILED ? (unsigned char *)(unsigned long)errno : at;
}

static __attribute__((unused)) unsigned char *map(int fd)
{
	return map_as(fd, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);
}

static __attribute__((unused)) int is_mapped(const void *at)
{
	return (unsigned long)at >= 4096;
}

/* The signal that a child dies of which touches it; 0 if it lives. */
static __attribute__((unused)) int signal_at(volatile unsigned char *at, int writes)
{
	int status = 0, child = fork();

	if (!child) {
		if (writes)
			*at = 1;
		else
			(void)*at;
		exit(0);
	}
	waitpid(child, &status, 0);
	return status & 0x7f;
}

static unsigned char right(unsigned long at)
{
	return (at * 167) ^ ((at >> 8) * 29) ^ (at >> 16);
}

static __attribute__((unused)) void fill(volatile unsigned char *at, unsigned long bytes, int turn)
{
	for (unsigned long i = 0; i < bytes; i++)
		at[i] = right(i) ^ turn;
}

/* How many bytes are not as they were filled in. */
static __attribute__((unused)) long wrong(volatile unsigned char *at, unsigned long bytes, int turn)
{
	long count = 0;

	for (unsigned long i = 0; i < bytes; i++)
		count += at[i] != (unsigned char)(right(i) ^ turn);
	return count;
}

static __attribute__((unused)) int write_to(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY), failed;

	failed = fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text);
	close(fd);
	return failed;
}

static __attribute__((unused)) long meminfo(const char *key)
{
	static char text[4096];
	int fd = open("/proc/meminfo", O_RDONLY), have = read(fd, text, sizeof(text) - 1);
	char *at;

	close(fd);
	text[have > 0 ? have : 0] = 0;
	at = strstr(text, key);
	if (!at)
		return 0;
	for (at += strlen(key); *at == ' '; at++)
		;
	return atol(at);
}
