# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# The snapshots of memory against what the kernel itself says, for every zone.

# quietly KERNEL FILTER OURS FILTER: two files, and what turns each into lines to compare. Memory
# moves under us: read by one process, into pages that are there already, until the kernel says the
# same before and after. Leaves /tmp/kernel and /tmp/memlab.
quietly() {
	echo "%%" >/tmp/mark
	for _ in $(seq 60); do
		cat "$1" /tmp/mark "$3" /tmp/mark "$1" /tmp/mark 1<>/tmp/all
		awk '/^%%$/ { part++; next } { print >("/tmp/part" part + 0) }' /tmp/all
		$2 </tmp/part0 >/tmp/before
		$4 </tmp/part1 >/tmp/memlab
		$2 </tmp/part2 >/tmp/kernel
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
	while read -r line; do
		key=${line%%=*}
		equal "$name: $key" "$(grep -F -- "$key=" /tmp/memlab)" "$line"
	done </tmp/kernel
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

ZONE_COLUMNS="start_pfn spanned present managed free cma free_cma min low high pcp pcp_high protection"

kernel_zones() {
	zoneinfo "$ZONE_COLUMNS"
}

memlab_zones() {
	columns "$ZONE_COLUMNS"
}

check_zones() {
	same zones /proc/zoneinfo kernel_zones "$MEMLAB/zones" memlab_zones
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
