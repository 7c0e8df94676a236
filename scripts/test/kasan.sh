# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# KASAN sees a wrong access in a module: without that, a boot in which it says nothing says nothing.

# planted WHAT: what the kernel says while a module makes that access
planted() {
	insmod /check/planted.ko what="$1" && rmmod planted
	dmesg -c | grep 'BUG: KASAN'
}

# Its reports were asked for, so they go neither to the console nor into what is looked through.
check_kasan() {
	local what bug
	dmesg -c
	dmesg -n 1
	equal "a right access is none" "$(planted right)" ""
	for what in beyond:slab-out-of-bounds freed:slab-use-after-free page:use-after-free \
		vmalloc:vmalloc-out-of-bounds; do
		bug=${what#*:} what=${what%:*}
		matches "it sees what is wrong with $what" "$(planted "$what")" "KASAN: $bug in .* \\[planted\\]"
	done
	dmesg -n 4
}
