# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# The measuring engine: it knows delays, threads, endings and limits.

# field KEY: the value of a "key value" line of the last run
field() {
	local rest
	line_of "$1" "$MEMLAB/run"
	echo "${rest%% *}"
}

# figure PHASE FIGURE COLUMN: a cell of the table of the last run
figure() {
	awk -v phase="$1" -v figure="$2" -v name="$3" '
	$1 == "phase" && $2 == "figure" { for (i = 1; i <= NF; i++) column[$i] = i }
	$1 == phase && $2 == figure { print $column[name]; exit }' "$MEMLAB/run"
}

# between NAME VALUE LOW HIGH
between() {
	if [ "$2" -ge "$3" ] 2>/dev/null && [ "$2" -le "$4" ]; then
		pass "$1"
	else
		fail "$1" "got \"$2\", wanted $3 to $4"
	fi
}

# For a guest in which one instruction takes one nanosecond. The kernel's command line may say
# what step its clock has: what is not a parameter comes here as a variable. Loops differ by two.
check_delays() {
	# shellcheck disable=SC2154
	STEP=${clock_step:-2}
	for n in 0 100 1000 10000 100000; do
		succeeds "calibrate size=$n runs" put "$MEMLAB/run" \
			"calibrate size=$n iterations=500 mode=op"
		matches "size=$n: the empty phase is below resolution" "$(figure empty net p50)" '^<'
		if [ $n = 0 ]; then
			# Two instructions ask whether there are none, on ARM three.
			matches "the empty loop is, or takes what asking takes" \
				"$(figure delay net p50)" '^(<[0-9]+|[23])$'
		else
			off=$((n / 20))
			[ $off -ge 10 ] || off=10
			[ $off -ge $((2 * STEP)) ] || off=$((2 * STEP))
			between "size=$n takes $n ns at least" "$(figure delay net min)" \
				$((n - off)) $((n + off))
			# A percentile is rounded up, by a 32nd at most, and the clock's with it.
			up=$(($(figure delay raw p50) / 32))
			[ $off -ge $up ] || off=$up
			between "size=$n comes out as $n ns" "$(figure delay net p50)" \
				$((n - off)) $((n + off))
		fi
	done
	# A clock whose period is no whole number of ns steps by one more or one less now and then.
	between "the clock's step" "$(field clock_step_ns)" $((STEP > 1 ? STEP - 1 : 1)) $((STEP + 1))
	succeeds "calibrate batched runs" put "$MEMLAB/run" \
		"calibrate size=100 iterations=800 mode=batch batch=16"
	between "batched, size=100 comes out as 100 ns" "$(figure delay net p50)" 90 110
	matches "batched, the empty phase is below resolution" "$(figure empty net p50)" '^<'

	succeeds "a write judges the instrument" put "$MEMLAB/calibrate" ""
	cat "$MEMLAB/calibrate"
	matches "it is trusted" "$(cat "$MEMLAB/calibrate")" '^verdict trusted: '
	equal "every delay has its row" \
		"$(awk '$1 ~ /^[0-9]+$/ { printf "%s ", $1 }' "$MEMLAB/calibrate")" \
		"0 100 1000 10000 100000 "
	equal "calibrate takes no parameters" "$(put "$MEMLAB/calibrate" size=5)" "Invalid argument"
	matches "and says so" "$(cat "$MEMLAB/calibrate")" '^refused EINVAL size=5: calibrate takes no'
}

# For a guest with one CPU, on which two threads take turns.
check_disturbed() {
	put "$MEMLAB/run" "calibrate size=0 iterations=100 warmup=0 mode=op"
	equal "a short run is not disturbed" "$(field disturbed)" 0
	put "$MEMLAB/run" "calibrate size=100000 iterations=500 time=60000 threads=2 mode=op"
	case $(field preemption) in
	none | voluntary)
		equal "nothing is switched out within a sample" "$(field disturbed)" 0
		;;
	*)
		between "two threads on one CPU disturb each other" "$(field disturbed)" 10 1000
		# The delay takes 100 us; a turn of the other thread at least as long again.
		between "and that stays in the figures" "$(figure delay raw max)" 300000 100000000
		;;
	esac
	equal "no sample is dropped" "$(figure delay raw samples)" 1000
}

