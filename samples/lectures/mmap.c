// SPDX-License-Identifier: GPL-2.0
/*
 * A shared mapping of a file is the file: read() sees what was stored, before msync(). What lies in
 * the last page behind its end is zero and stays out of it, the page behind that faults. A private
 * mapping is not the file. `mmap FOLDER`.
 */

#include "lecture.h"

int main(int count, char **words)
{
	long page = sysconf(_SC_PAGESIZE);
	char name[256], byte = 0, *shared, *private;
	struct stat stat;
	int file;

	snprintf(name, sizeof(name), "%s/mmap-file", count > 1 ? words[1] : ".");
	file = open(name, O_CREAT | O_TRUNC | O_RDWR, 0600);
	if (file < 0 || ftruncate(file, 100)) {
		perror(name);
		return 1;
	}
	unlink(name);
	shared = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	private = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	if (shared == MAP_FAILED || private == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	shared[10] = 's';
	ok("read() sees a store at once", pread(file, &byte, 1, 10) == 1 && byte == 's');
	private[11] = 'p';
	ok("and none of a private mapping", pread(file, &byte, 1, 11) == 1 && byte == 0);
	ok("which has its own copy", private[11] == 'p' && private[10] == 's');
	ok("behind the end there is nothing", shared[100] == 0);
	shared[100] = 'x';
	fstat(file, &stat);
	row("size of the file after a store behind its end", stat.st_size, "B");
	ok("and a store there is no part of it", stat.st_size == 100);
	catch_bad();
	if (!sigsetjmp(behind, 1)) {
		(void)*(volatile char *)(shared + page);
		bad.si_signo = 0;
	}
	row("signal of the page behind", bad.si_signo, "(7 is SIGBUS)");
	ok("the page behind the last one faults", bad.si_signo == SIGBUS);
	return end();
}
