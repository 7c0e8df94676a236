# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# The samples do what they show.

check_abi_sample() {
	abi_samples ""
	[ ! -e /check/run32 ] || abi_samples 32
}

# One program for each family of calls, as it is and as a 32-bit one.
abi_samples() {
	local bits=$1
	device=$(basename "$(find /sys/bus/pci/devices -name "0*" | sort | head -n 1)")
	out=$(/check/look"$bits" "$device" zones)
	equal "look$bits: every experiment" "$(echo "$out" | grep -c ' to [0-9]* bytes$')" \
		$(($(grep -c '^[a-z]' "$MEMLAB/experiments") - 1))
	matches "look$bits: a device that nobody lent" "$out" "^$device on pci: mask 0x[0-9a-f]+, "
	matches "look$bits: the text of a file" "$out" '^node zone '
	matches "look$bits: a refusal is told" "$(/check/look"$bits" nowhere zones)" \
		'^nowhere: device=nowhere: not on the bus'
	out=$(/check/compare"$bits" "fragment order=2 share=5" \
		"experiments=kmalloc,vmalloc size=4K time=100")
	matches "compare$bits: it is measured" "$out" '^vmalloc +4K '
	matches "compare$bits: which goes with its session" "$(cat "$MEMLAB/scenario")" '^scenario +none'
	matches "compare$bits: a refusal is told" "$(/check/compare"$bits" none colour=red)" \
		'^colour=red: colour=red: unknown'
	echo "kmalloc size=64 mode=op time=60000 iterations=10000000" >"$MEMLAB/run" 2>/dev/null &
	usleep 500000
	out=$(/check/watch"$bits" 1000)
	matches "watch$bits: how far it is" "$out" '^kmalloc: [0-9]+ of [0-9]+ after [0-9]+ ns$'
	wait $!
	matches "watch$bits: it was ended" "$(cat "$MEMLAB/run")" '^ending +stopped'
	out=$(/check/run"$bits" kmalloc 64)
	matches "run$bits: what it measured" "$out" \
		'^kmalloc acquire: [1-9][0-9]* samples, raw ns: min [0-9]+ p50 [0-9]+ p99 [0-9]+ max [0-9]+$'
	matches "run$bits: and where the memory was" "$out" "; zone [A-Z][A-Za-z0-9]*, 1 extents\$"
	# The percentiles that it works out are those that the module would show.
	rising=$(echo "$out" | awk '/ ns: / { print ($8 <= $10 && $10 <= $12 && $12 <= $14) }' | sort -u)
	equal "run$bits: the figures rise" "$rising" 1
	matches "run$bits: a refusal is told" "$(/check/run"$bits" kmalloc 1073741824)" '^kmalloc: size=1073741824: '
	matches "run$bits: whatever is asked for" "$(/check/run"$bits" nosuch)" '^nosuch: experiment=nosuch: unknown'
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
