// SPDX-License-Identifier: GPL-2.0
/*
 * Dma-bufs between memlab and others: those of a memory heap or of udmabuf, which a device of
 * memlab's has for a while; and memlab's own, which the kernel's own drivers take.
 *
 *	importers heap DEVICE	another's dma-buf is carried by an edu, and measured
 *	importers vgem CARD	a graphics driver imports ours, and maps it
 *	importers vivid NODE	a camera captures into ours
 *	importers contig NODE	the same through a device: whoever has no pages for it is refused
 */
#include "buffer.h"
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <linux/videodev2.h>

#define MILLION	1000000L

/* include/uapi/drm/drm.h, which is not among the headers of every kernel. */
struct prime_handle {
	__u32 handle;
	__u32 flags;
	__s32 fd;
};

#define PRIME_HANDLE_TO_FD	_IOWR('d', 0x2d, struct prime_handle)
#define PRIME_FD_TO_HANDLE	_IOWR('d', 0x2e, struct prime_handle)

struct gem_close {
	__u32 handle;
	__u32 pad;
};

#define GEM_CLOSE		_IOW('d', 0x09, struct gem_close)
/* DRM_FILE_PAGE_OFFSET_START, in bytes: where the first object of a card is mapped. */
#define FIRST_OBJECT		0x100000000ULL

static long now_us(void)
{
	struct timeval now;

	gettimeofday(&now, 0);
	return (now.tv_sec % 1000) * MILLION + now.tv_usec;
}

/* The device goes and comes back at once, whoever still has a buffer: in less than a second. */
static void unbind(const char *name, int kind)
{
	long began = now_us(), took;

	equal(of(name, kind), write_to(OWN_DRIVER "unbind", "memlab"), 0);
	took = now_us() - began;
	result(of("which waits for nobody", kind), took >= 0 && took < MILLION, took, MILLION);
}

static void bind(int kind)
{
	equal(of("the device comes back", kind), write_to(OWN_DRIVER "bind", "memlab"), 0);
}

/* Another's: of a memory heap, or of this program's own memory. */
static int another(void)
{
	struct dma_heap_allocation_data heap = { .len = SIZE, .fd_flags = O_RDWR };
	struct udmabuf_create wanted = { .flags = 0, .offset = 0, .size = SIZE };
	int fd = open("/dev/dma_heap/system", O_RDWR), memory;

	if (fd >= 0) {
		equal("a heap gives one", call(fd, DMA_HEAP_IOCTL_ALLOC, &heap), 0);
		close(fd);
		return heap.fd;
	}
	/* Sealed, so that it cannot shrink: F_ADD_SEALS, F_SEAL_SHRINK. */
	memory = syscall(__NR_memfd_create, "memlab", 2 /* MFD_ALLOW_SEALING */);
	equal("it has its size", ftruncate(memory, SIZE), 0);
	equal("and keeps it", syscall(__NR_fcntl, memory, 1033, 2), 0);
	wanted.memfd = memory;
	fd = open("/dev/udmabuf", O_RDWR);
	memory = ioctl(fd, UDMABUF_CREATE, &wanted);
	result("udmabuf makes one", memory >= 0, errno, 0);
	close(fd);
	return memory;
}

static int carry_for(int session, const char *device, int fd, int way, unsigned long offset,
		     unsigned long bytes, unsigned long inside)
{
	struct memlab_buffer_transfer arg = { .size = sizeof(arg), .fd = fd, .way = way,
					      .offset = offset, .bytes = bytes,
					      .device_offset = inside };

	snprintf(arg.device, sizeof(arg.device), "%s", device);
	return call(session, MEMLAB_IOC_BUFFER_TRANSFER, &arg);
}

/* What a run of a line is refused with; 0 where it is not. */
static int run_line(int session, const char *line, char *message)
{
	struct memlab_run arg = { .size = sizeof(arg), .node = MEMLAB_NODE_ANY,
				  .outcome = (__u64)(unsigned long)&outcome,
				  .outcome_size = sizeof(outcome),
				  .line = (__u64)(unsigned long)line,
				  .line_length = strlen(line) };
	int error;

	memset(&outcome, 0, sizeof(outcome));
	error = call(session, MEMLAB_IOC_RUN, &arg);
	snprintf(message, 200, "%s", arg.message);
	return error;
}