# For a guest with four CPUs, two on each node.
check_threads() {
	succeeds "four threads run" put "$MEMLAB/run" \
		"kmalloc size=64 threads=4 iterations=1000 mode=op"
	awk '$1 == "thread" { on = 1; next } on && !NF { exit } on' "$MEMLAB/run" >/tmp/threads
	cat /tmp/threads
	equal "each has a row" "$(wc -l </tmp/threads)" 4
	equal "each ran on a CPU of its own" "$(awk '{ print $2 }' /tmp/threads | sort | tr '\n' ' ')" \
		"0 1 2 3 "
	equal "each counted its samples" "$(awk '{ print $3 }' /tmp/threads | uniq)" 1000
	equal "they add up" "$(awk '{ sum += $3 } END { print sum }' /tmp/threads)" \
		"$(figure alloc raw samples)"
	equal "so do the disturbed" "$(awk '{ sum += $4 } END { print sum }' /tmp/threads)" \
		"$(field disturbed)"
	put "$MEMLAB/run" "kmalloc size=64 threads=2 node=1 iterations=100 mode=op"
	equal "threads of a node run there" "$(awk '$1 == "thread" { on = 1; next }
		on && !NF { exit } on { print $2 }' "$MEMLAB/run" | sort | tr '\n' ' ')" "2 3 "
}

# free_kb: memory that nobody uses, in kB
free_kb() {
	sync
	# Not every kernel has it.
	echo 3 2>/dev/null >/proc/sys/vm/drop_caches
	awk '$1 == "MemFree:" { kb = $2 } $1 == "count:" { kb += 4 * $2 } END { print kb }' \
		/proc/meminfo /proc/zoneinfo
}

# scripts/test/engine.c ends so many runs early, within so many ms. Where the clock counts
# instructions ("exact" on the kernel's command line) that is exact; elsewhere a busy host takes
# the guest's processors away.
check_engine() {
	runs=100 soon=4000
	# shellcheck disable=SC2154
	[ -z "$exact" ] || runs=10 soon=100
	hour="time=3600000 iterations=10000000"
	few=$((runs / 10))
	# The first ones make the kernel keep what it keeps.
	/check/engine kill $soon $few "$MEMLAB/run" "kmalloc $hour mode=op threads=2"
	free_kb >/dev/null
	sleep 1
	before=$(free_kb)
	/check/engine kill $soon $((6 * few)) "$MEMLAB/run" "kmalloc $hour mode=op threads=2"
	/check/engine kill $soon $((2 * few)) "$MEMLAB/run" "vmalloc size=1M $hour mode=batch"
	/check/engine kill $soon $((2 * few)) "$MEMLAB/run" "dma-coherent size=64K $hour mode=op"
	sleep 1
	after=$(free_kb)
	echo "# free: $before kB before $((10 * few)) killed runs, $after kB after"
	[ "$runs" -lt 100 ] ||
		between "killed runs leave nothing behind (kB)" $((before - after)) -65536 2048
	/check/engine kill $soon $few "$MEMLAB/run" "calibrate size=1000000 $hour mode=batch batch=64"
	/check/engine kill $soon $few "$MEMLAB/compare" "time=3600000"
	/check/engine stop $soon $few "$MEMLAB/run" "kmalloc $hour mode=op threads=2"
	matches "a stopped run says so" "$(cat "$MEMLAB/run")" '^ending +stopped$'
	# shellcheck disable=SC2154
	[ -z "$exact" ] ||
		matches "and keeps what it measured" "$(figure alloc raw samples)" '^[1-9]'
	/check/engine stop $soon $few "$MEMLAB/compare" "time=3600000"
	# One that has ended is still listed for a moment.
	sleep 1
	equal "no thread is left" "$(cat /proc/[0-9]*/comm | grep '^memlab/')" ""
	succeeds "the next run works" put "$MEMLAB/run" "kmalloc iterations=100 mode=op"
	equal "and is complete" "$(field ending)" complete
}

# shape: the median and the 99th percentile of the last run
shape() {
	echo "$(figure alloc net p50) $(figure alloc net p99) $(figure free net p50)" \
		"$(figure free net p99)"
}

# Where the clock counts instructions: what looking at a run costs, and what it does to the run.
check_watched() {
	local request before looked
	request="kmalloc size=64 mode=op time=200"
	# Of small ones the most that a run may have are done sooner.
	[ -z "$watched" ] || request="kmalloc size=64K mode=op time=$watched"
	request="$request iterations=10000000"
	put "$MEMLAB/run" "$request"
	before=$(shape)
	/check/session look &
	put "$MEMLAB/run" "$request"
	wait $!
	cat "$MEMLAB/run"
	looked=$(shape)
	# A run starts from what the one before has left in the kernel's lists.
	put "$MEMLAB/run" "$request"
	echo "# p50 and p99 of both phases: $before; looked at $looked; again $(shape)"
	[ "$looked" != "$(shape)" ] || before=$looked
	equal "looked at a hundred times a second it has the same percentiles" "$looked" "$before"
	put "$MEMLAB/run" "kmalloc mode=op time=3600000 iterations=10000000" >/dev/null &
	usleep 100000
	/check/session cost || fail "the program" "status $?"
	put "$MEMLAB/stop" 1
	wait
}

