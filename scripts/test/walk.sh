# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# The way of an address through the page tables, beside what the kernel's own files say.

# It says ok and not ok by itself: scripts/test/walk.c.
check_walk() {
	/check/walk || fail "the program" "status $?"
	/check/walk powerless || fail "the program, powerless" "status $?"
}

# While another process maps and unmaps what is looked at.
check_walk_race() {
	/check/walk race 10 || fail "the program" "status $?"
}

# A compressed area in memory is a swap area like any other.
check_walk_swap() {
	for driver in /modules/*.ko; do
		insmod "$driver" 2>/dev/null
	done
	echo 32M >/sys/block/zram0/disksize
	succeeds "a swap area is made" mkswap /dev/zram0
	succeeds "and used" swapon /dev/zram0
	/check/walk_places swap || fail "the program" "status $?"
	succeeds "it goes" swapoff /dev/zram0
}

# What firmware and devices have is mapped by the kernel, too.
check_walk_behind() {
	/check/walk_places behind || fail "the program" "status $?"
}

# Five tables, where the CPU has them and the kernel was not told otherwise.
check_walk_levels() {
	local levels=4
	! grep -qw la57 /proc/cpuinfo || levels=5
	# shellcheck disable=SC2154 # from the kernel's command line
	[ "$levels" = "$wanted_levels" ] || fail "the machine has $wanted_levels" "$levels"
	/check/walk_places levels $levels || fail "the program" "status $?"
}