/* The experiments about a dma-buf: this one's. */
static void measure(int session, int fd, const char *device, int refused)
{
	static const char *const names[] = { "dmabuf-import", "dmabuf-sync" };
	char line[160], said_of[200];

	for (int i = 0; i < 2; i++) {
		snprintf(line, sizeof(line), "%s fd=%d size=%d device=%s iterations=50 warmup=2",
			 names[i], fd, SIZE, device);
		equal(names[i], run_line(session, line, said_of),
		      refused && i ? EOPNOTSUPP : 0);
		if (refused) {
			if (i)
				continue;
			equal("each of them fails", outcome.failures[0].count >= 50, 1);
			equal("as its exporter says", outcome.failures[0].error, EOPNOTSUPP);
			equal("and is no sample", outcome.phases[0].count, 0);
			continue;
		}
		equal("each is a sample", outcome.phases[0].count, 50);
		equal("and none fails", outcome.failures[0].count, 0);
		result("the device sees it", outcome.dma != MEMLAB_NO_ADDRESS, 0, 1);
		printf("# %s: %llu ns, and back %llu, in the least\n", names[i],
		       (unsigned long long)outcome.phases[0].min,
		       (unsigned long long)outcome.phases[1].min);
	}
	snprintf(line, sizeof(line), "dmabuf-import fd=%d size=4096", fd);
	equal("another size", run_line(session, line, said_of), ERANGE);
	said("the right one is told", said_of, "has 65536 bytes");
	snprintf(line, sizeof(line), "dmabuf-import size=4096");
	equal("no descriptor", run_line(session, line, said_of), EINVAL);
	said("it is asked for", said_of, "needs the descriptor of a dma-buf");
	snprintf(line, sizeof(line), "dmabuf-import fd=%d size=4096", session);
	equal("a session's", run_line(session, line, said_of), EINVAL);
	said("it is named", said_of, "not of a dma-buf");
	snprintf(line, sizeof(line), "dmabuf-import fd=4095 size=4096");
	equal("none", run_line(session, line, said_of), EINVAL);
	said("it is named", said_of, "no open descriptor");
}

static int heap(int session, const char *device)
{
	int fd = another(), own;
	unsigned char *at = map(fd);
	long wrongs[2] = { 0, 0 };

	equal("it is mapped", is_mapped(at), 1);
	sync_with(fd, DMA_BUF_SYNC_RW);
	fill(at, SIZE, 8);
	sync_with(fd, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END);
	equal("without a device it is refused", carry(session, fd, MEMLAB_TO_DEVICE, 0, 8, 0),
	      EINVAL);
	/* From the middle of a page into the next one, and back to another place. */
	equal("carried to the device",
	      carry_for(session, device, fd, MEMLAB_TO_DEVICE, page_size - 1000, 3000, 96), 0);
	equal("and from it",
	      carry_for(session, device, fd, MEMLAB_FROM_DEVICE, 3 * page_size + 8, 3000, 96), 0);
	sync_with(fd, DMA_BUF_SYNC_RW);
	for (unsigned long i = 0; i < SIZE; i++) {
		unsigned long from = i - 3 * page_size - 8;

		wrongs[from < 3000] += at[i] !=
			(unsigned char)(right(from < 3000 ? page_size - 1000 + from : i) ^ 8);
	}
	sync_with(fd, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END);
	equal("all bytes are carried", wrongs[1], 0);
	equal("and none beside", wrongs[0], 0);
	/* The control: what was not carried is not there. */
	fill(at, SIZE, 9);
	result("other bytes are seen to be others", wrong(at, 3000, 8) > 2000, wrong(at, 3000, 8),
	       3000);
	equal("over the end",
	      carry_for(session, device, fd, MEMLAB_TO_DEVICE, SIZE - 1, 2, 0), ERANGE);
	equal("for no such device",
	      carry_for(session, "nosuch", fd, MEMLAB_TO_DEVICE, 0, 8, 0), ENODEV);
	measure(session, fd, device, 0);
	munmap(at, SIZE);
	close(fd);
	own = alloc(session, MEMLAB_BUFFER_COHERENT, SIZE, "memlab", 0);
	measure(session, own, "memlab", 1);
	equal("the device's memory is not for another one",
	      carry_for(session, device, own, MEMLAB_TO_DEVICE, 0, 8, 0), EOPNOTSUPP);
	close(own);
	return 0;
}

