// SPDX-License-Identifier: GPL-2.0
/*
 * Opens files for reading as one who is root, but has none of its power, and says for each what
 * came of it: "FILE ERRNO".
 *
 *	powerless caps FILE...		user 0 without any capability
 *	powerless userns FILE...	root of a user namespace
 */

static int without_caps(void)
{
	struct { unsigned int version; int pid; } header = { 0x20080522, 0 };
	struct { unsigned int effective, permitted, inheritable; } none[2] = {};

	return syscall(__NR_capset, &header, none);
}

static int in_namespace(void)
{
	int fd;

	if (syscall(__NR_unshare, 0x10000000 /* CLONE_NEWUSER */))
		return -1;
	fd = open("/proc/self/uid_map", O_WRONLY);
	if (fd < 0 || write(fd, "0 0 1", 5) != 5)
		return -1;
	return close(fd);
}

int main(int argc, char **argv)
{
	int n, fd;

	if (argc < 3 || (strcmp(argv[1], "caps") ? in_namespace() : without_caps()))
		return 1;
	for (n = 2; n < argc; n++) {
		fd = open(argv[n], O_RDONLY);
		printf("%s %d\n", argv[n], fd < 0 ? errno : 0);
		if (fd >= 0)
			close(fd);
	}
	return 0;
}
