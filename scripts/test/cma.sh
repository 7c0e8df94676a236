# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# CMA: why an allocation fails, what it moves, and how long a run can be had.

# said KEY: the value of a "key value" line of what the area said, from the run or from `cma`
said() {
	awk -v key="$1" '$1 == key { $1 = ""; sub(/^ */, ""); print; exit }' "${2:-$MEMLAB/run}"
}

# fails NAME CAUSE RETRY LINE: a run in which each allocation fails, for that cause
fails() {
	succeeds "$1: it is a result, not a refusal" put "$MEMLAB/run" "$4 mode=op iterations=2 warmup=0"
	equal "$1: the cause" "$(said cause)" "$2"
	matches "$1: whether a retry helps" "$(said retry)" "$3"
	succeeds "$1: what would help is said" test -n "$(said would_help)"
}

# Only a kernel with CMA_DEBUGFS says itself how long a run is.
same_as_kernel() {
	own=/sys/kernel/debug/cma/reserved
	succeeds "$1: a write probes" put "$MEMLAB/cma" ""
	[ -d $own ] || return 0
	equal "$1: the longest run is the kernel's" \
		"$(said largest_run "$MEMLAB/cma" | cut -d' ' -f1)" "$(cat $own/maxchunk)"
	equal "$1: what is left is the kernel's" "$(said area_left "$MEMLAB/cma")" \
		"$(($(cat $own/count) - $(cat $own/used)))"
}

# For a guest with an area of 64M.
check_cma_causes() {
	before=$(awk '/^CmaFree:/ { print $2 }' /proc/meminfo)
	succeeds "an allocation works" put "$MEMLAB/run" "cma size=64K mode=op iterations=5"
	equal "it is in the area" "$(said cma)" yes
	equal "nothing has failed" "$(said failures)" 0
	succeeds "an aligned one works" put "$MEMLAB/run" "cma size=$PAGE align=8 mode=op iterations=5"
	phys=$(said phys)
	equal "it is aligned" "${phys#"${phys%00000}"}" 00000
	same_as_kernel "untouched"
	area=$(said area_pages "$MEMLAB/cma")

	put "$MEMLAB/scenario" "fill-cma share=90"
	fails "an area that others hold" full "^only after another" "cma size=16M"
	same_as_kernel "held"
	put "$MEMLAB/scenario" "fill-cma order=6 share=60"
	fails "an area in pieces" fragmented "^only after another" "cma size=$((PAGE * 128))"
	# A piece, and what another user's pages leave beside it.
	between "the longest run (pages)" "$(said largest_run | cut -d' ' -f1)" 64 127
	same_as_kernel "in pieces"
	succeeds "a piece can be had" put "$MEMLAB/run" "cma size=$((PAGE * 64)) mode=op iterations=5"
	equal "none fails" "$(said failures)" 0
	put "$MEMLAB/scenario" none
	same_as_kernel "given back"
	equal "the kernel counts its pages" "$((area * (PAGE / 1024)))" "$(awk '/^CmaTotal:/ { print $2 }' /proc/meminfo)"
	after=$(awk '/^CmaFree:/ { print $2 }' /proc/meminfo)
	between "nothing is kept (kB)" $((before - after)) -16384 4096

	with_parameters max_memory=$((256 << 20))
	fails "more than there is" larger "^no: " "cma size=72M"
	with_parameters
}

