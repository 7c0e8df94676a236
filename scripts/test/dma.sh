# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# Every DMA API at several sizes and in each direction, and what is refused of them.

# refusal LINE: what a run of LINE is refused with, or nothing
refusal() {
	put "$MEMLAB/run" "$1" >/dev/null
	sed -n '1s/^refused //p' "$MEMLAB/run"
}

# works LINE: it runs without a failure.
works() {
	local rest
	if ! echo "$1 iterations=3 warmup=1 mode=op" >"$MEMLAB/run" 2>/dev/null; then
		echo "$1: $(head -n 1 "$MEMLAB/run")" >>/tmp/wrong
		return
	fi
	line_of failures "$MEMLAB/run"
	[ "$rest" = 0 ] || echo "$1: $rest failures" >>/tmp/wrong
}

# each NAMES DIRECTIONS: all sizes; a direction "-" for what has none
each() {
	for name in $1; do
		: >/tmp/wrong
		for size in $sizes; do
			for direction in $2; do
				case $direction in
				-) works "$name size=$size" ;;
				*) works "$name size=$size direction=$direction" ;;
				esac
			done
		done
		quiet "$name works at every size, $2" /tmp/wrong
	done
}

check_dma() {
	# What is large takes seconds where everything is checked.
	sizes=64K large=1M
	[ "$ORIGIN" != stock ] || sizes="64 4K 64K" large=8M
	each "dma-coherent dma-wc dma-contiguous dma-single-pages dma-no-mapping dma-pool" -
	each "access-cached access-coherent access-wc access-noncoherent" -
	each "dma-noncoherent noncoherent-sync dma-noncontiguous dma-single dma-page dma-phys \
		dma-sync dma-sg dma-copy" "bidirectional to-device from-device"
	: >/tmp/wrong
	for name in dma-pool dma-sg dma-sync access-wc; do
		works "$name size=1"
	done
	works "dma-single size=5000 offset=4095"
	works "dma-phys size=1 offset=1 direction=from-device"
	works "dma-sg size=$PIECES entries=$PIECES offset=7"
	works "dma-sg size=64K entries=1"
	works "dma-sg size=$large"
	works "dma-sg size=64K"
	equal "the pieces of a list do not touch" "$(field extents)" $((65536 / PAGE))
	works "dma-sync size=64K offset=4000 sync=1000"
	works "dma-sync size=64K offset=4095"
	works "dma-coherent size=1M mask=33"
	works "dma-single size=4K mask=32"
	quiet "offsets, entries, parts and masks" /tmp/wrong
	equal "the device has its own masks back" \
		"$(awk '$1 == "memlab" { print $4, $5 }' "$MEMLAB/device")" \
		"0xffffffffffffffff 0xffffffffffffffff"
}

