# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# What a comparison advises is what the backend and the size make of it.

# verdict SIZE: what is the cheapest way to the device at that size
verdict() {
	awk -v size="$1" '/^# ns per/ { exit } $2 == size && $3 == "to-device" { print $NF }' \
		"$MEMLAB/compare"
}

# ranking SIZE: all ways to the device at that size, the cheapest first
ranking() {
	sed -n "s/^# $1 to-device: //p" "$MEMLAB/compare"
}

# order: what is cheaper at which sizes, however its lines are broken
order() {
	sed -n '/^# dma-single or dma-copy, to-device: /,/^# [^ ]/p' "$MEMLAB/compare" | tr -d '#' |
		tr -s '\n ' ' '
}

# The kernel's command line says which backend the guest was given.
check_advice() {
	find_edu
	rmmod memlab && insmod /memlab.ko edu_mask=32
	# shellcheck disable=SC2154 # find_edu sets it
	lend "$edu"
	succeeds "edu is compared" put "$MEMLAB/compare" \
		"experiments=dma-coherent,dma-single,dma-copy device=$edu size=64,64K direction=to-device time=250"
	advice=$(sed -n '/^# ADVICE/,$p' "$MEMLAB/compare")
	answer=$(sed '/^# ns per/,$d' "$MEMLAB/compare")
	echo "$answer"
	echo "$advice"
	equal "the answer fits a terminal" "$(echo "$answer" | grep '.\{81\}')" ""
	matches "what ran comes first" "$(echo "$answer" | head -n 1)" '^# on Linux '
	# shellcheck disable=SC2154
	case $backend in
	direct)
		equal "64 bytes are copied" "$(verdict 64)" copy
		equal "64 KiB are mapped" "$(verdict 64K)" map
		matches "there is a break-even" "$(order)" ': copy from 64 to [0-9]+K?, .*map from [0-9]+K? to 64K'
		equal "no byte has a price" "$(echo "$advice" | grep 'for each KiB')" ""
		equal "nothing stands between" "$(echo "$advice" | grep 'IOMMU .* takes')" ""
		;;
	bounced)
		equal "64 bytes are copied" "$(verdict 64)" copy
		equal "64 KiB are not worth a map" "$(verdict 64K | grep -x map)" ""
		matches "a bounced map is a copy and more" "$(order)" ': copy .*; a map is bounced here'
		equal "no size is cheaper mapped" "$(order | grep -E ' map (at|from)')" ""
		matches "each byte has its price" "$advice" \
			'dma-single to-device: the bytes are copied once, to a bounce buffer, [1-9][0-9]* ns for each KiB'
		;;
	strict)
		equal "64 bytes are copied" "$(verdict 64)" copy
		matches "the IOMMU is charged for" "$advice" \
			'^# 64 to-device: dma-single takes .* \(IOMMU DMA\), .* \(IOMMU none\): [1-9][0-9]+ more$'
		;;
	esac
	succeeds "what is refused is no reason to measure nothing" put "$MEMLAB/compare" \
		"experiments=dma-iova,dma-single device=$edu size=4K direction=to-device time=100"
	case $backend in
	strict) equal "all is measured" "$(grep -c 'not measured' "$MEMLAB/compare")" 0 ;;
	*) matches "and it is said" "$(cat "$MEMLAB/compare")" '^# not measured: dma-iova: needs an IOMMU' ;;
	esac
	equal "without an alternative there is no verdict" "$(verdict 4K)" -
	case $backend in
	strict) ;;
	*) matches "what was not measured is named in the sentence" "$(ranking 4K)" '; not measured: dma-iova$' ;;
	esac
	equal "what would measure nothing has a sample" \
		"$(put "$MEMLAB/run" "dma-single iterations=1 device=$edu"; figure map raw samples)" 1
	equal "what cannot is refused" \
		"$(put "$MEMLAB/run" "dma-single iterations=8 mode=batch batch=16 device=$edu")" "Invalid argument"
	matches "and says why" "$(cat "$MEMLAB/run")" '^refused EINVAL batch=16: .* 1 to 8 for '
	matches "the largest coherent buffer is told" "$answer" '^# largest coherent buffer now: [1-9]'
	give_back "$edu"
}
