# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# The lectures' own programs (samples/lectures): each says itself whether it is as the lecture says.

check_lectures() {
	local name said status
	grep -q ' /sys/fs/cgroup ' /proc/mounts || mount -t cgroup2 cgroup /sys/fs/cgroup
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	place
	for name in const meltdown mallopt oom leak cold mmap swap limit; do
		case $name in
		cold | mmap | swap) said=$(/check/lecture-$name "$SCRATCH") status=$? ;;
		*) said=$(/check/lecture-$name) status=$? ;;
		esac
		echo "$said" | sed "s/^/# $name: /"
		equal "$name ends well" "$status" 0
		between "$name: it looked at something" "$(echo "$said" | grep -c '^ok ')" 1 20
		equal "$name: and all of it is so" "$(echo "$said" | grep '^not ok')" ""
	done
	matches "leak, mended: it does not grow" "$(/check/lecture-leak mended)" '^ok what is freed'
	equal "no group is left" "$(ls -d /sys/fs/cgroup/memlab-* 2>/dev/null)" ""
}
