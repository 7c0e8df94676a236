# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# The snapshots of memory against what the kernel itself says, for every zone.

# look KERNEL FILTER OURS FILTER: two files, and what turns each into lines to compare. Read by one
# process, into pages that are there already, so that looking moves as little memory as can be.
# Leaves /tmp/before, /tmp/memlab and /tmp/kernel, in the order in which they were read.
look() {
	echo "%%" >/tmp/mark
	cat "$1" /tmp/mark "$3" /tmp/mark "$1" /tmp/mark 1<>/tmp/all
	awk '/^%%$/ { part++; next } { print >("/tmp/part" part + 0) }' /tmp/all
	$2 </tmp/part0 >/tmp/before
	$4 </tmp/part1 >/tmp/memlab
	$2 </tmp/part2 >/tmp/kernel
}

# The same, repeated until the kernel says one thing before and after.
quietly() {
	for _ in $(seq 30); do
		look "$@"
		cmp -s /tmp/before /tmp/kernel && cmp -s /tmp/kernel /tmp/memlab && return
	done
}

# same NAME KERNEL FILTER OURS FILTER: one assertion for each line "KEY=VALUE" that the kernel has
same() {
	local name=$1
	shift
	quietly "$@"
	succeeds "$name: the kernel says something" test -s /tmp/kernel
	equal "$name: as many lines as the kernel" "$(wc -l </tmp/memlab)" "$(wc -l </tmp/kernel)"
	# In one process: a fork for each line would take the slow testing kernels minutes.
	awk -v name="$name" '
	{ key = $0; sub(/=.*/, "", key) }
	FILENAME == "/tmp/memlab" { ours[key] = $0; next }
	ours[key] == $0 { print "memlab-test: ok " name ": " key; next }
	{ print "memlab-test: not ok " name ": " key ": got \"" ours[key] "\", wanted \"" $0 "\"" }
	' /tmp/memlab /tmp/kernel
}

# columns NAME...: "node N zone Z NAME=VALUE" for each row of the first table
columns() {
	awk -v names="$*" '
	/^#/ { next }
	!header { header = 1; for (i = 1; i <= NF; i++) at[$i] = i; n = split(names, name, " "); next }
	!NF { exit }
	{
		for (i = 1; i <= n; i++)
			print "node " $at["node"] " zone " $at["zone"] " " name[i] "=" $at[name[i]]
	}'
}

# The populated zones that /proc/zoneinfo has, with the given keys.
zoneinfo() {
	awk -v names="$*" '
	BEGIN { n = split(names, name, " ") }
	function flush(i) {
		if (got["present"] > 0)
			for (i = 1; i <= n; i++)
				print "node " node " zone " zone " " name[i] "=" got[name[i]]
		split("", got)
	}
	$1 == "Node" { flush(); node = $2; sub(",", "", node); zone = $4 }
	$1 == "pages" && $2 == "free" { got["free"] = $3 }
	$1 == "protection:" { line = $0; gsub(/[^0-9,]/, "", line); got["protection"] = line }
	$1 == "nr_free_cma" { got["free_cma"] = $2 }
	$1 == "start_pfn:" { got["start_pfn"] = $2 }
	$1 == "count:" { got["pcp"] += $2 }
	$1 == "high:" { got["pcp_high"] += $2 }
	$1 ~ /^(min|low|high|boost|spanned|present|managed|cma)$/ { got[$1] = $2 }
	END { flush() }'
}

ZONE_COLUMNS="start_pfn spanned present managed free cma free_cma min low high protection"

kernel_zones() {
	zoneinfo "$ZONE_COLUMNS"
}

memlab_zones() {
	columns "$ZONE_COLUMNS"
}

kernel_pcp() {
	zoneinfo pcp pcp_high
}

memlab_pcp() {
	columns "pcp pcp_high"
}

