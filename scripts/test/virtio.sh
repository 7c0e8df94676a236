# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# A device that another driver has: lent, measured, given back, and working as before.
# QEMU joins the two ports of a virtio-serial device: what goes into the one comes out of the other.

# port NAME: its device file, when the driver has made it
port() {
	local file
	for _ in $(seq 100); do
		for file in /sys/class/virtio-ports/*; do
			[ "$(cat "$file/name" 2>/dev/null)" = "$1" ] || continue
			echo "/dev/${file##*/}"
			return
		done
		sleep 0.1
	done
}

# heard TEXT: what comes out after it has gone in
heard() {
	local from to
	from=$(port one)
	to=$(port two)
	timeout 20 head -n 1 "$to" >/tmp/heard &
	echo "$1" >"$from"
	wait $!
	cat /tmp/heard
}

check_virtio() {
	found=$(readlink -f "/sys/class/virtio-ports/$(basename "$(port one)")/device/..")
	found=${found##*/}
	driver=$PCI/devices/$found/driver
	equal "the device has its own driver" "$(basename "$(readlink "$driver")")" virtio-pci
	equal "and works" "$(heard before)" before
	echo "$found" >"$driver/unbind"
	before=$(state "$found")
	edu=''
	find_edu
	succeeds "it is lent" lend "$found"
	succeeds "and another one with it" lend "$edu"
	for name in dma-coherent dma-single dma-sg; do
		for device in "$found" "$edu"; do
			succeeds "$name runs on $device" put "$MEMLAB/run" \
				"$name device=$device size=4K iterations=100"
			equal "that is the device measured" "$(field device)" "$device"
			equal "nothing fails" "$(field failures)" 0
		done
	done
	give_back "$found"
	give_back "$edu"
	equal "it comes back as it was" "$(state "$found")" "$before"
	echo "$found" >"$PCI/drivers_probe"
	equal "its own driver takes it" "$(basename "$(readlink "$driver")")" virtio-pci
	equal "and it works again" "$(heard after)" after
}