static int vgem(int session, const char *card)
{
	int drm = open(card, O_RDWR);

	result("the card is there", drm >= 0, errno, 0);
	for (int kind = 0; kind < KINDS; kind++) {
		int fd = alloc(session, kind, SIZE, "memlab", 0);
		struct prime_handle prime = { .fd = fd }, back = { .flags = O_RDWR };
		struct gem_close gone = { 0 };
		unsigned char *at, *through;

		if (fd < 0 && kind == MEMLAB_BUFFER_CMA)
			continue;
		if (kind >= OWN) {
			equal(of("is refused by a graphics driver", kind),
			      call(drm, PRIME_FD_TO_HANDLE, &prime), EOPNOTSUPP);
			close(fd);
			continue;
		}
		at = map(fd);
		fill(at, SIZE, 10);
		equal(of("is imported", kind), call(drm, PRIME_FD_TO_HANDLE, &prime), 0);
		result(of("by a handle", kind), prime.handle != 0, prime.handle, 1);
		through = (void *)syscall(__NR_mmap, 0, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
					  drm, FIRST_OBJECT);
		result(of("mapped through the handle", kind), (long)through > 0 ||
		       (unsigned long)through < -4095UL, (long)through, 1);
		if ((unsigned long)through < -4095UL) {
			equal(of("has the same bytes", kind), wrong(through, SIZE, 10), 0);
			through[5] = 77;
			equal(of("in the same memory", kind), at[5], 77);
		}
		close(fd);
		unbind("the device goes while a card has it", kind);
		if ((unsigned long)through < -4095UL) {
			equal(of("the card's mapping stays", kind), through[5], 77);
			through[6] = 78;
			equal(of("and is still the same memory", kind), at[6], 78);
		}
		bind(kind);
		back.handle = prime.handle;
		equal(of("given back by the card", kind), call(drm, PRIME_HANDLE_TO_FD, &back), 0);
		equal(of("it is the same buffer", kind), facts(session, back.fd).kind, kind);
		close(back.fd);
		if ((unsigned long)through < -4095UL)
			munmap(through, SIZE);
		gone.handle = prime.handle;
		equal(of("let go", kind), call(drm, GEM_CLOSE, &gone), 0);
		munmap(at, SIZE);
	}
	close(drm);
	return 0;
}

/* A format of a picture that fits into a buffer, without the camera's clock in it. */
static unsigned long set_up(int video)
{
	struct v4l2_format format = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
	/* "OSD Text Mode": none. drivers/media/test-drivers/vivid/vivid-ctrls.c */
	struct v4l2_control osd = { .id = 0x00f0f000 + 1, .value = 2 };
	int input = 0;

	call(video, VIDIOC_S_INPUT, &input);
	equal("no clock in the picture", call(video, VIDIOC_S_CTRL, &osd), 0);
	/* The smallest that it has. */
	format.fmt.pix.width = 320;
	format.fmt.pix.height = 180;
	format.fmt.pix.pixelformat = V4L2_PIX_FMT_GREY;
	equal("a format", call(video, VIDIOC_S_FMT, &format), 0);
	printf("# %u x %u, %u bytes\n", format.fmt.pix.width, format.fmt.pix.height,
	       format.fmt.pix.sizeimage);
	return format.fmt.pix.sizeimage;
}

static int requested(int video, int memory, int count)
{
	struct v4l2_requestbuffers wanted = { .count = count, .memory = memory,
					      .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };

	return call(video, VIDIOC_REQBUFS, &wanted);
}

static struct v4l2_buffer queued(int memory, int index, int fd, unsigned long bytes)
{
	struct v4l2_buffer buffer = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = memory,
				      .index = index, .length = bytes };

	if (memory == V4L2_MEMORY_DMABUF)
		buffer.m.fd = fd;
	return buffer;
}

/* One picture into the camera's own memory, to compare with. */
static void taken(int video, unsigned char *picture, unsigned long bytes)
{
	struct v4l2_buffer buffer;
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	unsigned char *at;

	equal("the camera's own memory", requested(video, V4L2_MEMORY_MMAP, 2), 0);
	buffer = queued(V4L2_MEMORY_MMAP, 0, 0, 0);
	call(video, VIDIOC_QUERYBUF, &buffer);
	at = mmap(0, buffer.length, PROT_READ, MAP_SHARED, video, buffer.m.offset);
	for (int i = 0; i < 2; i++) {
		buffer = queued(V4L2_MEMORY_MMAP, i, 0, 0);
		call(video, VIDIOC_QBUF, &buffer);
	}
	equal("it runs", call(video, VIDIOC_STREAMON, &type), 0);
	do {
		buffer = queued(V4L2_MEMORY_MMAP, 0, 0, 0);
		if (call(video, VIDIOC_DQBUF, &buffer))
			break;
	} while (buffer.index);
	memcpy(picture, at, bytes);
	munmap(at, buffer.length);
	call(video, VIDIOC_STREAMOFF, &type);
	requested(video, V4L2_MEMORY_MMAP, 0);
}