# An assertion for each of the kernel's lists, from what look() left
near_pcp() {
	awk -F= '
	FILENAME == "/tmp/before" { before[$1] = $2; next }
	FILENAME == "/tmp/memlab" { ours[$1] = $2; next }
	{
		least = before[$1] < $2 ? before[$1] : $2
		most = before[$1] < $2 ? $2 : before[$1]
		fits = $1 in ours && ours[$1] >= least - least / 8 - 64 && ours[$1] <= most + most / 8 + 64
		print "memlab-test: " (fits ? "ok" : "not ok") " zones: " $1 ": got " ours[$1] \
			", the kernel " before[$1] " to " $2
	}' /tmp/before /tmp/memlab /tmp/kernel
}

check_zones() {
	same zones /proc/zoneinfo kernel_zones "$MEMLAB/zones" memlab_zones
	# Reading takes pages from these lists and gives them back, and the kernel fills, trims and tunes
	# them all the while, by thousands at once: they never hold still. What is compared is that they
	# are the same lists, by where the kernel's own stand before and after, in one of a few looks.
	for _ in $(seq 10); do
		look /proc/zoneinfo kernel_pcp "$MEMLAB/zones" memlab_pcp
		near_pcp >/tmp/near
		grep -q "not ok" /tmp/near || break
	done
	succeeds "zones: the kernel has per-CPU lists" test -s /tmp/near
	cat /tmp/near
	matches "the cost is shown" "$(tail -n 1 "$MEMLAB/zones")" '^# taken and rendered in [1-9][0-9]* ns$'
}

# "Node    0, zone    DMA32, type    Unmovable      1      0 ..."
kernel_lists() {
	sed -n 's/^Node *\([0-9]*\), zone *\([^,]*\), type *\([A-Za-z]*\) */\3 \1 \2=/p' |
		tr -s ' ' | sed 's/ $//'
}

memlab_lists() {
	awk '
	/^#/ { next }
	$1 == "type" { on = 1; next }
	on && NF {
		line = $1 " " $2 " " $3 "="
		for (i = 4; i <= NF; i++) line = line (i > 4 ? " " : "") $i
		print line
	}'
}

check_free_lists() {
	same "free lists" /proc/pagetypeinfo kernel_lists "$MEMLAB/buddy" memlab_lists
}

WATERMARK_COLUMNS="managed free min low high boost protection"

kernel_watermarks() {
	zoneinfo "$WATERMARK_COLUMNS"
}

memlab_watermarks() {
	columns "$WATERMARK_COLUMNS"
}

check_watermarks() {
	same watermarks /proc/zoneinfo kernel_watermarks "$MEMLAB/watermarks" memlab_watermarks
	awk '/^#/ { next } !at { at = 1; next } $4 > $7 { print }' "$MEMLAB/watermarks" >/tmp/high
	succeeds "a zone is above its high watermark" test -s /tmp/high
	succeeds "and says so" grep -q above_high /tmp/high
}

# The kernel prints -500 thousandths as " 0.-500".
kernel_index() {
	sed 's/^Node \([0-9]*\), zone */\1 /; s/ 0\.-/ -0./g' | tr -s ' ' | sed 's/ $//; s/ /=/2'
}

memlab_index() {
	awk -v index_name="$1" '
	/^#/ { next }
	$1 == index_name {
		line = $2 " " $3 "="
		for (i = 4; i <= NF; i++) line = line (i > 4 ? " " : "") $i
		print line
	}'
}

memlab_unusable() {
	memlab_index unusable
}

memlab_extfrag() {
	memlab_index extfrag
}

