# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# What is written to `run` and `compare`: refusals by name, one writer at a time.

# refused NAME FILE ERROR-TEXT REGEX LINE: the write fails so, and the next read says why
refused() {
	local rest
	put "$MEMLAB/$2" "$5" >/dev/null
	# shellcheck disable=SC2154 # put sets it
	equal "$1: the write fails" "$error" "$3"
	line_of refused "$MEMLAB/$2"
	matches "$1: the next read says why" "$rest" "$4"
}

check_refusals() {
	invalid="Invalid argument"
	range="Numerical result out of range"
	succeeds "a good request runs" put "$MEMLAB/run" "kmalloc iterations=50"
	echo "size=64 time=100 experiments=kmalloc,vmalloc" >"$MEMLAB/compare"

	refused "empty line" run "$invalid" "EINVAL empty line: .* one of .*kmalloc" ""
	refused "unknown experiment" run "$invalid" "EINVAL experiment=nosuch: .*kmalloc" nosuch
	for name in kmalloc vmalloc; do
		matches "the refusal offers $name" "$(head -n 1 "$MEMLAB/run")" "[ ,]$name(,|\$)"
	done
	# There are more of them than a sentence has room for.
	matches "and says where the others are" "$(head -n 1 "$MEMLAB/run")" 'see help\)$'
	for name in dma-single dma-iova cma access-wc kmap-local; do
		matches "help offers $name" "$(cat "$MEMLAB/help")" "^$name "
	done
	refused "unknown key" run "$invalid" \
		"EINVAL colour=red: .*size.*iterations.*see help" "kmalloc colour=red"
	refused "missing value" run "$invalid" "EINVAL size: no value" "kmalloc size="
	refused "missing equals sign" run "$invalid" "EINVAL size: no value" "kmalloc size"
	refused "malformed number" run "$invalid" \
		"EINVAL iterations=12x: .* 1 to [0-9]+ operations" "kmalloc iterations=12x"
	refused "negative number" run "$invalid" \
		"EINVAL threads=-1: .* 1 to [0-9]+ threads" "kmalloc threads=-1"
	refused "hexadecimal number" run "$invalid" "EINVAL size=0x40: " "kmalloc size=0x40"
	refused "zero iterations" run "$range" \
		"ERANGE iterations=0: .* 1 to [0-9]+ operations" "kmalloc iterations=0"
	refused "zero size" run "$range" "ERANGE size=0: .* to [0-9]+ bytes" "kmalloc size=0"
	refused "too large a size" run "$range" \
		"ERANGE size=1099511627776: .* to [0-9]+ bytes" "kmalloc size=1024G"
	refused "a number beyond 64 bits" run "$range" \
		"ERANGE size=99999999999999999999: .* to [0-9]+ bytes" \
		"kmalloc size=99999999999999999999"
	refused "too many threads" run "$range" \
		"ERANGE threads=100000: .* 1 to [0-9]+ threads" "kmalloc threads=100000"
	refused "too long a time" run "$range" \
		"ERANGE time=4000000000: .* 1 to [0-9]+ ms" "kmalloc time=4000000000"
	refused "a node that is not there" run "$range" "ERANGE node=999: " "kmalloc node=999"
	refused "the same key twice" run "$invalid" \
		"EINVAL size=128: given twice" "kmalloc size=64 size=128"
	refused "unknown direction" run "$invalid" \
		"EINVAL direction=up: .*to-device" "dma-single direction=up"
	refused "a direction where there is none" run "$invalid" \
		"EINVAL direction=to-device: kmalloc" "kmalloc direction=to-device"
	refused "unknown mode" run "$invalid" "EINVAL mode=fast: .*auto.*batch" "kmalloc mode=fast"
	refused "an unprintable character" run "$invalid" "EINVAL line: " \
		"$(printf 'kmalloc si\033ze=64')"
	refused "too long a line" run "$invalid" "EINVAL .*at most 256" \
		"kmalloc $(printf '%0300d' 0)"
	head -c 1048576 /dev/zero | tr '\0' x >/tmp/long
	dd if=/tmp/long of="$MEMLAB/run" bs=1M 2>/dev/null
	matches "one of a MiB is told as long as it is" "$(head -n 1 "$MEMLAB/run")" \
		'1048576 bytes, at most 256$'
	refused "a device that is not there" run "No such device" "ENODEV .*nosuch" \
		"dma-single device=nosuch"
	refused "comparison of an unknown key" compare "$invalid" \
		"EINVAL colour=red: .*size" "colour=red"
	refused "comparison of a size beyond the range" compare "$range" \
		"ERANGE size=.*bytes" "size=64,1G"

	refused "all beside a direction" compare "$invalid" \
		"EINVAL direction=all,to-device: all stands alone, must be all or some of bidir" \
		"direction=all,to-device"
	refused "a batch that the iterations do not fill" run "$invalid" \
		"EINVAL batch=16: must be a power of two, 1 to 8 " "kmalloc batch=16 iterations=10"
	long=999999999999999999999999999999
	refused "an order of 30 digits" scenario "$range" \
		"ERANGE order=9999.*: out of range, 1 to [0-9]+ order" "fragment order=$long"
	refused "a batch of 30 digits" run "$range" \
		"ERANGE batch=9999.*: out of range, 0 to 256 operations" "kmalloc batch=$long"
	refused "something beside none" scenario "$invalid" \
		"EINVAL none: none takes no parameters, must stand alone" "none none"

	equal "a second read says the same" "$(cat "$MEMLAB/compare")" "$(cat "$MEMLAB/compare")"
	echo "size=64 time=100 experiments=kmalloc,vmalloc" >"$MEMLAB/compare"
	matches "the next good comparison is shown" "$(cat "$MEMLAB/compare")" '^kmalloc +64 '
	comparison=$(md5sum <"$MEMLAB/compare")
	put "$MEMLAB/run" nosuch >/dev/null
	equal "a refused run leaves the comparison alone" "$(md5sum <"$MEMLAB/compare")" "$comparison"
	succeeds "a good request runs after them" put "$MEMLAB/run" "kmalloc size=64 iterations=50"
	matches "and is what a read shows" "$(cat "$MEMLAB/run")" '^experiment +kmalloc$'
}

