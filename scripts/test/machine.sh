# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# What differs by architecture, and by the size of a page. ARCH and EDU_BITS come from the host.
# shellcheck disable=SC2034 # the other files use them

# The width of an address in ZONE_DMA, and of the first one of memory; and how many pieces of a
# byte a list may have: arm64 bounces what is smaller than a cache line for a device that is not
# coherent, and a guest of 1 GiB keeps 512 places for that.
case $ARCH in
x86_64) ZONE_DMA_BITS=24 MEMORY_BITS=0 PIECES=1024 ;;
# QEMU's boards have their memory from 1 GiB on; on arm64 ZONE_DMA is all of it.
arm) ZONE_DMA_BITS=none MEMORY_BITS=30 PIECES=1024 ;;
arm64) ZONE_DMA_BITS=32 MEMORY_BITS=30 PIECES=256 ;;
esac

# The bytes of a page, and of the largest block of the buddy allocator.
PAGE=$(awk '$1 == "KernelPageSize:" { print $2 * 1024; exit }' /proc/self/smaps)
BLOCK=$((PAGE << $(awk '{ print NF - 5; exit }' /proc/buddyinfo)))

# whole BYTES: as many as whole pages have
whole() {
	echo $((($1 + PAGE - 1) / PAGE * PAGE))
}
