# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# A program's memory for a device, and a network driver's pool of pages.

THP=/sys/kernel/mm/transparent_hugepage/enabled

# ran NAME LINE: it did, and nothing failed
ran() {
	if ! put "$MEMLAB/run" "$2 time=200" >/dev/null; then
		# shellcheck disable=SC2154 # put sets it
		fail "$1" "$error: $(head -n 1 "$MEMLAB/run")"
		return 1
	fi
	equal "$1" "$(field failures)" 0
}

# unfit NAME ERRNO LINE: it is refused, in words
unfit() {
	put "$MEMLAB/run" "$3" >/dev/null && fail "$1" "it ran" && return
	matches "$1" "$(head -n 1 "$MEMLAB/run")" "^refused $2"
}

check_user() {
	local chosen ordinary
	for direction in to-device from-device bidirectional; do
		ran "pinned $direction" "user-pin size=64K direction=$direction"
		ran "copied $direction" "user-copy size=64K direction=$direction"
	done
	ran "pinned by two threads" "user-pin size=10000 offset=100 threads=2"
	ran "in batches" "user-pin size=4K mode=batch"
	ran "of ordinary pages" "user-pin size=4M"
	ordinary=$(field extents)
	equal "it is a program's: the kernel has no address of its own" "$(field window)" none
	if [ -e $THP ]; then
		chosen=$(sed 's/.*\[\(.*\)\].*/\1/' $THP)
		echo madvise >$THP
		ran "of huge pages" "user-pin size=4M backing=huge"
		between "huge pages are few pieces" "$(field extents)" 1 3
		between "ordinary ones are many" "$ordinary" 100 1024
		ran "copied from huge pages" "user-copy size=4M backing=huge"
		# The control: where the kernel gives none, they are not said to be huge.
		echo never >$THP
		unfit "no huge page to be had" "EOPNOTSUPP backing=huge: the kernel gave no huge page" \
			"user-pin size=4M backing=huge"
		echo "$chosen" >$THP
	else
		unfit "a kernel without huge pages" "EOPNOTSUPP backing=huge: this kernel has no" \
			"user-pin backing=huge"
	fi
	unfit "no such pages" EINVAL "user-pin backing=large"
	unfit "more than there may be" "(ENOMEM|ERANGE)" "user-pin size=64M threads=16"
	equal "its areas are gone" "$(grep -c '\[memlab\]' /proc/$$/maps)" 0
	put "$MEMLAB/compare" "experiments=user-pin,user-copy size=64,64K,1M direction=to-device time=1500" ||
		fail "a comparison" "$error"
	matches "pin or copy is told" "$(cat "$MEMLAB/compare")" \
		'^# from user memory, user-pin or user-copy, to-device: '
	ranks "and is in no other ranking" "$MEMLAB/compare"
}

# What a program has is not what a driver allocates or maps of its own.
ranks() {
	if grep -E '^# [0-9]+[KM]? to-device: ' "$2" | grep -q user-; then
		fail "$1" "$(grep -E '^# [0-9]+[KM]? to-device: ' "$2")"
	else
		pass "$1"
	fi
}

check_page_pool() {
	if without_pool; then
		return
	fi
	ran "a page from a pool" "page-pool size=4K"
	equal "and where it lies" "$(field extents)" 1
	matches "the device sees it" "$(field dma)" '^0x[0-9a-f]+$'
	ran "synced" "page-pool-sync size=4K"
	ran "by two threads, each with its own" "page-pool size=1500 threads=2"
	ran "in batches" "page-pool size=4K mode=batch"
	ran "of more than a page" "page-pool size=32K"
	between "in one piece" "$(field extents)" 1 1
	unfit "nothing is received to a device" EINVAL "page-pool direction=to-device"
	succeeds "rmmod, with no pool left" rmmod memlab
	succeeds "insmod" load
}

# Where no driver of this kernel's has one.
without_pool() {
	put "$MEMLAB/run" "page-pool" >/dev/null && return 1
	matches "a kernel without pools" "$(head -n 1 "$MEMLAB/run")" \
		'^refused EOPNOTSUPP page-pool: this kernel has no pools of pages'
}

# per_element NAME: ns of the kernel's own benchmark, which takes one page out and puts it back
per_element() {
	dmesg | sed -n "s/.*Type:$1 Per elem: [0-9]* cycles(tsc) \\([0-9.]*\\) ns.*/\\1/p" | tail -n 1
}

# Where the clock counts instructions: the kernel's own benchmark of such pools in the same boot. Its
# pages are not mapped, which recycling does not look at.
check_pool_beside() {
	local theirs ours
	succeeds "the kernel's own benchmark" insmod /check/bench_page_pool.ko loops=20000
	theirs=$(per_element no-softirq-page_pool01)
	put "$MEMLAB/run" "page-pool size=4K iterations=20000 mode=batch time=5000" >/dev/null
	ours=$(($(figure alloc net mean) + $(figure recycle net mean)))
	echo "# alloc and recycle: theirs $theirs ns, of memlab's loop $ours"
	between "alloc and recycle beside the kernel's own" "$ours" $((${theirs%.*} * 7 / 10)) \
		$((${theirs%.*} * 16 / 10))
	# The control: its other way back, through a ring with a lock, is dearer than both.
	echo "# through the ring: theirs $(per_element no-softirq-page_pool02)"
	between "and not what it calls the ring" "$(per_element no-softirq-page_pool02 | cut -d. -f1)" \
		$((ours * 11 / 10)) 100000
	rmmod bench_page_pool
}