check_two_writers() {
	busy="Device or resource busy"
	# Until it is stopped: a slow guest takes its time to come to the others.
	put "$MEMLAB/run" "kmalloc mode=op time=3600000 iterations=10000000" >/dev/null &
	first=$!
	sleep 1
	equal "a second run while one is on" "$(put "$MEMLAB/run" "kmalloc iterations=1")" "$busy"
	equal "a comparison while a run is on" "$(put "$MEMLAB/compare" "size=64")" "$busy"
	matches "rmmod while a run is on" "$(rmmod memlab 2>&1)" 'unavailable|busy'
	put "$MEMLAB/stop" 1
	wait $first
	matches "the first one was not disturbed" "$(cat "$MEMLAB/run")" '^ending +stopped'
	succeeds "and then the next" put "$MEMLAB/run" "kmalloc iterations=1"
}

check_compare() {
	# The default one takes minutes where every allocation is checked.
	if [ "$ORIGIN" = stock ]; then
		line="" sizes="64 4K 64K 1M"
	else
		line="size=64,4K time=200 experiments=dma-coherent,dma-single,cma,kmalloc,vmalloc,kmap-local"
		sizes="64 4K"
	fi
	succeeds "the comparison runs" put "$MEMLAB/compare" "$line"
	cat "$MEMLAB/compare" >/tmp/compare
	cat /tmp/compare
	for name in dma-coherent dma-single cma kmalloc vmalloc kmap-local; do
		matches "$name is in it" "$(cut -d' ' -f1 /tmp/compare)" "^$name\$"
	done
	for size in $sizes; do
		matches "size $size is in it" "$(awk '!/^#/ { print $2 }' /tmp/compare)" "^$size\$"
	done
	# "<F" is a figure below the resolution of F ns: it counts as 0.
	awk '
	/^#/ || !NF { next }
	!columns { for (i = 1; i <= NF; i++) column[$i] = i; columns = NF; next }
	NF != columns { print "not " columns " fields: " $0; next }
	{
		n = split("min p50 p90 p99 p99.9 max", names, " ")
		last = 0
		for (i = 1; i <= n; i++) {
			value = $column[names[i]]
			if (value ~ /^</) value = 0
			if (value !~ /^[0-9]+$/) { print names[i] " is no number: " $0; next }
			if (value + 0 < last + 0) { print names[i] " is below the one before: " $0; next }
			last = value
		}
		if ($column["samples"] + 0 < 1) print "no samples: " $0
	}
	END { if (!columns) print "no header" }' /tmp/compare >/tmp/wrong
	quiet "every row rises from min to max and has samples" /tmp/wrong
	awk '
	/^#/ || !NF { next }
	!columns { for (i = 1; i <= NF; i++) column[$i] = i; columns = NF; next }
	$column["zone"] == "-" || seen[$1 $2]++ { next }
	{
		row = $1 " " $2 ": "
		if ($column["extents"] + 0 < 1) print row "no extents"
		if ($1 == "kmalloc" && $column["extents"] != 1) print row "kmalloc in pieces"
		if ($1 == "kmalloc" && $column["window"] != "linear") print row "kmalloc not linear"
		if ($1 == "vmalloc" && $column["window"] != "vmalloc") print row "vmalloc elsewhere"
		if ($1 == "cma" && $column["cma"] != "yes") print row "CMA without CMA"
		if ($1 ~ /^dma-/ && $column["dma"] !~ /^0x[0-9a-f]+$/) print row "no DMA address"
	}
	{ placed++ }
	END { if (!placed) print "no row has a placement" }' /tmp/compare >/tmp/wrong
	quiet "the placements are what these allocators promise" /tmp/wrong
	# "NAME FIGURE ~ NAME <FIGURE < NAME FIGURE; not measured: NAME"
	awk '
	!/^# [0-9]+[KMG]?( [a-z]+-device| bidirectional)?: (to get memory: )?[a-z-]+ <?[0-9]+/ { next }
	{
		ranked++
		sub(/^# [^:]*: (to get memory: )?/, "")
		sub(/;.*/, "")
		n = split($0, ways, / [~<] /)
		last = 0
		for (i = 1; i <= n; i++) {
			split(ways[i], word, " ")
			sub(/^</, "", word[2])
			if (word[2] + 0 < last) print ways[i] " is behind " last ": " $0
			last = word[2] + 0
		}
	}
	END { if (!ranked) print "nothing is ranked" }' /tmp/compare >/tmp/wrong
	quiet "what is ranked is ranked by the figure that is printed" /tmp/wrong
	equal "the kernel stands over it" "$(awk '/^# on Linux / { print $4 }' /tmp/compare)" "$RELEASE"
	[ "$ACCEL" != tcg ] ||
		matches "it says that an emulator ran it" "$(cat /tmp/compare)" '^# .*EMULATED'
}

check_ioctl() {
	# It says ok and not ok by itself: scripts/test/ioctl.c.
	/check/ioctl || fail "the program" "status $?"
	[ ! -e /check/ioctl32 ] || /check/ioctl32 || fail "as a 32-bit one" "status $?"
	with_parameters max_iterations=100
	/check/ioctl capped || fail "the program, capped" "status $?"
	with_parameters
}

# What a session does beside running: scripts/test/session.c.
check_session() {
	/check/session || fail "the program" "status $?"
	[ ! -e /check/session32 ] || /check/session32 || fail "as a 32-bit one" "status $?"
}

check_fixmap() {
	succeeds "kmap-local runs" put "$MEMLAB/run" "kmap-local size=4096 iterations=100"
	cat "$MEMLAB/run" >/tmp/run
	equal "the page is in high memory" "$(awk '$1 == "zone" { print $2 }' /tmp/run)" HighMem
	equal "its address is in the fixmap" "$(awk '$1 == "window" { print $2 }' /tmp/run)" fixmap
}

check_uname() {
	equal "the running kernel is the one that was asked for" "$(uname -r)" "$RELEASE"
	case $ORIGIN in
	stock)
		matches "and it is the distribution's" "$(uname -v)" 'Debian'
		equal "built without our debugging" "$(ls -d /sys/kernel/debug/kunit 2>&1)" \
			"ls: /sys/kernel/debug/kunit: No such file or directory"
		;;
	esac
	case $RELEASE in
	*-rt-*) rt=rt ;;
	*) rt= ;;
	esac
	equal "PREEMPT_RT is told" \
		"$(awk '$1 == "preemption" && $2 == "rt" { print $2 }' "$MEMLAB/provenance")" "$rt"
	equal "provenance names it" \
		"$(awk '$1 == "kernel" { print $2 }' "$MEMLAB/provenance")" "$RELEASE"
}

