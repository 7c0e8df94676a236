# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# `buddy` and the kernel's own /proc/buddyinfo: the same counts.

# "node zone blocks-of-order-0 blocks-of-order-1 ..." from /proc/buddyinfo; "Node 0, zone DMA 1 0 ..."
kernel_blocks() {
	sed 's/^Node \([0-9]*\), zone */\1 /' /proc/buddyinfo | tr -s ' ' | sed 's/ $//'
}

# The same from memlab: columns "node", "zone" and one for each order, found by the header.
memlab_blocks() {
	awk '
	!orders && $1 == "node" {
		for (i = 1; i <= NF; i++) {
			if ($i == "zone") zone = i
			if ($i ~ /^(order)?[0-9]+$/) column[orders++] = i
		}
		next
	}
	orders && $1 ~ /^[0-9]+$/ {
		line = $1 " " $zone
		for (i = 0; i < orders; i++) line = line " " $column[i]
		print line
	}' "$MEMLAB/buddy"
}

check_buddy() {
	# Free lists move under us: compare only where the kernel says the same before and after.
	for _ in $(seq 200); do
		before=$(kernel_blocks)
		ours=$(memlab_blocks)
		after=$(kernel_blocks)
		# A zone without pages stands in neither list everywhere.
		[ "$before" = "$after" ] && [ "$ours" = "$before" ] && break
	done
	equal "the free lists held still for one comparison" "$before" "$after"
	echo "$before" >/tmp/kernel
	echo "$ours" >/tmp/memlab
	equal "as many zones as the kernel" "$(wc -l </tmp/memlab)" "$(wc -l </tmp/kernel)"
	while read -r node zone blocks; do
		mine=$(grep "^$node $zone " /tmp/memlab)
		order=0
		for count in $blocks; do
			# shellcheck disable=SC2086 # the words of the line are wanted
			set -- $mine
			shift $((2 + order))
			equal "node $node zone $zone order $order" "${1:-none}" "$count"
			order=$((order + 1))
		done
	done </tmp/kernel
}