# Only a kernel with COMPACTION and debugfs has the kernel's own indices.
check_fragmentation() {
	extfrag=/sys/kernel/debug/extfrag
	same unusable $extfrag/unusable_index kernel_index "$MEMLAB/fragmentation" memlab_unusable
	same extfrag $extfrag/extfrag_index kernel_index "$MEMLAB/fragmentation" memlab_extfrag
	# What is said of the largest zone must hold: its largest order is on its lists.
	cat "$MEMLAB/buddy" "$MEMLAB/fragmentation" | awk '
	function most(largest, zone, order) { if (order > largest[zone]) largest[zone] = order }
	$1 ~ /^(Unmovable|Movable|Reclaimable|CMA)$/ {
		for (i = 4; i <= NF; i++)
			if ($i ~ /[1-9]/) {
				most(movable, $2 " " $3, i - 4)
				if ($1 != "CMA") most(other, $2 " " $3, i - 4)
			}
	}
	$1 == "other" && $4 != "-" && $4 > 0 + other[$2 " " $3] { print }
	$1 == "movable" && $4 != "-" && $4 > 0 + movable[$2 " " $3] { print }
	$1 ~ /^(other|movable)$/ { rows++ }
	END { if (!rows) print "no verdict" }' >/tmp/verdicts
	quiet "no verdict is above what the lists have" /tmp/verdicts
}

# "NAME=VALUE" for "NAME: VALUE kB" and for "NAME VALUE"
kernel_meminfo() {
	awk '/^(MemTotal|MemFree|MemAvailable|HighTotal|HighFree|Active\(file\)|Inactive\(file\)|AnonPages|Shmem|SReclaimable|SUnreclaim|PageTables|CmaFree):/ {
		sub(":", "", $1); print $1 "=" $2
	}' | sort
}

# Without high memory the kernel has no rows for it.
memlab_meminfo() {
	awk '
	/^#/ || !NF || $1 == "use" || $1 == "sign" || $1 == "node" || $1 ~ /^[0-9]+$/ { next }
	$1 == "=" { print $2 "=" $3 }
	$1 == "+" || $1 == "-" { next }
	$1 != "=" && !($1 ~ /^High/ && !high) { print $1 "=" $2 }' high="$HIGH" | sort
}

# The terms of MemAvailable must come to the sum that stands under them.
term_sum() {
	awk '$1 == "+" { sum += $3 } $1 == "-" && $2 != "" { sum -= $3 } $1 == "=" { print $3 - sum }' \
		"$MEMLAB/meminfo"
}

check_meminfo() {
	HIGH=$(grep -c '^HighTotal:' /proc/meminfo)
	[ "$HIGH" = 1 ] || HIGH=
	same meminfo /proc/meminfo kernel_meminfo "$MEMLAB/meminfo" memlab_meminfo
	equal "the terms add up to MemAvailable" "$(term_sum)" 0
}

# Totals grow while we look: each must lie between what the kernel said before and after.
check_events() {
	cat /proc/vmstat >/tmp/before
	cat "$MEMLAB/events" >/tmp/events
	cat /proc/vmstat >/tmp/after
	awk '!/^#/ && $1 != "event"' /tmp/events >/tmp/ours
	succeeds "there are events" test "$(wc -l </tmp/ours)" -ge 20
	awk '
	FILENAME == "/tmp/before" { before[$1] = $2; next }
	FILENAME == "/tmp/after" { after[$1] = $2; next }
	$1 in before && before[$1] <= $2 && $2 <= after[$1] { print "memlab-test: ok " $1; next }
	{ print "memlab-test: not ok " $1 ": " $2 ", the kernel " before[$1] " to " after[$1] }
	' /tmp/before /tmp/after /tmp/ours
	sed -n 's/^\(pgalloc_[a-z0-9]*\) .*/\1/p' /tmp/before | grep -v device | sort >/tmp/names
	equal "allocations of every zone are among them" \
		"$(sed -n 's/^\(pgalloc_[a-z0-9]*\) .*/\1/p' /tmp/ours | sort)" "$(cat /tmp/names)"
	matches "the time is shown" "$(cat /tmp/events)" '^# CLOCK_MONOTONIC [1-9][0-9]* ns$'
}