# The module's own device sees the CPU's caches as what is behind the first host bridge does, or as
# it is told; what memory it gets follows.
check_own_device() {
	sees() {
		awk '$1 == "memlab" { print $3 }' "$MEMLAB/device"
	}
	# placed SIZE: how the CPU sees coherent memory
	placed() {
		put "$MEMLAB/run" "dma-coherent size=$1 iterations=10"
		awk '$1 ~ /^(coherent|attr)$/ { printf "%s ", $2 }' "$MEMLAB/run"
	}
	bridge=yes
	if [ "$ARCH" != x86_64 ] && [ -d /proc/device-tree ]; then
		ls /proc/device-tree/pcie*/dma-coherent >/dev/null 2>&1 || bridge=no
	fi
	equal "it is as the first host bridge" "$(sees)" $bridge
	rmmod memlab
	succeeds "coherent=1 is taken" insmod /memlab.ko coherent=1
	equal "and followed" "$(sees)" yes
	equal "its memory is cached" "$(placed 64)" "cached yes "
	rmmod memlab
	case $ARCH in
	x86_64)
		matches "coherent=0 is refused where every device is coherent" \
			"$(insmod /memlab.ko coherent=0 2>&1)" 'not supported'
		load
		;;
	arm64)
		succeeds "coherent=0 is taken" insmod /memlab.ko coherent=0
		equal "and followed" "$(sees)" no
		equal "its memory is not cached" "$(placed 64)" "uncached no "
		put "$MEMLAB/run" "dma-single size=32 direction=from-device iterations=10"
		equal "what is smaller than a cache line is bounced" \
			"$(awk '$1 ~ /^bounced/ { printf "%s ", $2 }' "$MEMLAB/run")" \
			"yes small-noncoherent "
		put "$MEMLAB/compare" "experiments=dma-coherent size=64 time=100"
		matches "coherent memory is no vmalloc" "$(cat "$MEMLAB/compare")" 'buddy, remapped \(DMA\)'
		rmmod memlab
		load
		;;
	arm)
		succeeds "coherent=0 is taken" insmod /memlab.ko coherent=0
		equal "and followed" "$(sees)" no
		rmmod memlab
		load
		;;
	esac
}

