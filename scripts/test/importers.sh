# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# Dma-bufs of others for a device of memlab's, and memlab's own for the kernel's own drivers:
# scripts/test/importers.c says ok and not ok.
# shellcheck disable=SC2154 # find_edu sets edu and edu_mask

check_buffer_heap() {
	find_edu
	with_parameters edu_mask="$edu_mask"
	succeeds "an edu is lent" lend "$edu"
	/check/importers heap "$edu" || fail "the program" "status $?"
	give_back "$edu"
	succeeds "it loads without parameters" with_parameters
}

# kernels_own NAME [PARAMETERS]: a module of the kernel's, behind what it needs
kernels_own() {
	local driver
	for driver in /modules/*.ko; do
		case $driver in
		# One of another check's.
		*-vgem.ko | *-vivid.ko) ;;
		# It may be there already.
		*) insmod "$driver" 2>/dev/null ;;
		esac
	done
	# shellcheck disable=SC2086 # they are words
	succeeds "$1 is loaded" insmod /modules/*-"$1".ko $2
}

# Nobody has anything of memlab's any more.
nothing_left() {
	succeeds "it goes: rmmod $1" rmmod "$1"
	succeeds "rmmod, with nothing left" rmmod memlab
	equal "no dma-buf of memlab's is left" "$(grep -c memlab /sys/kernel/debug/dma_buf/bufinfo)" 0
	succeeds "insmod" load
}

check_buffer_vgem() {
	kernels_own vgem
	# The kernel may have a card of its own.
	card=$(basename "$(echo /sys/devices/*/vgem/drm/card*)")
	/check/importers vgem "/dev/dri/$card" || fail "the program" "status $?"
	nothing_left vgem
}

check_buffer_vivid() {
	# Two cameras and nothing else: one maps what it has itself, one has it mapped for its device.
	kernels_own vivid "n_devs=2 node_types=1,1 allocators=0,1"
	/check/importers vivid /dev/video0 || fail "the program" "status $?"
	nothing_left vivid
	kernels_own vivid "n_devs=2 node_types=1,1 allocators=0,1"
	/check/importers contig /dev/video1 || fail "the program" "status $?"
	succeeds "it goes: rmmod vivid" rmmod vivid
	# In __prepare_dmabuf() videobuf2 of 7.3 puts no dma-buf that it could not attach: those that were
	# refused stay, without a page of the device's once that is unbound, and memlab with them.
	echo "# refused, and not put: $(grep -c memlab /sys/kernel/debug/dma_buf/bufinfo)"
}

# view: beside what the page tables say to another look of this boot, the walk of buffer.c
check_view() {
	local said
	said=$(memlab view --bytes 64K --time 2) || fail "view" "status $?: $said"
	matches "ordinary memory" "$said" '^ordinary +cached '
	matches "and the kinds" "$said" '^noncontiguous +[a-z-]+ +[a-z-]+ '
	equal "in 80 columns" "$(echo "$said" | grep -E ".{81}")" ""
	if [ "$ARCH" = x86_64 ]; then
		matches "one kind" "$said" '^One kind of memory to a program here: cached'
		matches "none needs a sync" "$said" 'No kind is'
	else
		# The module's device is one that the caches do not follow.
		with_parameters coherent=0
		said=$(memlab view --bytes 64K --time 2)
		echo "$said"
		equal "in 80 columns too" "$(echo "$said" | grep -E ".{81}")" ""
		matches "several kinds" "$said" '^[23] kinds of memory to a program'
		matches "coherent memory is not cached" "$said" '^coherent +(uncached|write-combined) '
		matches "pages are" "$said" '^pages +cached '
		matches "and need a sync" "$said" 'A sync is needed for pages, vmalloc'
		with_parameters
	fi
	matches "rows" "$(memlab view --bytes 64K --time 2 pages --csv)" \
		'^pages,cached,[a-z-]+,(yes|no),read_word,MB/s,[0-9.]+,'
	matches "a document" "$(memlab view --bytes 64K --time 2 pages --json)" '"kind": "pages"'
	matches "what holds" "$(memlab view --bytes 64K --time 2 pages --ktap)" '^ok 1 pages: program'
	memlab view nosuch 2>/dev/null
	equal "no such kind" $? 2
	memlab view --device nosuch 2>/tmp/view && fail "no such device" "it went on"
	matches "a device that is not lent is named" "$(cat /tmp/view)" 'device=nosuch: not lent'
	memlab view --bytes 1 2>/tmp/view && fail "too few bytes" "it went on"
	matches "the range is told" "$(cat /tmp/view)" 'bytes=1: out of range, 4K to 16M'
}

