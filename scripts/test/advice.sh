# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# What a comparison advises is what the backend and the size make of it.

# verdict SIZE: what is advised to do to the device at that size
verdict() {
	sed -n "s/^# $1 to-device: .*: //p" "$MEMLAB/compare"
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
	echo "$advice"
	# shellcheck disable=SC2154
	case $backend in
	direct)
		matches "64 bytes are copied" "$(verdict 64)" '^copy through '
		matches "64 KiB are mapped" "$(verdict 64K)" '^map your buffer '
		matches "there is a break-even" "$advice" 'dma-copy is cheaper up to [0-9]+K?, dma-single from '
		equal "no byte has a price" "$(echo "$advice" | grep 'for each KiB')" ""
		equal "nothing stands between" "$(echo "$advice" | grep 'IOMMU .* takes')" ""
		;;
	bounced)
		matches "64 bytes are copied" "$(verdict 64)" '^copy through '
		equal "64 KiB are not worth a map" "$(verdict 64K | grep '^map your buffer')" ""
		matches "each byte has its price" "$advice" \
			'dma-single to-device: the bytes are copied to a bounce buffer .* [1-9][0-9]* ns for each KiB'
		;;
	strict)
		matches "64 bytes are copied" "$(verdict 64)" '^copy through '
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
	matches "without an alternative there is no verdict" "$(cat "$MEMLAB/compare")" \
		'^# 4K to-device: [^:]*$'
	equal "what would measure nothing has a sample" \
		"$(put "$MEMLAB/run" "dma-single iterations=1 device=$edu"; figure map raw samples)" 1
	equal "what cannot is refused" \
		"$(put "$MEMLAB/run" "dma-single iterations=8 mode=batch batch=16 device=$edu")" "Invalid argument"
	matches "and says why" "$(cat "$MEMLAB/run")" '^refused EINVAL batch=16: .* 1 to 8 for '
	matches "the largest coherent buffer is told" "$advice" '^# largest coherent buffer now: [1-9]'
	give_back "$edu"
}
