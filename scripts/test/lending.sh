# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# A disk and a network card are lent to memlab and come back to the drivers that they had: Debian's
# own nvme and e1000e, with a file system and a link that are as they were. What is in use stays.

DISK=0000:00:05.0
CARD=0000:00:06.0
TWIN=0000:00:07.0

# in_time COMMAND...: it succeeds within ten seconds
in_time() {
	local tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || return 1
		usleep 100000
	done
}

driver_of() {
	basename "$(readlink "/sys/bus/pci/devices/$1/driver")"
}

drivers() {
	[ -d /sys/bus/pci/drivers/nvme ] && return
	for module in /modules/*.ko; do
		insmod "$module" || fail "$module" "not loaded"
	done
	in_time test -b /dev/nvme0n1
}

# Debian's e1000e names nothing itself, and nobody renames it here.
interface() {
	ls "/sys/bus/pci/devices/$CARD/net" 2>/dev/null
}

linked() {
	local name
	name=$(interface)
	ifconfig "$name" 10.0.2.15 netmask 255.255.255.0 up &&
		[ "$(cat "/sys/class/net/$name/carrier")" = 1 ] &&
		ping -c 1 -W 2 10.0.2.2
}

# kept WHEN: the file system has what was written into it, and takes more
kept() {
	succeeds "$1: the disk is there again" in_time test -b /dev/nvme0n1
	succeeds "$1: its file system mounts" mount -t ext4 /dev/nvme0n1 /disk
	equal "$1: the file is as it was" "$(md5sum </disk/file)" "$sum"
	succeeds "$1: another is written and read back" sh -c \
		'cp /disk/file /disk/other && sync && echo 3 >/proc/sys/vm/drop_caches &&
		cmp /disk/file /disk/other && rm /disk/other'
	succeeds "$1: and it unmounts" umount /disk
}

check_lend_disk() {
	drivers
	succeeds "a file system is made" mke2fs /dev/nvme0n1
	mkdir -p /disk
	mount -t ext4 /dev/nvme0n1 /disk
	dd if=/dev/urandom of=/disk/file bs=64k count=64 2>/dev/null
	sum=$(md5sum </disk/file)
	before=$(driver_of $DISK)
	said=$(memlab advise $DISK --lend 2>&1)
	equal "the disk of a mounted file system is refused" "$?" 5
	matches "with the reason" "$said" 'not lent: /disk is mounted from it; umount it first'
	equal "and stays with its driver" "$(driver_of $DISK)" "$before"
	umount /disk
	said=$(memlab advise $DISK --lend --time 300 2>&1)
	equal "an idle disk is lent and measured" "$?" 0
	matches "and the answer is of it" "$said" "for $DISK "
	matches "behind its IOMMU" "$said" 'IOMMU (lazy|strict|DMA)'
	equal "it is back with nvme" "$(driver_of $DISK)" nvme
	equal "which any driver may have" "$(cat /sys/bus/pci/devices/$DISK/driver_override)" '(null)'
	equal "nothing is lent any more" "$(memlab return)" 'nothing is lent'
	kept "after advise"
	succeeds "it is lent by the name of its block device" memlab lend nvme0n1
	succeeds "and given back by it" memlab return nvme0n1
	kept "by another name"
}

check_lend_killed() {
	drivers
	memlab advise $DISK --lend --time 20000 >/tmp/killed 2>&1 &
	lender=$!
	succeeds "the disk is taken" in_time sh -c \
		"readlink /sys/bus/pci/devices/$DISK/driver | grep -q memlab"
	usleep 1500000
	kill -9 $lender
	wait $lender 2>/dev/null
	equal "a kill leaves it lent" "$(driver_of $DISK)" memlab
	succeeds "return gives it back" memlab return
	equal "to nvme" "$(driver_of $DISK)" nvme
	kept "after a kill"
	# The journal is written first: a kill at any point after that.
	memlab lend $DISK >/dev/null
	echo $DISK >/sys/bus/pci/drivers/memlab/unbind
	equal "bound to nobody" "$(readlink /sys/bus/pci/devices/$DISK/driver)" ""
	succeeds "return mends that, too" memlab return $DISK
	kept "after a kill in between"
}

check_lend_card() {
	drivers
	succeeds "the link is up" in_time linked
	said=$(SSH_CONNECTION='10.0.2.2 5000 10.0.2.15 22' memlab lend $CARD 2>&1)
	equal "the card of the login is refused" "$?" 5
	matches "with its interface" "$said" "this login comes in through its interface $(interface)"
	equal "and stays with its driver" "$(driver_of $CARD)" e1000e
	# sudo leaves nothing of it to the command itself.
	said=$(SSH_CONNECTION='10.0.2.2 5000 10.0.2.15 22' sh -c \
		"env -u SSH_CONNECTION memlab lend $CARD; true" 2>&1)
	matches "also where only the shell above knows of the login" "$said" 'this login comes in'
	speed=$(cat "/sys/class/net/$(interface)/speed")
	address=$(cat "/sys/class/net/$(interface)/address")
	said=$(memlab advise "$(interface)" --lend --time 300 2>&1)
	equal "the card is lent by the name of its interface" "$?" 0
	matches "and the answer is of it" "$said" "for $CARD "
	equal "it is back with e1000e" "$(driver_of $CARD)" e1000e
	succeeds "its interface is there again" in_time test -n "$(interface)"
	equal "with its address" "$(cat "/sys/class/net/$(interface)/address")" "$address"
	succeeds "the link is as before" in_time linked
	equal "as fast" "$(cat "/sys/class/net/$(interface)/speed")" "$speed"
}

check_lend_shared() {
	said=$(memlab lend $TWIN 2>&1)
	equal "one of two in an IOMMU group is refused" "$?" 5
	matches "with the other" "$said" 'its IOMMU group has 0000:00:07.1 too'
	said=$(memlab lend 0000:00:00.0 2>&1)
	equal "the host bridge is refused" "$?" 5
	matches "as what it is" "$said" 'it is a bridge'
}

# what doctor says of a device is what sysfs has of it
diagnosed() {
	local folder=/sys/bus/pci/devices/$1 said
	said=$(memlab doctor "$2")
	matches "$2: its driver" "$said" "driver $(driver_of "$1")|no driver"
	# The module's own says more of the mask than a count of bits.
	matches "$2: its mask" "$said" "mask +$(cat "$folder/dma_mask_bits") bits"
	case $(cat "$folder/iommu_group/type") in
	DMA-FQ) matches "$2: its IOMMU" "$said" 'lazy \(DMA-FQ\)' ;;
	DMA) matches "$2: its IOMMU" "$said" 'strict \(DMA\)' ;;
	identity) matches "$2: its IOMMU" "$said" 'passthrough \(identity\)' ;;
	*) fail "$2: its IOMMU" "sysfs has $(cat "$folder/iommu_group/type")" ;;
	esac
	# shellcheck disable=SC2012 # the names of devices are plain
	if [ "$(ls "$folder/iommu_group/devices" | wc -l)" -gt 1 ]; then
		matches "$2: its group" "$said" 'IOMMU group +shared with'
	else
		equal "$2: its group" "$(echo "$said" | grep -c 'shared with')" 0
	fi
	echo "$said"
}

check_doctor() {
	drivers
	diagnosed $DISK $DISK
	diagnosed $DISK nvme0n1
	diagnosed $CARD "$(interface)"
	diagnosed $TWIN $TWIN
	diagnosed 0000:00:08.0 virtio0
	matches "virtio says who does its DMA" "$(memlab doctor virtio0)" \
		'the DMA is done by 0000:00:08.0'
	matches "and whether it asks for it" "$(memlab doctor virtio0)" 'VIRTIO_F_ACCESS_PLATFORM|DMA API'
	equal "all have the drivers that they had" \
		"$(driver_of $DISK) $(driver_of $CARD) $(driver_of 0000:00:08.0)" 'nvme e1000e virtio-pci'
	memlab doctor >/tmp/doctor
	equal "a module that is there is hosted, with or without headers" "$?" 0
	matches "and it says so" "$(cat /tmp/doctor)" 'fine +module +loaded'
	matches "headers that are not there are odd" "$(cat /tmp/doctor)" 'odd +headers +none in'
	rmmod memlab
	memlab doctor >/tmp/doctor
	equal "a kernel without headers cannot host another" "$?" 1
	load
	matches "and what is missing is named" "$(cat /tmp/doctor)" 'wrong +headers +none in /lib/modules/'
}