kernel_cma() {
	zoneinfo "cma free_cma"
}

memlab_cma() {
	columns "cma free_cma"
}

check_cma() {
	same cma /proc/zoneinfo kernel_cma "$MEMLAB/cma" memlab_cma
	total=$(awk '/^CmaTotal:/ { print $2 }' /proc/meminfo)
	equal "all zones have what CmaTotal says" "$total" \
		"$(columns cma <"$MEMLAB/cma" | awk -F= -v kb=$((PAGE / 1024)) '{ sum += $2 } END { print sum * kb }')"
	# The guest is booted with an area.
	matches "the area of the module's device is named" "$(cat "$MEMLAB/cma")" \
		'^reserved +[1-9][0-9]* +unknown +unknown$'
}

# held KIND REGION
held() {
	equal "$1 lies in $2" "$(awk -v kind="$1" '
		!/^#/ && index("," $6 ",", "," kind ",") { print $4 }' "$MEMLAB/layout")" "$2"
}

check_layout() {
	held kmalloc linear
	held alloc_pages linear
	held vmalloc vmalloc
	regions=$(awk '!/^#/ && $1 ~ /^0x/ && $4 != "-" { print $4 }' "$MEMLAB/layout" | sort | tr '\n' ' ')
	case $ARCH in
	arm)
		held kmap_local fixmap
		held module_code modules
		held kernel_code linear
		equal "the classic picture" "$regions" "fixmap linear modules pkmap user vmalloc "
		matches "3G/1G" "$(cat "$MEMLAB/layout")" '^ *0xc0000000 .* linear '
		;;
	arm64)
		# The kernel is where KASLR has put it; modules follow it.
		held kernel_code vmalloc
		held struct_page vmemmap
		equal "the regions" "$regions" "fixmap linear modules user vmalloc vmemmap "
		# shellcheck disable=SC2046 # two words
		set -- $(awk '$4 == "linear" { print $1, $2 }' "$MEMLAB/layout")
		mapped=$(($2 - $1))
		# shellcheck disable=SC2046 # the first and the last address
		set -- $(awk '/System RAM/ { print $1 }' /proc/iomem | tr - '\n' | sed -n '1p;$p')
		equal "the linear map is as long as memory" "$mapped" "$((0x$2 + 1 - 0x$1))"
		;;
	*)
		held module_code modules
		held kernel_code kernel
		equal "the regions" "$regions" \
			"cpu_entry_area efi espfix fixmap kernel ldt linear modules user vmalloc vmemmap "
		held struct_page vmemmap
		;;
	esac
	# Every row begins where the row under it ends.
	awk '!/^#/ && $1 ~ /^0x/ { if (start && $2 != start) print; start = $1 }' "$MEMLAB/layout" >/tmp/torn
	quiet "without holes and overlaps" /tmp/torn
}

# ends REGION: the first address of it and the one after it, as numbers
ends() {
	awk -v region="$1" '!/^#/ && $4 == region { print $1; print $2 }' "$MEMLAB/layout" |
		while read -r address; do echo $((address)); done | tr '\n' ' '
}

# around ADDRESS: the region that it lies in
around() {
	awk '!/^#/ && $1 ~ /^0x/ { print $1, $2, $4 }' "$MEMLAB/layout" |
		while read -r start end region; do
			# Of the kernel's half: as numbers these are negative.
			[ $((start)) -le $(($1)) ] && [ $(($1)) -lt $((end)) ] && echo "$region"
		done
}

# vmcore WORD: what the kernel writes down by that for whoever reads its dump, of arm64
vmcore() {
	head -c 16384 /proc/kcore | strings | sed -n "s/^$1=//p"
}

