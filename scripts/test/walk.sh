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