check_dma_refusals() {
	range="Numerical result out of range"
	refused "no direction" run "Invalid argument" "direction=none: unknown" \
		"dma-single direction=none"
	refused "a direction where there is none" run "Invalid argument" "direction=to-device: dma-pool" \
		"dma-pool direction=to-device"
	refused "no bytes" run "$range" "size=0: " "dma-sg size=0"
	refused "a mask of too few bits" run "$range" "mask=23: .* 24 to 64 bits" "dma-single mask=23"
	refused "a mask of too many" run "$range" "mask=65: .* 24 to 64 bits" "dma-coherent mask=65"
	refused "a mask without a device" run "Invalid argument" "mask=32: access-cached has no mask" \
		"access-cached mask=32"
	refused "an offset beyond a page" run "$range" "offset=$PAGE: .* 0 to $((PAGE - 1))" \
		"dma-page offset=$PAGE"
	refused "an offset beyond memory" run "$range" "offset=1: .*$BLOCK bytes" \
		"dma-phys size=$BLOCK offset=1"
	refused "a part beyond the buffer" run "$range" "sync=100: with offset=4000" \
		"dma-sync size=4K offset=4000 sync=100"
	refused "an offset behind the buffer" run "$range" "sync=0: with offset=64" \
		"dma-sync size=64 offset=64"
	refused "too many entries" run "$range" "entries=1025: .* 0 to 1024" "dma-sg entries=1025"
	refused "more entries than bytes" run "$range" "entries=65: .*size=64" \
		"dma-sg size=64 entries=65"
	refused "an entry that is too long" run "$range" "entries=1: of 131072 bytes, .* 65536" \
		"dma-sg size=128K entries=1"
	refused "more than is to be had" run "Cannot allocate memory" "size=1073741824 " \
		"dma-coherent size=1G"
	if grep -q 'zone *DMA ' /proc/zoneinfo && [ "$ZONE_DMA_BITS" = 24 ]; then
		# Four of the largest blocks are more than 16 MiB less what is reserved: the threads that
		# got theirs do not go on for the time of the run.
		refused "what one of the threads cannot have" run "Cannot allocate memory" \
			"ENOMEM dma-single: errno -12 while setting up 4 thread" \
			"dma-single size=4M mask=24 threads=4 iterations=10000000 time=3600000"
	fi
	refused "a transfer in a table" compare "Invalid argument" \
		"experiments=transfer-single: unknown" "experiments=dma-single,transfer-single"
	refused "addresses without an IOMMU" run "Operation not supported" "needs an IOMMU" dma-iova
	if [ "$MEMORY_BITS" -gt 24 ]; then
		refused "a mask that reaches no memory" run "$range" "mask=24: this platform" \
			"dma-coherent mask=24"
	else
		put "$MEMLAB/run" "dma-single mask=24 iterations=10"
		equal "streaming memory for 24 bits" "$(awk '$1 == "zone" { print $2 }' "$MEMLAB/run")" DMA
	fi
}

# On ARM with the CMA area in low memory: KUnit's boot has it in high memory.
check_dma_place() {
	rmmod memlab && insmod /memlab.ko coherent=0
	put "$MEMLAB/run" "dma-coherent size=16K iterations=10"
	cat "$MEMLAB/run" >/tmp/run
	placed=$(awk '$1 ~ /^(zone|cma|window|attr)$/ { printf "%s ", $2 }' /tmp/run)
	equal "coherent memory of low memory is changed in place" "$placed" \
		"Normal yes linear uncached "
	rmmod memlab && load
}

# Behind an IOMMU that translates for an edu.
check_iova() {
	find_edu
	# shellcheck disable=SC2154 # which is what it has found
	succeeds "an edu is lent" lend "$edu"
	for size in 1 64 4K 64K 1M; do
		for direction in bidirectional to-device from-device; do
			: >/tmp/wrong
			works "dma-iova device=$edu size=$size direction=$direction"
			works "dma-sg device=$edu size=$size direction=$direction"
			works "dma-noncontiguous device=$edu size=$size direction=$direction"
			quiet "a range of addresses, $size $direction" /tmp/wrong
		done
	done
	put "$MEMLAB/run" "dma-noncontiguous device=$edu size=64K iterations=10"
	matches "its memory is mapped for the CPU in one piece" "$(cat "$MEMLAB/run")" \
		'^window +(vmalloc|linear)$'
	give_back "$edu"
}

# Where every mapping is bounced, and one has 256 KiB at most.
check_dma_bounced() {
	matches "a map beyond dma_max_mapping_size()" "$(refusal "dma-single size=1M")" \
		'^ERANGE size=1048576: .*dma_max_mapping_size.* 262144 bytes$'
	equal "a map of that size" "$(refusal "dma-single size=256K iterations=1")" ""
	matches "bounce buffers out of reach" "$(refusal "dma-single mask=24")" '^EOPNOTSUPP mask='
	put "$MEMLAB/compare" "experiments=dma-single,dma-copy size=4K,1M time=200 direction=to-device"
	matches "a comparison says what it leaves out" "$(cat "$MEMLAB/compare")" \
		'^# not measured: size=1048576: for dma-single over dma_max_mapping_size'
	matches "and has the rest" "$(cat "$MEMLAB/compare")" '^dma-copy +1M '
}