static long differ(const unsigned char *one, const unsigned char *other, unsigned long bytes)
{
	long count = 0;

	for (unsigned long i = 0; i < bytes; i++)
		count += one[i] != other[i];
	return count;
}

static int vivid(int session, const char *node, int contiguous)
{
	static unsigned char picture[SIZE];
	int video = open(node, O_RDWR), type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	unsigned long bytes;
	long colours = 0;

	result("the camera is there", video >= 0, errno, 0);
	bytes = set_up(video);
	result("a picture fits", bytes > 0 && bytes <= SIZE, bytes, SIZE);
	taken(video, picture, bytes);
	for (unsigned long i = 4; i < bytes; i++)
		colours += picture[i] != picture[i - 4];
	result("it shows something", colours > 100, colours, 100);
	for (int kind = 0; kind < KINDS; kind++) {
		int fd[2], there = 1;
		struct v4l2_buffer buffer;
		unsigned char *at;

		for (int i = 0; i < 2; i++) {
			fd[i] = alloc(session, kind, SIZE, "memlab", 0);
			there &= fd[i] >= 0;
		}
		if (!there && kind == MEMLAB_BUFFER_CMA)
			continue;
		equal(of("buffers for a camera", kind),
		      requested(video, V4L2_MEMORY_DMABUF, 2), 0);
		buffer = queued(V4L2_MEMORY_DMABUF, 0, fd[0], SIZE);
		if (kind >= OWN) {
			/*
			 * Without a device it asks for a vmap, which there is none of, and
			 * says so in its own way.
			 */
			equal(of("is refused by a camera", kind),
			      call(video, VIDIOC_QBUF, &buffer),
			      contiguous ? EOPNOTSUPP : EFAULT);
			goto next;
		}
		/* A device without an IOMMU has to have it in one piece. */
		if (contiguous && kind != MEMLAB_BUFFER_CMA)
			goto next;
		at = map(fd[0]);
		result(of("no picture yet", kind), differ(at, picture, bytes) > 100,
		       differ(at, picture, bytes), 100);
		equal(of("is taken by a camera", kind), call(video, VIDIOC_QBUF, &buffer), 0);
		buffer = queued(V4L2_MEMORY_DMABUF, 1, fd[1], SIZE);
		equal(of("and a second one", kind), call(video, VIDIOC_QBUF, &buffer), 0);
		equal(of("it runs", kind), call(video, VIDIOC_STREAMON, &type), 0);
		buffer = queued(V4L2_MEMORY_DMABUF, 0, 0, 0);
		equal(of("a picture comes", kind), call(video, VIDIOC_DQBUF, &buffer), 0);
		equal(of("into the first", kind), buffer.index, 0);
		equal(of("it is the same picture", kind), differ(at, picture, bytes), 0);
		unbind("the device goes while a camera has it", kind);
		memset(at, 0, bytes);
		buffer = queued(V4L2_MEMORY_DMABUF, 0, fd[0], SIZE);
		equal(of("the camera goes on", kind), call(video, VIDIOC_QBUF, &buffer), 0);
		do {
			buffer = queued(V4L2_MEMORY_DMABUF, 0, 0, 0);
			if (call(video, VIDIOC_DQBUF, &buffer))
				break;
			if (buffer.index) {
				buffer = queued(V4L2_MEMORY_DMABUF, 1, fd[1], SIZE);
				call(video, VIDIOC_QBUF, &buffer);
				buffer.index = 1;
			}
		} while (buffer.index);
		equal(of("and the picture comes again", kind), differ(at, picture, bytes), 0);
		call(video, VIDIOC_STREAMOFF, &type);
		bind(kind);
		munmap(at, SIZE);
next:
		requested(video, V4L2_MEMORY_DMABUF, 0);
		close(fd[0]);
		close(fd[1]);
	}
	close(video);
	return 0;
}

int main(int argc, char **argv)
{
	int session = open("/dev/memlab", O_RDWR);

	page_size = getpagesize();
	page_shift = __builtin_ctzl(page_size);
	result("it opens", session >= 0, errno, 0);
	if (session < 0 || argc < 3)
		return 1;
	if (!strcmp(argv[1], "heap"))
		return heap(session, argv[2]);
	if (!strcmp(argv[1], "vgem"))
		return vgem(session, argv[2]);
	return vivid(session, argv[2], !strcmp(argv[1], "contig"));
}
