# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# The files are there, can be read, and pin the module while they are open.

FILES="help experiments run compare zones buddy watermarks fragmentation cma layout \
	meminfo events provenance scenario"

check_files() {
	for file in $FILES; do
		text=$(cat "$MEMLAB/$file" 2>&1)
		status=$?
		equal "$file can be read" "$status" 0
		matches "$file says something" "$text" '[a-z]'
	done
	for file in "$MEMLAB"/*; do
		mode=$(stat -c %a "$file")
		case ${file##*/} in
		run | compare | calibrate | stop | scenario | cma | layout) wanted=600 ;;
		*) wanted=400 ;;
		esac
		equal "the mode of ${file##*/}" "$mode" $wanted
	done
	matches "a file that only shows refuses a write" \
		"$(put "$MEMLAB/zones" x)" 'Invalid argument|Permission denied'
}

check_rmmod_while_open() {
	for file in "$MEMLAB"/* /dev/memlab; do
		exec 9<"$file"
		head -c 64 <&9 >/dev/null 2>&1
		busy=$(rmmod memlab 2>&1) && busy="it went away"
		exec 9<&-
		matches "rmmod with ${file##*/} open" "$busy" 'unavailable|busy'
		succeeds "rmmod after ${file##*/} was closed" rmmod memlab
		succeeds "insmod after ${file##*/} was closed" load
	done
}

check_reload() {
	local times=0 wanted=2
	[ "$ORIGIN" != stock ] || wanted=5
	while [ $times -lt $wanted ] && rmmod memlab && load; do
		times=$((times + 1))
	done
	equal "again and again rmmod and insmod" $times $wanted
	equal "nothing is left of the module after rmmod" \
		"$(rmmod memlab 2>&1; ls -d "$MEMLAB" /dev/memlab /sys/module/memlab 2>/dev/null)" ""
	succeeds "it loads again" load
}

# Only a kernel with fault injection can do this: scripts/test/faults.c says ok and not ok.
check_faults() {
	for each in failslab fail_page_alloc; do
		knobs=/sys/kernel/debug/$each
		echo N >$knobs/ignore-gfp-wait
		echo 0 >$knobs/verbose
	done
	echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem
	echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
	for file in run compare zones buddy watermarks fragmentation cma layout meminfo events \
		provenance; do
		/check/faults read "$MEMLAB/$file" || fail "reading $file" "status $?"
	done
	/check/faults write "$MEMLAB/run" "dma-single iterations=1 warmup=0" ||
		fail "running" "status $?"
	rmmod memlab
	/check/faults load || fail "loading" "status $?"
	succeeds "it loads after that" load
	succeeds "it runs after that" put "$MEMLAB/run" "kmalloc iterations=10"
}

# The kernel says at the end of each process what no other has left less of. Reclaim below one of the
# module's allocations, an interrupt's frame and lockdep need some 2 KiB.
check_stack() {
	left=$(dmesg | sed -n 's/.* used greatest stack depth: \([0-9]*\) bytes left$/\1/p' | tail -n 1)
	between "bytes of a stack of 8 KiB that nobody used" "${left:-0}" 3072 8192
}

# Only a kernel built with DEBUG_KMEMLEAK has the file; the host asks for this check there.
check_leaks() {
	kmemleak=/sys/kernel/debug/kmemleak
	# A leak counts once it is five seconds old (MSECS_MIN_AGE).
	rmmod memlab
	sleep 6
	succeeds "kmemleak scans" sh -c "echo scan >$kmemleak && echo scan >$kmemleak"
	cat $kmemleak | tee /tmp/leaks
	quiet "nothing leaked" /tmp/leaks
	succeeds "it loads after the scan" load
}
