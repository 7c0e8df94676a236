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
	between "nothing is kept (kB)" $((before - after)) -4096 4096

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
		"vmalloc size=6M batch=16 mode=batch iterations=16 warmup=0"
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
