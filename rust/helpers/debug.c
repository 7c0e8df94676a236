// SPDX-License-Identifier: GPL-2.0
/*
 * What is switched on in this kernel that slows what is measured. What is
 * built in and off costs next to nothing, so that nothing is said of it.
 */

#include <linux/cc_platform.h>
#include <linux/dcache.h>
#include <linux/debug_locks.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/gfp.h>
#include <linux/kernfs.h>
#include <linux/kfence.h>
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/timekeeping.h>
#include <linux/tracepoint.h>
#include "arch.h"

/*
 * Neither lets its switch be seen, but debugfs has page_owner's file only
 * where it is on, and a bool's file knows where the bool is.
 */
static bool memlab_page_owner(void)
{
	struct dentry *file;

	if (!IS_ENABLED(CONFIG_PAGE_OWNER))
		return false;
	file = debugfs_lookup("page_owner", NULL);
	dput(file);
	return file;
}

static bool memlab_dma_debug(void)
{
	struct dentry *dir, *file;
	bool on = true;

	if (!IS_ENABLED(CONFIG_DMA_API_DEBUG))
		return false;
	dir = debugfs_lookup("dma-api", NULL);
	file = dir ? debugfs_lookup("disabled", dir) : NULL;
	if (file)
		on = !READ_ONCE(*(bool *)d_inode(file)->i_private);
	dput(file);
	dput(dir);
	return on;
}

#ifdef CONFIG_SYSFS
/* A node of sysfs by the names on the way from its root; NULL if there is none. To be put. */
static struct kernfs_node *memlab_sysfs(const char * const *names)
{
	/* The root stays. */
	struct kernfs_node *node = rcu_access_pointer(kernel_kobj->sd->__parent), *next;

	kernfs_get(node);
	for (; node && *names; names++) {
		next = kernfs_find_and_get(node, *names);
		kernfs_put(node);
		node = next;
	}
	return node;
}

/*
 * The clocksource behind ktime_get(), as sysfs shows it: the timekeeper's own is private, and an id
 * for it have some only, neither hpet nor acpi_pm.
 */
static void memlab_clocksource(char *name, size_t size)
{
	static const char * const path[] = {
		"devices", "system", "clocksource", "clocksource0", NULL
	};
	struct kernfs_node *dir = memlab_sysfs(path), *file = NULL;
	char *page = (char *)__get_free_page(GFP_KERNEL);
	struct device_attribute *attribute;

	if (dir)
		file = kernfs_find_and_get(dir, "current_clocksource");
	if (file && page) {
		attribute = container_of((struct attribute *)file->priv,
					 struct device_attribute, attr);
		if (attribute->show(kobj_to_dev(dir->priv), attribute, page) > 0)
			strscpy(name, strim(page), size);
	}
	free_page((unsigned long)page);
	kernfs_put(file);
	kernfs_put(dir);
}
#else
static void memlab_clocksource(char *name, size_t size)
{
}
#endif

#if defined(CONFIG_SLUB_DEBUG) && defined(CONFIG_SYSFS)
/* Whether the attribute @name of @object, which shows one number, shows another one than 0. */
static bool memlab_attribute(struct kobject *object, const char *name, char *page)
{
	const struct kobj_type *type = get_ktype(object);
	const struct attribute_group **group = type ? type->default_groups : NULL;
	struct attribute **attribute;

	for (; group && *group; group++)
		for (attribute = (*group)->attrs; attribute && *attribute; attribute++)
			if (!strcmp((*attribute)->name, name))
				return type->sysfs_ops->show(object, *attribute, page) > 0 &&
				       page[0] != '0';
	return false;
}

/*
 * A slab cache is private, but not what sysfs says of it: asked of one of
 * kmalloc()'s, which slab_debug= covers if it names no other.
 */
static bool memlab_slab_debug(void)
{
	static const char * const names[] = {
		"sanity_checks", "red_zone", "poison", "store_user", "trace"
	};
	struct kernfs_node *slab, *cache = NULL, *node;
	char *page = (char *)__get_free_page(GFP_KERNEL);
	bool on = false;
	int i;

	slab = kernfs_find_and_get(kernel_kobj->sd, "slab");
	if (slab)
		cache = kernfs_find_and_get(slab, "kmalloc-64");
	if (cache && page) {
		/* One that is merged with others is a link. */
		node = kernfs_type(cache) == KERNFS_LINK ? cache->symlink.target_kn : cache;
		for (i = 0; i < ARRAY_SIZE(names); i++)
			on |= memlab_attribute(node->priv, names[i], page);
	}
	kernfs_put(cache);
	kernfs_put(slab);
	free_page((unsigned long)page);
	return on;
}
#else
static bool memlab_slab_debug(void)
{
	return false;
}
#endif

#ifdef CONFIG_TRACEPOINTS
/* Those that stand in what is measured, and that no run of our own listens to. */
static void memlab_tracepoint(struct tracepoint *tp, void *data)
{
	static const char * const begins[] = {
		"kmalloc", "kfree", "kmem_cache_", "mm_page_", "dma_", "map", "unmap", "swiotlb_",
		"alloc_vmap_area", "purge_vmap_area", "free_vmap_area",
	};
	const char **found = data;
	int i;

	for (i = 0; i < ARRAY_SIZE(begins); i++)
		if (!*found && str_has_prefix(tp->name, begins[i]) &&
		    static_key_enabled(&tp->key))
			*found = tp->name;
}

static const char *memlab_tracepoint_on(void)
{
	const char *found = NULL;

	for_each_kernel_tracepoint(memlab_tracepoint, &found);
	return found;
}
#else
static const char *memlab_tracepoint_on(void)
{
	return NULL;
}
#endif

void memlab_debug(struct memlab_debug *out)
{
	memset(out, 0, sizeof(*out));
	memlab_clocksource(out->clocksource, sizeof(out->clocksource));
	out->init_on_alloc = want_init_on_alloc(0);
	out->init_on_free = want_init_on_free();
	out->page_poisoning = page_poisoning_enabled();
	out->page_alloc = debug_pagealloc_enabled();
	out->page_owner = memlab_page_owner();
	out->slab_debug = memlab_slab_debug();
	out->dma_debug = memlab_dma_debug();
	out->locks = IS_ENABLED(CONFIG_PROVE_LOCKING) && READ_ONCE(debug_locks);
	out->profiling = mem_alloc_profiling_enabled();
	out->encryption = cc_platform_has(CC_ATTR_MEM_ENCRYPT);
	out->confidential = cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT);
	out->kfence_ms = kfence_sample_interval;
	out->tracepoint = memlab_tracepoint_on();
	out->traced = memlab_arch_traced(ktime_get) || memlab_arch_traced(kfree);
}
