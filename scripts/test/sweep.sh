# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# One thing at several points: what a sweep says is what the kernel's own events count.

TRACING=/sys/kernel/tracing
# find_edu sets it.
edu=''

# pages_of WHICH FILE: the page frames of the last 8 events mm_page_WHICH of a measuring thread
pages_of() {
	sed -n "/^ *memlab/s/.*mm_page_$1: .*pfn=\(0x[0-9a-f]*\).*/\1/p" "$2" | tail -n 8 | tr '\n' ' '
}

# backwards WORD...: the words the other way round
backwards() {
	local all=
	for word; do
		all="$word $all"
	done
	echo "$all"
}

# A batch is given back in the order that was asked for, as the kernel sees it.
check_release() {
	refused "local maps in another order than they nest" run "Invalid argument" \
		"EINVAL release=oldest: not for kmap-local" "kmap-local batch=8 mode=batch release=oldest"
	refused "an order of what is had one at a time" run "Invalid argument" \
		"EINVAL release=oldest: pages-cold holds one" "pages-cold release=oldest"
	refused "an order of one" run "Invalid argument" \
		"EINVAL batch=1: release=random needs" "pages batch=1 release=random"
	mountpoint -q $TRACING || mount -t tracefs tracefs $TRACING
	for event in alloc free; do
		echo 'order == 7' >$TRACING/events/kmem/mm_page_$event/filter
		echo 1 >$TRACING/events/kmem/mm_page_$event/enable
	done
	for order in newest oldest random; do
		echo >$TRACING/trace
		succeeds "$order: it runs" put "$MEMLAB/run" \
			"pages size=512K batch=8 iterations=8 warmup=0 mode=batch release=$order"
		equal "$order: the outcome says so" "$(field release)" $order
		cp $TRACING/trace /tmp/pages
		got=$(pages_of alloc /tmp/pages)
		given=$(pages_of free /tmp/pages)
		equal "$order: so many were got" "$(echo "$got" | wc -w)" 8
		# shellcheck disable=SC2086 # words
		reverse=$(backwards $got)
		case $order in
		newest) equal "the last comes first" "$given" "$reverse" ;;
		oldest) equal "the first comes first" "$given" "$got" ;;
		random)
			# shellcheck disable=SC2086 # words
			equal "all are given back" "$(printf '%s\n' $given | sort)" "$(printf '%s\n' $got | sort)"
			succeeds "in neither order" [ "$given" != "$got" ]
			succeeds "nor in the other" [ "$given" != "$reverse" ]
			;;
		esac
	done
	for event in alloc free; do
		echo 0 >$TRACING/events/kmem/mm_page_$event/enable
		echo 0 >$TRACING/events/kmem/mm_page_$event/filter
	done
	refused "an order of one" run "Invalid argument" "EINVAL release=oldest: .*mode=op" \
		"pages release=oldest mode=op"
	refused "an order of none" run "Invalid argument" "EINVAL release=random: needs a batch of two" \
		"pages release=random iterations=1"
	umount $TRACING
}

# What a sweep says has failed is what the kernel's events say: of each run two come before the ones
# that are measured, by which it looks at what an operation gets and at what it changes.
by_hand() {
	awk -v each=22 '/mm_page_alloc: / && /^ *memlab\// {
		match($0, /order=[0-9]+/)
		order = substr($0, RSTART + 6, RLENGTH - 6)
		# What kvmalloc tries beside it has flags that no word is for.
		gfp = /=GFP_ATOMIC/ ? "atomic" : /=GFP_KERNEL/ ? "kernel" : /=GFP_NOWAIT/ && !/__GFP_IO/ ? "nowait" : ""
		if (!gfp) next
		key = order " " gfp
		if (seen[key]++ % each < 2) next
		tries[key]++
		failed[key] += /pfn=0x0 /
	}
	END { for (key in tries) print key, tries[key], failed[key] + 0 }' "$1" | sort -n
}

