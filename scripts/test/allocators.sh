# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# What each way of getting or seeing memory gives: window, extents, waste.

# gives LINE WINDOW EXTENTS TAKES: a short run, and where its buffer was
gives() {
	succeeds "$1 runs" put "$MEMLAB/run" "$1 mode=op iterations=5 warmup=0"
	equal "$1: none fails" "$(field failures)" 0
	equal "$1: window" "$(field window)" "$2"
	[ "$3" = - ] || equal "$1: extents" "$(field extents)" "$3"
	[ "$4" = - ] || equal "$1: bytes that it takes" "$(field takes_bytes)" "$4"
}

# peak CGROUP MAX LINE: the most that a cgroup was charged while the line ran in it, in bytes
peak() {
	mkdir "/cgroup/$1"
	echo "$2" >"/cgroup/$1/memory.max"
	(echo 0 >"/cgroup/$1/cgroup.procs" && put "$MEMLAB/run" "$3 mode=op iterations=5 warmup=0")
	cat "/cgroup/$1/memory.peak"
}

check_charged() {
	mkdir /cgroup
	succeeds "there are cgroups" mount -t cgroup2 none /cgroup
	succeeds "which count memory" put /cgroup/cgroup.subtree_control +memory
	between "what is not accounted is not charged" "$(peak plain max "vmalloc size=8M")" 0 4194304
	between "what is accounted is, to who asks" \
		"$(peak account max "vmalloc size=8M gfp=account")" 8388608 16777216
	between "in a cgroup that is full not more than it may" \
		"$(peak full 4M "vmalloc size=8M gfp=account")" 0 4194304
	equal "each fails" "$(field failures)" 5
	matches "and nobody is killed for it" "$(cat /cgroup/full/memory.events)" '^oom_kill 0$'
	umount /cgroup
}

check_allocators() {
	# The largest blocks are there: what checks before this one have left is moved together.
	sync
	echo 3 >/proc/sys/vm/drop_caches
	[ ! -e /proc/sys/vm/compact_memory ] || echo 1 >/proc/sys/vm/compact_memory
	gives "kmalloc size=100" linear 1 -
	gives "kmalloc size=4M" linear 1 4194304
	gives "kmalloc size=20K gfp=atomic" linear 1 32768
	equal "what is wasted" "$(field waste_bytes)" 12288
	gives "kvmalloc size=4K gfp=zero" linear 1 4096
	# With pages of 16 KiB a block is larger than the most that is asked for.
	if [ "$BLOCK" -lt $((16 << 20)) ]; then
		gives "kvmalloc size=$((BLOCK + (1 << 20)))" vmalloc - $((BLOCK + (1 << 20)))
		equal "kvmalloc: where it falls back" "$(field contiguous_to)" $((BLOCK >> 20))M
	fi
	gives "vmalloc size=100K gfp=account" vmalloc - "$(whole 102400)"
	gives "vmalloc-huge size=2M" vmalloc - 2097152
	gives "pages size=20K gfp=zero" linear 1 32768
	gives "pages-exact size=20K" linear 1 "$(whole 20480)"
	gives "contig-pages size=6M" linear 1 6291456
	gives "pages-cold" linear 1 "$PAGE"
	gives "slab size=200" linear 1 -
	gives "slab-bulk size=200 gfp=nowait" linear 1 -
	gives "kmap-local gfp=kernel" linear 1 -
	gives "kmap gfp=kernel" linear 1 -
	gives "vmap size=64K" vmalloc - -
	high=linear low=DMA
	if grep -q '^HighTotal: *[1-9]' /proc/meminfo; then
		# In this order: a page that kmap has left in the pool is not mapped a second time.
		gives "kmap-local" fixmap 1 -
		gives "kmap" pkmap 1 -
		high=none
	fi
	gives "pages gfp=highuser" $high 1 "$PAGE"
	if grep -q 'zone *DMA ' /proc/zoneinfo; then
		gives "kmalloc size=64 gfp=dma" linear 1 -
		equal "its zone" "$(field zone)" $low
		gives "pages gfp=dma32" linear 1 "$PAGE"
		matches "its zone" "$(field zone)" '^DMA'
	fi

	invalid="Invalid argument"
	refused "kmalloc of high memory" run "$invalid" "EINVAL gfp=highuser: not for kmalloc" \
		"kmalloc gfp=highuser"
	refused "kmalloc below 4 GiB" run "$invalid" "EINVAL gfp=dma32: not for kmalloc" \
		"kmalloc gfp=dma32"
	refused "an address of high memory" run "$invalid" "EINVAL gfp=highuser: not for pages-exact" \
		"pages-exact gfp=highuser"
	refused "vmalloc of a zone" run "$invalid" "EINVAL gfp=dma: not for vmalloc" "vmalloc gfp=dma"
	refused "an order above the largest" run "Numerical result out of range" \
		"ERANGE size=$((BLOCK + 1)): .* $PAGE to $BLOCK bytes" "pages size=$((BLOCK + 1))"
	refused "nine nested maps" run "$invalid" "EINVAL batch=16: .* 1 to 8 " \
		"kmap-local batch=16 mode=batch"
	succeeds "eight are fine" put "$MEMLAB/run" "kmap-local batch=8 mode=batch iterations=80"
	equal "as one sample" "$(field per_sample)" 8

	# Of an order that no list of a CPU has.
	put "$MEMLAB/run" "pages size=$((16 * PAGE)) mode=op iterations=5"
	matches "a block is split off" "$(cat "$MEMLAB/run")" '^alloc .* -1( |$)'
	matches "and merged again" "$(cat "$MEMLAB/run")" '^free .* \+1( |$)'
}
