# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# The samples do what they show.

check_abi_sample() {
	out=$(/check/run kmalloc 64)
	matches "the program prints what it measured" "$out" \
		'^kmalloc acquire: [1-9][0-9]* samples, raw ns: min [0-9]+ p50 [0-9]+ p99 [0-9]+ max [0-9]+$'
	matches "and where the memory was" "$out" "; zone [A-Z][A-Za-z0-9]*, 1 extents\$"
	# The percentiles that it works out are those that the module would show.
	rising=$(echo "$out" | awk '/ ns: / { print ($8 <= $10 && $10 <= $12 && $12 <= $14) }' | sort -u)
	equal "the figures rise" "$rising" 1
	matches "a refusal is told" "$(/check/run kmalloc 1073741824)" '^kmalloc: size=1073741824: '
	matches "whatever is asked for" "$(/check/run nosuch)" '^nosuch: experiment=nosuch: unknown'
}

# Each has QEMU's edu carry bytes while it is bound, and says so.
check_samples() {
	find_edu
	# shellcheck disable=SC2154 # find_edu sets it
	local device=$edu
	for sample in /check/memlab_*.ko; do
		name=$(basename "$sample" .ko)
		# What was said before is shown, for the log to be looked through.
		dmesg -c
		succeeds "$name loads" insmod "$sample"
		echo "$name" >"$PCI/devices/$device/driver_override"
		succeeds "$name binds" sh -c "echo $device >$PCI/drivers/$name/bind"
		dmesg >/tmp/said
		matches "$name has its bytes carried" "$(cat /tmp/said)" \
			"^.*$name $device: .*[1-9][0-9]* bytes .*(there and back|to another|in [0-9]+ pieces)"
		echo "$device" >"$PCI/devices/$device/driver/unbind"
		succeeds "$name unloads" rmmod "$name"
	done
	echo >"$PCI/devices/$device/driver_override"
	set -- /check/memlab_*.ko
	equal "five of them" $# 5
}