# with_parameters PARAMETER...: the module again, loaded so
with_parameters() {
	rmmod memlab && insmod /memlab.ko "$@"
}

# allocated: pages handed out since the machine started
allocated() {
	awk '/^pgalloc_/ { sum += $2 } END { print sum }' /proc/vmstat
}

check_limits() {
	range="Numerical result out of range"
	refused "zero iterations" run "$range" \
		"ERANGE iterations=0: .* 1 to 10000000 operations" "calibrate iterations=0"
	refused "absurd iterations" run "$range" \
		"ERANGE iterations=10000001: .* 1 to 10000000 operations" "calibrate iterations=10000001"
	refused "threads over the cap" run "$range" \
		"ERANGE threads=$((4 * $(nproc) + 1)): .* 1 to $((4 * $(nproc))) threads" \
		"kmalloc threads=$((4 * $(nproc) + 1))"
	refused "a node that does not exist" run "$range" "ERANGE node=63: " "kmalloc node=63"
	refused "a batch over the range" run "$range" \
		"ERANGE batch=512: .* 0 to 256 operations" "kmalloc batch=512 mode=batch"
	refused "a batch that is no power of two" run "Invalid argument" \
		"EINVAL batch=3: must be a power of two, 1 to 256 " "kmalloc size=64 batch=3 mode=batch"
	refused "a batch that cannot fit" run "Invalid argument" \
		"EINVAL batch=256: must be a power of two, 1 to [0-9]+ " "vmalloc size=1M batch=256 mode=batch"

	succeeds "it takes its limits as parameters" with_parameters \
		max_iterations=100 max_time=50 max_threads=2 max_memory=65536
	refused "max_iterations" run "$range" "ERANGE iterations=101: .* 1 to 100 " \
		"kmalloc iterations=101"
	refused "max_time" run "$range" "ERANGE time=51: .* 1 to 50 ms" "kmalloc time=51"
	refused "max_threads" run "$range" "ERANGE threads=3: .* 1 to 2 " "kmalloc threads=3"
	refused "max_memory" run "Cannot allocate memory" \
		"ENOMEM size=131072 with threads=1: each kmalloc would hold 131072 bytes, .* 65536 now" "kmalloc size=128K"
	refused "max_memory, threads together" run "Cannot allocate memory" \
		"ENOMEM size=65536 with threads=2: .* 65536 bytes" "kmalloc size=64K threads=2"
	refused "max_memory, what threads count in" run "Cannot allocate memory" \
		"ENOMEM size=64 with threads=2: .* the threads' figures [0-9]+, .* 65536 now" \
		"kmalloc size=64 threads=2"
	before=$(allocated)
	refused "max_memory, of 4096 pages" run "Cannot allocate memory" \
		"ENOMEM size=16777216 with threads=1: " "vmalloc size=16M"
	between "which are not tried (pages)" $(($(allocated) - before)) 0 2048
	succeeds "what it can have is tried" put "$MEMLAB/run" "kvmalloc size=4K"
	equal "up to max_memory" "$(field tried_to)" 64K
	succeeds "a request without numbers keeps to them" put "$MEMLAB/run" "kmalloc size=64"
	between "its iterations" "$(field iterations)" 1 100
	between "its warm-up" "$(field warmup)" 0 100
	between "its time" "$(field time_ms)" 1 50
	succeeds "a warm-up that does not fit" put "$MEMLAB/run" \
		"calibrate size=1000000 iterations=1 warmup=100 time=40"
	between "takes a part of the time" "$(field warmed_up)" 1 99
	succeeds "and says so" grep -q "^# the warm-up ended after $(field warmed_up) of 100 operations" \
		"$MEMLAB/run"
	succeeds "limits of nothing leave the least" with_parameters max_iterations=0 max_time=0
	succeeds "one operation within one ms" put "$MEMLAB/run" "kmalloc iterations=1 time=1"
	succeeds "it loads without parameters" with_parameters
}
