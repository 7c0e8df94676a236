# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# What an operation cost the machine: the list that it found empty, the memory that it reclaimed,
# the failure that took time.

# class CLASS COLUMN: a cell of the table of classes of the last run
class() {
	awk -v class="$1" -v name="$2" '
	$1 == "class" && $2 == "figure" { for (i = 1; i <= NF; i++) column[$i] = i; on = 1; next }
	on && !NF { exit } on && $1 == class { print $column[name]; exit }' "$MEMLAB/run"
}

# For a guest in which one instruction takes one nanosecond.
check_cold() {
	succeeds "the first ones run" put "$MEMLAB/run" "pages-cold iterations=60 warmup=0 time=60000"
	first=$(figure alloc raw p50)
	succeeds "2,000 run" put "$MEMLAB/run" "pages-cold iterations=2000 warmup=0 time=60000"
	all=$(figure alloc raw p50)
	echo "# p50 of the first 60: $first ns, of 2,000: $all ns"
	equal "each is a sample: the list was empty before" "$(figure alloc raw samples)" 2000
	between "the rest is as cold as the first" "$all" $((first * 9 / 10)) $((first * 11 / 10))
	put "$MEMLAB/run" "pages size=4K iterations=2000 mode=op time=60000"
	between "from the list it takes less than half" "$(figure alloc raw p50)" 1 $((all / 2))
}

# in_cgroup LIMIT BYTES LINE: the line run in a cgroup of its own with that limit
in_cgroup() {
	mkdir /cgroup/classes
	echo "$2" >"/cgroup/classes/$1"
	(echo 0 >/cgroup/classes/cgroup.procs && put "$MEMLAB/run" "$3")
	rmdir /cgroup/classes
}

# For a stock kernel: one with cgroups and tracepoints.
check_classes() {
	put "$MEMLAB/run" "kmalloc iterations=200 mode=op"
	matches "what is fast is said to be" "$(cat "$MEMLAB/run")" \
		'^# classes: none woke kswapd, reclaimed or compacted memory$'
	put "$MEMLAB/run" "dma-single iterations=50"
	equal "what allocates nothing has no classes" "$(grep -c '^# classes' "$MEMLAB/run")" 0
	mkdir -p /cgroup
	mount -t cgroup2 none /cgroup
	echo +memory >/cgroup/cgroup.subtree_control

	# A cgroup full of names that do not exist, which the kernel remembers as long as it has room.
	mkdir /cgroup/names
	(
		echo 0 >/cgroup/names/cgroup.procs
		name=$(printf %0200d 0) number=0
		while [ $number -lt 16000 ]; do
			[ ! -e "/sys/kernel/$name$number" ] || echo "there is $number"
			number=$((number + 1))
		done
		# How much room makes a batch reclaim, and not fail, depends on what is charged meanwhile.
		room=1310720
		while [ $room -ge 262144 ]; do
			read -r used </cgroup/names/memory.current
			echo $((used + room)) >/cgroup/names/memory.max
			put "$MEMLAB/run" \
				"vmalloc size=128K gfp=account mode=batch batch=8 iterations=16 warmup=0 time=60000"
			[ "$(field failures)" != 0 ] || [ -z "$(class reclaim samples)" ] || break
			room=$((room - 131072))
		done
	)
	rmdir /cgroup/names
	sed -n '/^class/,/^$/p' "$MEMLAB/run"
	equal "none fails where names can be forgotten" "$(field failures)" 0
	matches "who reclaimed is told from who did not" "$(class reclaim samples)" '^[12]$'
	samples=$(awk '$1 ~ /^(fast|kswapd|reclaim|compact)$/ && $2 == "raw" { sum += $NF }
		END { print sum }' "$MEMLAB/run")
	equal "together they are all" "$samples" 2
	matches "and each is in the histogram" "$(cat "$MEMLAB/run")" '^reclaim +[0-9]+ +[0-9]+ +[0-9]+$'

	# What it may not have at all fails, after it has been tried.
	in_cgroup memory.max 1M "vmalloc size=4M gfp=account mode=op iterations=5 warmup=0 time=60000"
	equal "each fails beyond memory.max" "$(field failures)" 5
	equal "a failure has a latency" "$(figure failed raw samples)" 5
	matches "which is no sample" "$(figure alloc raw samples)" '^0$'

	# Some of a batch fit: they succeed, one fails, and the next batch is the same.
	in_cgroup memory.max 1M \
		"pages size=64K gfp=account mode=batch batch=64 iterations=128 warmup=0 time=60000"
	echo "# failures $(field failures), unsampled $(field unsampled)"
	equal "each batch ends with one failure" "$(field failures)" 2
	between "what had succeeded before is counted" "$(field unsampled)" 2 64
	matches "and what the failure took is said to be the batch's" "$(cat "$MEMLAB/run")" \
		'^# failed: all of the batch up to the failure'
	umount /cgroup
}
