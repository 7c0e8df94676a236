// SPDX-License-Identifier: GPL-2.0
/*
 * One wrong access to memory for each value of its parameter "what": only for
 * the test that KASAN sees such things in a module, and says what they are.
 *
 *	right	the last byte of what was allocated
 *	beyond	the byte behind it
 *	freed	a byte of what was given back
 *	page	a byte of a page that was given back
 *	vmalloc	the byte behind what vmalloc() was asked for, on the same page
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#define SIZE 100

static char *what = "";
module_param(what, charp, 0444);

static u8 byte_of(const u8 *memory, size_t at)
{
	return READ_ONCE(memory[at]);
}

static int __init planted_init(void)
{
	u8 *memory = kmalloc(SIZE, GFP_KERNEL);
	u8 *mapped = vmalloc(SIZE);
	u8 *page = (u8 *)__get_free_page(GFP_KERNEL);
	int error = memory && mapped && page ? 0 : -ENOMEM;

	if (!error && !strcmp(what, "right"))
		WRITE_ONCE(memory[SIZE - 1], 1);
	else if (!error && !strcmp(what, "beyond"))
		byte_of(memory, SIZE);
	else if (!error && !strcmp(what, "vmalloc"))
		byte_of(mapped, SIZE);
	kfree(memory);
	vfree(mapped);
	free_page((unsigned long)page);
	if (!error && !strcmp(what, "freed"))
		byte_of(memory, 0);
	else if (!error && !strcmp(what, "page"))
		byte_of(page, 0);
	return error;
}

static void __exit planted_exit(void)
{
}

module_init(planted_init);
module_exit(planted_exit);
MODULE_DESCRIPTION("Wrong accesses to memory, for a test");
MODULE_LICENSE("GPL");