# For a guest whose area is more than half of its memory: processes get its pages.
check_cma_moves() {
	/check/cma move 12000 "$MEMLAB/run" "cma size=32M align=10 mode=op iterations=1 warmup=0" \
		>/tmp/moved
	equal "a process's pages are intact after they were moved" $? 0
	cat /tmp/moved
	sed -n '/^# changed/,/^$/p' "$MEMLAB/run"
	equal "the area gave them back" "$(said failures)" 0
	moved=$(awk '$1 == "pgmigrate_success" && $2 == "alloc" { print $3 + 0 }' "$MEMLAB/run")
	between "pages that were moved for one allocation of 32M" "${moved:-0}" 100 8192
	first=$(said first_alloc_ns)
	succeeds "the same without them" put "$MEMLAB/run" "cma size=32M align=10 mode=op iterations=5"
	quiet="$(awk '$1 == "alloc" && $2 == "raw" { print $4 }' "$MEMLAB/run")"
	echo "# first with pages to move: $first ns; median without: $quiet ns"
	succeeds "moving costs" test "$first" -gt "$quiet"
}

# For a guest most of which is the area: what the kernel itself cannot have.
check_cma_short() {
	with_parameters max_memory=$((256 << 20))
	succeeds "more than lies outside the area" put "$MEMLAB/run" \
		"vmalloc size=6M batch=16 mode=batch iterations=16 warmup=0 time=60000"
	matches "is refused" "$(cat "$MEMLAB/run")" '^ *-12 +ENOMEM +[1-9]'
	matches "because it lies there" "$(said cause)" '^memory-in-cma$'
	sed -n '/kB were asked/,/^would_help/p' "$MEMLAB/run"
	asked=$(sed -n 's/^# \([0-9]*\) kB were asked for.*/\1/p' "$MEMLAB/run")
	usable=$(sed -n 's/^# can have \([0-9]*\) kB.*/\1/p' "$MEMLAB/run")
	cma=$(sed -n 's/^# can have .* kB: \([0-9]*\) kB lie in CMA.*/\1/p' "$MEMLAB/run")
	equal "asked for (kB)" "$asked" 98304
	between "the kernel can have less (kB)" "$usable" 10000 $((asked - 1))
	between "and in the area lies as much as the kernel says (kB)" "$cma" \
		$(($(awk '/^CmaFree:/ { print $2 }' /proc/meminfo) - 8192)) 393216
	succeeds "less can be had" put "$MEMLAB/run" "vmalloc size=4M mode=op iterations=5"
	equal "and nothing is said" "$(said cause)" ""
	with_parameters
}

check_cma_busy() {
	/check/cma pin 12000 "$MEMLAB/run" "cma size=64M align=10 mode=op iterations=1 warmup=0" \
		>/tmp/pinned
	equal "a process's pinned pages are intact" $? 0
	cat /tmp/pinned
	sed -n '/^area /,/^retry/p' "$MEMLAB/run"
	equal "pinned pages: the cause" "$(said cause)" busy
	matches "pinned pages: a retry may help" "$(said retry)" '^yes, '
	between "pinned pages: the places that were tried" "$(said busy_places)" 1 1000
	matches "pinned pages: why they are busy" "$(said busy_why)" '^pages are pinned: '
	# Of every 64th page of the process one is pinned, and of a place that is as large as the area.
	pinned=$(said busy_pinned | cut -d' ' -f1)
	between "pinned pages: in the last place" "$pinned" 10 1000
	between "pinned pages: they are of a process" "$(said busy_pages | cut -d' ' -f2)" \
		"$pinned" 16384
	succeeds "when they are unpinned" put "$MEMLAB/run" "cma size=64M align=10 mode=op iterations=3"
	equal "a retry does help" "$(said failures)" 0
}

# For a guest whose command line asks for more than there is.
check_cma_lost() {
	asked=$(tr ' ' '\n' </proc/cmdline | grep '^cma=')
	equal "the kernel has no area" "$(awk '/^CmaTotal:/ { print $2 }' /proc/meminfo)" 0
	sentence=$(refusal "cma size=64K")
	matches "it is not only said how to ask for one" "$sentence" \
		'where its command line has that, the reservation failed at boot'
	memlab doctor >/tmp/doctor
	tr -s '\n ' ' ' </tmp/doctor >/tmp/line
	matches "and the doctor sees that it was asked for" "$(cat /tmp/line)" \
		"the kernel's command line has $asked, but reserving it failed at boot"
}

