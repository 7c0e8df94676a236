# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# Wrong uses of the DMA API are found, and memlab has none. Each check in a boot of its own, which
# no other driver's mistakes are counted in.

DMA_API=/sys/kernel/debug/dma-api
# find_edu sets them.
edu='' edu_mask=''

# every_experiment PARAMETER...: all that work on a device, a few times
every_experiment() {
	awk '!/^#/ && $1 ~ /^(dma|transfer|access|noncoherent)-/ { print $1 }' "$MEMLAB/experiments" >/tmp/names
	ran=0
	while read -r name; do
		if echo "$name iterations=20 warmup=1 mode=op $*" >"$MEMLAB/run" 2>/dev/null; then
			ran=$((ran + 1))
		else
			echo "# $name: $(grep '^refused' "$MEMLAB/run")"
		fi
	done </tmp/names
}

# In the kernel that has DMA_API_DEBUG.
check_misuse() {
	find_edu
	# Counted all the same, and not printed: the log is looked through for what was not meant.
	echo 0 >$DMA_API/num_errors
	with_parameters edu_mask="$edu_mask"
	every_experiment
	between "experiments on memlab's own device" $ran 10 100
	succeeds "an edu is lent" lend "$edu"
	every_experiment time=1000 "device=$edu"
	# All but those that need an IOMMU or no device.
	equal "experiments on an edu" $ran "$(grep -vcE 'iova$|^access-cached$' /tmp/names)"
	give_back "$edu"
	rmmod memlab
	equal "the debugging was on all the while" "$(cat $DMA_API/disabled)" N
	equal "memlab has made no mistake" "$(cat $DMA_API/error_count)" 0
	for what in right direction check unmap; do
		before=$(cat $DMA_API/error_count)
		succeeds "$what loads" insmod /check/misuse.ko what=$what
		rmmod misuse
		wanted=1
		[ $what != right ] || wanted=0
		equal "mistakes counted for $what" $(($(cat $DMA_API/error_count) - before)) $wanted
	done
	succeeds "memlab loads after them" load
}

# In a kernel that bounces every mapping: QEMU's edu has 32 bits there. It has no MSI either.
check_bounced() {
	find_edu
	rmmod memlab
	insmod /check/misuse.ko what=sync mask=32
	found=/sys/module/misuse/parameters
	between "without a sync the bytes are not there" "$(cat $found/stale)" 4000 4096
	equal "with it they are" "$(cat $found/left)" 0
	rmmod misuse
	insmod /memlab.ko edu_mask=32
	lend "$edu"
	matches "every mapping is bounced" "$(grep "^$edu " "$MEMLAB/device")" ' yes +[0-9]+K *$'
	for direction in to-device from-device; do
		for kind in $KINDS; do
			carried "$kind" $direction 2
		done
	done
	matches "by an interrupt line" "$(grep 'memlab$' /proc/interrupts)" ' IO-APIC '
	unmastered from-device
	matches "bytes that did not come are missed" "$(cat "$MEMLAB/run")" '^ *-74 +EBADMSG +1$'
	carried single from-device 1
	give_back "$edu"
}
