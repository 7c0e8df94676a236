# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# Who may open the files: administrators, and in a kernel that is locked down nobody what runs
# something or shows addresses.

# opened HOW FILE: reads "FILE ERRNO" and asserts what the file's mode asks for
opened() {
	while read -r file errno; do
		wanted=0
		[ "$(stat -c %a "$file")" != 600 ] || wanted=1
		equal "$1: opening ${file##*/}" "$errno" $wanted
	done
}

check_powerless() {
	equal "layout, which shows addresses, is guarded" "$(stat -c %a "$MEMLAB/layout")" 600
	equal "zones is not" "$(stat -c %a "$MEMLAB/zones")" 400
	for how in caps userns; do
		succeeds "$how: there is such a process" sh -c \
			"/check/powerless $how $(echo "$MEMLAB"/* /dev/memlab) >/tmp/opened"
		opened "$how" </tmp/opened
	done
}

# Addresses of the kernel and of allocations; a mask of all ones is none.
addresses() {
	grep -n -o -i -E '0x[0-9a-f]{6,}|\b[0-9a-f]{16}\b' "$1" | grep -v -i -E '0x0*[137]?f+$'
}

# The last check of a guest: there is no way back.
check_lockdown() {
	mount -t securityfs none /sys/kernel/security 2>/dev/null
	lockdown=/sys/kernel/security/lockdown
	succeeds "before, layout shows addresses" addresses "$MEMLAB/layout"
	for level in integrity confidentiality; do
		succeeds "lockdown is raised to $level" put $lockdown $level
		# What a session shows: scripts/test/session.c.
		/check/session $level || fail "a session under $level" "status $?"
		[ $level = integrity ] || /check/walk locked || fail "a walk" "status $?"
		for file in "$MEMLAB"/*; do
			name="$level: ${file##*/}"
			text=$(cat "$file" 2>&1)
			status=$?
			if [ "$(stat -c %a "$file")" = 600 ]; then
				matches "$name cannot be opened" "$text" 'Operation not permitted'
				continue
			fi
			equal "$name can be read" $status 0
			echo "$text" >/tmp/text
			equal "$name shows no address" "$(addresses /tmp/text)" ""
		done
	done
}