# asked_first LINE: the area that the kernel itself asks first in that run, by its own events
asked_first() {
	local tracing=/sys/kernel/tracing
	mountpoint -q $tracing || mount -t tracefs tracefs $tracing
	echo >$tracing/trace
	echo 1 >$tracing/events/cma/cma_alloc_start/enable
	put "$MEMLAB/run" "$1 iterations=1 warmup=0 mode=op"
	echo 0 >$tracing/events/cma/cma_alloc_start/enable
	sed -n 's/.*cma_alloc_start: name=\([^ ]*\) .*/\1/p' $tracing/trace | tail -n 1
}

# The area that was looked at; a table above it has a column of that name.
named_area() {
	awk '$1 == "area" && NF == 2 { print $2 }' "$MEMLAB/cma"
}

# For a guest of two nodes, each with an area of its own.
check_cma_nodes() {
	find_edu
	for mask in 64 32; do
		rmmod memlab && insmod /memlab.ko edu_mask=$mask
		for node in 0 1; do
			# shellcheck disable=SC2154 # find_edu sets it
			echo $node >"$PCI/devices/$edu/numa_node"
			lend "$edu"
			case $mask in
			64) wanted=numa$node ;;
			*) wanted=reserved ;;
			esac
			equal "$mask bits, node $node: the kernel asks" \
				"$(asked_first "dma-coherent size=1M device=$edu")" $wanted
			succeeds "$mask bits, node $node: it is looked at" put "$MEMLAB/cma" "device=$edu"
			equal "$mask bits, node $node: cma says so" "$(named_area)" $wanted
			succeeds "$mask bits, node $node: it is filled" put "$MEMLAB/scenario" \
				"fill-cma share=50 device=$edu"
			taken=$(awk '/^CmaFree:/ { print $2 }' /proc/meminfo)
			put "$MEMLAB/scenario" none
			free=$(awk '/^CmaFree:/ { print $2 }' /proc/meminfo)
			between "$mask bits, node $node: half of one (kB)" $((free - taken)) 24576 40960
			give_back "$edu"
		done
	done
	put "$MEMLAB/cma" ""
	equal "a device of no node has that of all" "$(named_area)" reserved
}

# The most pages that were held at a time, by the kernel's own events.
most_held() {
	awk '
	function count() { match($0, /count=[0-9]+/); return substr($0, RSTART + 6, RLENGTH - 6) }
	/ cma_alloc_finish: / && /errorno=0/ { held += count(); if (held > most) most = held }
	/ cma_release: / { held -= count() }
	END { print most + 0 }' "$1"
}

# For a kernel with KUnit's suites on: whoever loads the module has most of his area left.
check_spared() {
	local tracing=/sys/kernel/tracing
	mountpoint -q $tracing || mount -t tracefs tracefs $tracing
	area=$(($(awk '/^CmaTotal:/ { print $2 }' /proc/meminfo) * 1024 / PAGE))
	echo 1 >$tracing/events/cma/cma_alloc_finish/enable
	echo 1 >$tracing/events/cma/cma_release/enable
	# load_as [PARAMETER]: how many pages of the area its suites hold at a time
	load_as() {
		rmmod memlab
		echo >$tracing/trace
		suites=$(dmesg | grep -c ' ok [0-9]* memlab_scenario$')
		insmod /memlab.ko "$@" || return
		held=$(most_held $tracing/trace)
		[ "$(dmesg | grep -c ' ok [0-9]* memlab_scenario$')" -gt "$suites" ] || return
		echo "# of $area pages of the area so many were held at a time: $held"
	}
	load_as
	equal "the suites run as the module is loaded" $? 0
	between "and leave most of the area alone (pages)" "$held" 1 $((area / 4))
	load_as kunit=1
	equal "and with kunit=1" $? 0
	between "which alone takes most of the area (pages)" "$held" $((area * 7 / 10)) "$area"
}