# What the kernel said when it booted, and what it writes down for whoever reads its dump.
check_boot_log() {
	local first last linear moved
	dmesg >/tmp/boot
	# "  node   0: [mem 0x0000000040000000-0x000000007fffffff]"
	first=$(sed -n 's/.*node *0: \[mem \(0x[0-9a-f]*\)-.*/\1/p' /tmp/boot | head -n 1)
	last=$(sed -n 's/.*node *0: \[mem .*-\(0x[0-9a-f]*\)\].*/\1/p' /tmp/boot | tail -n 1)
	moved=$(vmcore KERNELOFFSET)
	if grep -q -w nokaslr /proc/cmdline; then
		matches "nothing is moved about" "$(cat /tmp/boot)" 'KASLR disabled'
		equal "the kernel lies where it was linked" "$moved" 0
	else
		matches "all is moved about" "$(cat /tmp/boot)" 'KASLR enabled'
		succeeds "the kernel does not lie where it was linked" [ $((0x$moved)) != 0 ]
	fi
	case $(awk '$1 == "cpu" { print $2, $3, $4 }' "$MEMLAB/provenance") in
	"QEMU TCG max,"*) matches "52 bits" "$(cat /tmp/boot)" '52-bit Virtual Addressing \(L' ;;
	*) equal "48 bits" "$(grep -c '52-bit Virtual Addressing' /tmp/boot)" 0 ;;
	esac

	equal "modules" "$(ends modules)" "$(($(vmcore 'NUMBER(MODULES_VADDR)'))) $(($(vmcore 'NUMBER(MODULES_END)'))) "
	equal "vmalloc" "$(ends vmalloc)" "$(($(vmcore 'NUMBER(VMALLOC_START)'))) $(($(vmcore 'NUMBER(VMALLOC_END)'))) "
	# It and PAGE_OFFSET are for the widest CPU that the kernel knows; PHYS_OFFSET, and where page 0
	# would be, make up for others.
	equal "vmemmap begins" "$(ends vmemmap | cut -d ' ' -f 1)" \
		"$((0x$(vmcore 'SYMBOL(vmemmap)') + $(vmcore 'SIZE(page)') * (first / PAGE)))"
	linear=$((first - $(vmcore 'NUMBER(PHYS_OFFSET)') - (1 << $(vmcore 'NUMBER(VA_BITS)'))))
	equal "linear" "$(ends linear)" "$linear $((linear + last + 1 - first)) "
	held kernel_code "$(around "$(awk '$3 == "_text" { print "0x" $1 }' /proc/kallsyms)")"
	held module_code "$(around "$(awk '$1 == "memlab" { print $6 }' /proc/modules)")"

	# "  DMA      [mem 0x0000000040000000-0x000000007fffffff]"
	sed -n 's/.*  \([A-Z][A-Za-z0-9]*\) *\[mem \(0x[0-9a-f]*\)-\(0x[0-9a-f]*\)\]$/\1 \2 \3/p' /tmp/boot |
		while read -r zone from to; do
			echo "$zone $((from / PAGE)) $(((to + 1 - from) / PAGE))"
		done >/tmp/zones
	equal "the zones" "$(columns start_pfn spanned <"$MEMLAB/zones" |
		sed 's/node 0 zone \([^ ]*\) [a-z_]*=/\1 /' |
		awk '{ row[$1] = row[$1] " " $2 } END { for (zone in row) print zone row[zone] }' | sort)" \
		"$(sort /tmp/zones)"
	# "Memory: 900928K/1048576K available (19264K kernel code, ..., 65536K cma-reserved)"
	equal "memory, and that of areas" \
		"$(columns present cma <"$MEMLAB/zones" | awk -v kb=$((PAGE / 1024)) '
			{ sub(/.* /, ""); split($0, pair, "="); sum[pair[1]] += pair[2] * kb }
			END { print sum["present"], sum["cma"] }')" \
		"$(sed -n 's/.*Memory: [0-9]*K\/\([0-9]*\)K available.* \([0-9]*\)K cma-reserved.*/\1 \2/p' /tmp/boot)"
}
