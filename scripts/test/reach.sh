# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# Where memory lies that a device is given, what translates for it, and what is bounced.

# placed KEY: what the last run says of its first buffer
placed() {
	sed -n "s/^$1 \{1,\}//p" "$MEMLAB/run"
}

# as_wide: lends the edu of a guest whose mask has 32 bits
as_wide() {
	find_edu
	rmmod memlab && insmod /memlab.ko edu_mask=32
	# shellcheck disable=SC2154 # find_edu sets it
	lend "$edu"
}

# A 32-bit device, and memory above 4 GiB.
check_reach() {
	as_wide
	for name in dma-single dma-page dma-phys dma-sg; do
		succeeds "$name maps what it is handed" put "$MEMLAB/run" \
			"$name size=16K direction=to-device iterations=50 device=$edu"
		equal "$name: that lies above the mask" "$(placed out_of_reach)" yes
		equal "$name: and is bounced" "$(placed bounced)" yes
		succeeds "$name maps what its driver allocates" put "$MEMLAB/run" \
			"$name size=16K direction=to-device iterations=50 device=$edu buffers=reachable"
		equal "$name: that lies below" "$(placed out_of_reach)" no
		equal "$name: and is not bounced" "$(placed bounced)" no
	done
	succeeds "what stays mapped is the driver's own" put "$MEMLAB/run" \
		"dma-sync size=16K direction=to-device iterations=50 device=$edu"
	equal "and is not bounced" "$(placed bounced)" no
	matches "an area that lies above the mask is none for it" \
		"$(refusal "cma size=64K device=$edu")" 'no CMA area in its reach'
	succeeds "but for a device with all bits" put "$MEMLAB/run" "cma size=64K iterations=20"
	succeeds "a comparison asks first for what is handed" put "$MEMLAB/compare" \
		"experiments=dma-single,dma-sync,dma-copy device=$edu size=64,16K direction=to-device time=300"
	answer=$(sed '/^# ns per/,$d' "$MEMLAB/compare")
	echo "$answer"
	matches "the bounce has a figure of its own" "$(echo "$answer" | tr -d '#' | tr -s '\n ' ' ')" \
		'may lie above 0xffffffff, .* bounces it, at 64 .*, at 16K [0-9]+ ns instead of [0-9<]+'
	matches "a map is told to be bounced" "$(echo "$answer" | tr -d '#' | tr -s '\n ' ' ')" \
		'a map is bounced here, which is a copy and more'
	succeeds "without a device all memory is reached" put "$MEMLAB/run" \
		"dma-single size=16K iterations=50 buffers=anywhere"
	equal "and nothing is bounced" "$(placed bounced)" no
	give_back "$edu"
}

# The kernel's command line has taken away what lies below 16 MiB.
check_translated() {
	as_wide
	for name in dma-single dma-sg dma-sync; do
		succeeds "$name: behind an IOMMU any memory is reached" put "$MEMLAB/run" \
			"$name size=1M mask=24 direction=to-device iterations=20 device=$edu"
		equal "$name: without a bounce" "$(placed bounced)" no
		equal "$name: wherever it lies" "$(placed out_of_reach)" no
	done
	give_back "$edu"
	matches "nothing translates for the module's own device" \
		"$(put "$MEMLAB/run" "dma-single size=1M mask=24 iterations=20 buffers=reachable")" .
}

# All memory lies above what a device's 28 bits reach, and an IOMMU translates for it.
check_narrow() {
	find_edu
	with_parameters edu_mask=28
	lend "$edu"
	equal "28 bits" "$(cat "$PCI/devices/$edu/dma_mask_bits")" 28
	between "are fewer than an address of memory has" "$MEMORY_BITS" 29 52
	for name in dma-single dma-page dma-phys dma-sg dma-sync transfer-single transfer-sg; do
		succeeds "$name: any memory is reached" put "$MEMLAB/run" \
			"$name size=4K direction=to-device iterations=20 device=$edu"
		equal "$name: nothing fails" "$(placed failures)" 0
		equal "$name: nor is bounced" "$(placed bounced)" no
	done
	give_back "$edu"
	with_parameters
}

# The pool has 512 slots, which eight threads of 128 slots use up.
check_pool_full() {
	as_wide
	put "$MEMLAB/run" \
		"dma-single size=256K threads=8 iterations=500 time=4000 direction=to-device device=$edu"
	matches "maps fail" "$(placed failures)" '^[1-9]'
	equal "the cause is named" "$(placed cause)" bounce-pool-full
	equal "with the pool" "$(placed pool_slots)" "512 of 2048 bytes each (1M)"
	equal "what a map takes" "$(placed asked_slots)" "128 in a row, for each map"
	# shellcheck disable=SC2154 # the kernel's command line says it
	case $counted in
	1)
		matches "its use" "$(placed used_slots)" '^[0-9]+ after the run$'
		# Beyond 512 too: a slot is free for others a moment before the kernel counts it as free.
		between "its high-water mark" "$(placed most_slots | cut -d' ' -f1)" 384 1536
		;;
	*) matches "that it is not counted" "$(placed used_slots)" '^unknown: .*track_hiwater' ;;
	esac
	put "$MEMLAB/run" "dma-single size=4K direction=to-device device=$edu iterations=20"
	equal "what does not fail has no cause" "$(placed cause)" ""
	give_back "$edu"
}