check_sweep_orders() {
	mountpoint -q $TRACING || mount -t tracefs tracefs $TRACING
	echo 8192 >$TRACING/buffer_size_kb
	echo 'order == 5 || order == 8 || order == 10' >$TRACING/events/kmem/mm_page_alloc/filter
	echo >$TRACING/trace
	echo 1 >$TRACING/events/kmem/mm_page_alloc/enable
	said=$(memlab sweep orders iterations=20 warmup=0 --at 0,5,8,10 --rounds 2 --time 20000 \
		--under 'fragment order=4 share=60' --json 2>&1)
	equal "a sweep of orders under fragmentation" "$?" 0
	echo 0 >$TRACING/events/kmem/mm_page_alloc/enable
	by_hand $TRACING/trace >/tmp/hand
	cat /tmp/hand
	echo "$said" >/tmp/said
	awk -F'[:,]' '
		/"experiment"/ { instead = 0 }
		/"at"/ { at = $2 + 0 }
		/"gfp"/ { gfp = $2; gsub(/[ "]/, "", gfp) }
		/"tries"/ { tries = $2 + 0 }
		/"failures"/ { if (gfp != "null" && at) print at, gfp, tries, $2 + 0 }' /tmp/said |
		sort -n >/tmp/swept
	equal "tries and failures are what is counted by hand" "$(cat /tmp/swept)" "$(cat /tmp/hand)"
	equal "at so many points" "$(wc -l </tmp/swept)" 9
	between "of which some fail" "$(awk '{ sum += $4 } END { print sum }' /tmp/swept)" 20 360
	equal "nothing is held any more" "$(state scenario)" none
	said=$(memlab sweep orders --at 0,3 --rounds 1 --time 20 --min-success 100 2>&1)
	equal "where all is to be had it succeeds" "$?" 0
	echo "$said"
	matches "in a sentence" "$said" '^kernel: every try of up to order 3 \(32K\) succeeds\.$'
	matches "and what would do instead stands beside it" "$said" '^32K +(kvmalloc|vmalloc|dma-sg) '
	said=$(memlab sweep orders --at 10 --rounds 1 --time 20 --gfp nowait --min-success 100 \
		--under 'fragment order=4 share=60' 2>&1)
	equal "where not, that can be a failure" "$?" 1
	matches "which says of what" "$said" '^memlab: 1 of what was tried succeeds in less than 100 %'
	said=$(memlab sweep sizes kmalloc vmalloc --at 64,16K --rounds 2 --time 50 release=oldest 2>&1)
	equal "a sweep of sizes" "$?" 0
	matches "says which is cheapest" "$said" '^By both phases together, kmalloc is the cheapest '
	said=$(memlab sweep sizes 2>&1)
	equal "of nothing is wrong use" "$?" 2
	said=$(memlab sweep threads kmalloc threads=2 2>&1)
	matches "as is what it varies itself" "$said" '^memlab: threads=2: of a sweep it is said by --at$'
	said=$(memlab sweep sizes kmaloc --at 64 2>&1)
	equal "what there is not is refused" "$?" 5
	umount $TRACING
}

# For a guest of 8 CPUs and an IOMMU, which "backend" on the kernel's command line is the mode of.
check_sweep_threads() {
	find_edu
	lend "$edu"
	said=$(memlab sweep threads dma-single size=4K direction=to-device "device=$edu" --at 1-8 \
		--time 200 2>&1)
	equal "a sweep of 1 to 8 threads" "$?" 0
	echo "$said"
	# shellcheck disable=SC2154
	case $backend in
	strict) domain=DMA ;;
	*) domain=DMA-FQ ;;
	esac
	matches "behind this IOMMU" "$said" "^on $edu, IOMMU $domain\$"
	for threads in 1 2 3 4 5 6 7 8; do
		matches "with $threads" "$said" "^ +$threads +[0-9]+ .* 100 +[1-9][0-9]*\$"
	done
	matches "in a sentence" "$said" '^dma-single takes (no longer|[0-9.]+ times as long) '
	# The same without it: what the host's processors do to so many of the guest's.
	memlab sweep threads dma-single size=4K direction=to-device --at 1,8 --time 200 2>/dev/null | cat
	give_back "$edu"
}

# An area that is full of a file's pages, each of which an allocation from it has to move.
check_cache_in_cma() {
	area=$(awk '$1 == "CmaTotal:" { print $2 }' /proc/meminfo)
	before=$(awk '$1 == "CmaFree:" { print $2 }' /proc/meminfo)
	cached=$(awk '$1 == "Cached:" { print $2 }' /proc/meminfo)
	refused "an area full of page cache without the parameter" scenario "Invalid argument" \
		"EINVAL cache-in-cma: .*allow_pressure=1" "cache-in-cma share=97"
	with_parameters allow_pressure=1
	succeeds "the area fills" put "$MEMLAB/scenario" "cache-in-cma share=97"
	cat "$MEMLAB/scenario"
	matches "as far as it can" "$(state ended_by)" '^(cap|nothing-left-to-take)$'
	free=$(awk '$1 == "CmaFree:" { print $2 }' /proc/meminfo)
	between "the area has lost so much (kB)" $((before - free)) $((area * 90 / 100)) $((area * 98 / 100))
	now=$(awk '$1 == "Cached:" { print $2 }' /proc/meminfo)
	between "to the page cache (kB)" $((now - cached)) $((area * 90 / 100)) $((area * 98 / 100))
	mountpoint -q $TRACING || mount -t tracefs tracefs $TRACING
	said=$(memlab run cma size=32M iterations=20 warmup=0 --trace-above 1000 --json 2>&1)
	equal "an allocation from it is slow" "$?" 0
	echo "$said" | grep -B 2 'mm_migrate\|"ns"'
	matches "and its trace names the migration" "$said" \
		'"text": "mm_migrate_pages_start: .* reason=contig_range"'
	umount $TRACING
	# More than is free elsewhere.
	kills=$(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat)
	held=$(state held_pages)
	mkdir -p /tmp/files
	mount -t tmpfs -o size=400M none /tmp/files
	succeeds "who needs it gets it" dd if=/dev/zero of=/tmp/files/file bs=1M count=170
	cat "$MEMLAB/scenario"
	between "of what is held (pages)" "$(state given_back)" 1000 "$held"
	equal "nobody was killed" "$(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat)" "$kills"
	umount /tmp/files
	succeeds "it ends" put "$MEMLAB/scenario" none
	sync
	after=$(awk '$1 == "CmaFree:" { print $2 }' /proc/meminfo)
	between "nothing is kept (kB)" $((before - after)) -8192 8192
}

# Memory that is short for what may not wait.
check_hold() {
	with_parameters allow_pressure=1
	was=$(cat /proc/sys/vm/min_free_kbytes)
	boost=$(cat /proc/sys/vm/watermark_boost_factor)
	echo 1024 >/proc/sys/vm/min_free_kbytes
	# What fragmentation raises the marks by is given to who waits, and left to who may not.
	echo 0 >/proc/sys/vm/watermark_boost_factor
	kills=$(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat)
	# More at a time than lies between the mark and what such allocations leave, and on the CPUs' lists.
	atomic="pages size=4K gfp=atomic batch=256 mode=batch iterations=25600 warmup=0 threads=8"
	succeeds "atomic allocations" put "$MEMLAB/run" "$atomic"
	equal "succeed" "$(field failures)" 0
	succeeds "memory is held" put "$MEMLAB/scenario" "hold share=100"
	cat "$MEMLAB/scenario"
	equal "to the end" "$(state ended_by)" watermark
	held=$(state held_pages)
	between "most of what was free (pages)" "$held" $(($(state cap_pages) * 8 / 10)) "$(state cap_pages)"
	# shellcheck disable=SC2086 # words
	said=$(memlab run $atomic 2>&1)
	equal "atomic allocations are tried" "$?" 0
	echo "$said"
	matches "and fail" "$said" '^failed: [1-9][0-9]* x ENOMEM$'
	memlab doctor
	sleep 5
	between "it is still held (pages)" "$(state held_pages)" $((held * 90 / 100)) "$held"
	# More than is free in the CMA area.
	succeeds "who may wait gets memory" dd if=/dev/zero of=/tmp/file bs=1M count=100
	rm /tmp/file
	between "of what was held (pages)" "$(state given_back)" 1000 1000000
	equal "nobody was killed" "$(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat)" "$kills"
	put "$MEMLAB/scenario" none
	echo "$was" >/proc/sys/vm/min_free_kbytes
	echo "$boost" >/proc/sys/vm/watermark_boost_factor
	with_parameters
	refused "without the parameter" scenario "Invalid argument" "EINVAL hold: .*allow_pressure=1" hold
}