# No guest of ours is hardware, and what it runs on has a name.
check_machine() {
	machine=$(awk '$1 == "machine" { print $2 }' "$MEMLAB/provenance")
	matches "a guest is not taken for hardware" "$machine" '^(tcg|hypervisor)$'
	check_cpu_name
}

# Whatever revision of it there is.
check_cpu_name() {
	matches "its CPU has a name" "$(awk '$1 == "cpu"' "$MEMLAB/provenance")" '^cpu +[A-Z][A-Za-z]'
}

# The event of a slow operation, for whoever traces; only a kernel with events has it.
check_above() {
	local tracing=/sys/kernel/tracing
	mountpoint -q $tracing || mount -t tracefs tracefs $tracing
	if [ ! -d $tracing/events/memlab ]; then
		pass "this kernel has no events"
		return
	fi
	echo 1 >$tracing/events/memlab/memlab_above/enable
	succeeds "a run that ends with a slow operation" put "$MEMLAB/run" "kmalloc mode=op above=1"
	matches "it says why it ended" "$(cat "$MEMLAB/run")" '^ending +above'
	matches "it says so in the trace" "$(cat $tracing/trace)" \
		'memlab/[0-9]+.* memlab_above: experiment=kmalloc phase=acquire ns=[1-9][0-9]* above=1$'
	echo 0 >$tracing/events/memlab/memlab_above/enable
	echo >$tracing/trace
	succeeds "a run that none is too slow for" \
		put "$MEMLAB/run" "kmalloc mode=op iterations=50 above=60000000000"
	matches "it ends as any other" "$(cat "$MEMLAB/run")" '^ending +complete'
	equal "the event is told only to who asks" "$(grep -c memlab_above $tracing/trace)" 0
	refused "no time at all" run "Numerical result out of range" \
		"ERANGE above=0: .* 1 to [0-9]+ ns" "kmalloc above=0"
}

# A write of nothing asks for nothing.
check_nothing() {
	before=$(md5sum <"$MEMLAB/compare")
	succeeds "writing nothing" /check/session nothing "$MEMLAB/compare"
	equal "starts no comparison" "$(md5sum <"$MEMLAB/compare")" "$before"
}
