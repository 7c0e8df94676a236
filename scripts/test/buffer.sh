# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# Memory that a program holds, by descriptor: scripts/test/buffer.c and
# buffer_calls.c say ok and not ok.
# shellcheck disable=SC2154 # find_edu sets edu and edu_mask

# Kernels of our own have no dma-bufs: nothing there asks for them.
no_buffers() {
	[ "$ORIGIN" != stock ] || return 1
	/check/buffer_calls none || fail "the program" "status $?"
}

check_buffer() {
	no_buffers && return
	for program in /check/buffer /check/buffer_calls /check/buffer32 /check/buffer_calls32; do
		[ ! -e $program ] || $program || fail "$program" "status $?"
	done
	# There a device may be one that the caches do not follow: its memory is mapped otherwise.
	if [ "$ARCH" = arm64 ]; then
		with_parameters coherent=0
		/check/buffer || fail "the program, for a device that is not coherent" "status $?"
		with_parameters
	fi
	/check/buffer_calls hold >/tmp/held &
	until grep -q held /tmp/held; do usleep 20000; done
	busy=$(rmmod memlab 2>&1) && busy="it went away"
	matches "rmmod while a buffer lives" "$busy" 'unavailable|busy'
	kill -9 $!
	wait $! 2>/dev/null
	succeeds "rmmod after that" rmmod memlab
	succeeds "and insmod" load
}

# QEMU's edu carries bytes between a buffer and its own.
check_buffer_transfer() {
	find_edu
	with_parameters edu_mask="$edu_mask"
	no_buffers || {
		succeeds "an edu is lent" lend "$edu"
		/check/buffer_calls transfer "$edu" || fail "the program" "status $?"
		give_back "$edu"
	}
	succeeds "it loads without parameters" with_parameters
}

# Where every mapping is bounced, what a sync is for is seen.
check_buffer_bounced() {
	find_edu
	with_parameters edu_mask=32
	succeeds "an edu is lent" lend "$edu"
	/check/buffer_calls bounced "$edu" || fail "the program" "status $?"
	/check/buffer_calls transfer "$edu" || fail "the program" "status $?"
	give_back "$edu"
	succeeds "it loads without parameters" with_parameters
}

check_buffer_race() {
	no_buffers && return
	/check/buffer_calls race 20 || fail "the program" "status $?"
}

# Another driver takes what is the buffer's own: scripts/test/importer.
check_buffer_import() {
	succeeds "another driver is loaded" insmod /check/importer.ko
	/check/buffer_calls import || fail "the program" "status $?"
	succeeds "and goes" rmmod importer
	succeeds "rmmod, with nothing left" rmmod memlab
	succeeds "insmod" load
}

# On arm64, how the CPU reaches the memory of a device whose caches follow and of one whose do not:
# scripts/test/attr.c asks the page tables.
check_attr() {
	local linear first restricted coherent
	linear=$(awk '$4 == "linear" { print $1 }' "$MEMLAB/layout")
	first=$(sed -n 's/^\([0-9a-f]*\)-.* : System RAM$/0x\1/p' /proc/iomem | head -n 1)
	# Without it /proc/vmallocinfo has no addresses for anybody.
	restricted=$(cat /proc/sys/kernel/kptr_restrict)
	echo 1 >/proc/sys/kernel/kptr_restrict
	for coherent in 1 0; do
		with_parameters coherent=$coherent
		/check/attr "$linear" "$first" $coherent || fail "the program" "status $?"
		case $coherent in
		1) given=cached ;;
		0) given=uncached ;;
		esac
		reached access-coherent "$given"
		reached access-wc "$given"
		reached access-noncoherent cached
		reached access-cached cached
		reached dma-coherent "$given"
	done
	before=$(/check/attr areas)
	echo "access-coherent size=64K iterations=10000000 time=5000" >"$MEMLAB/run" &
	usleep 1500000
	during=$(/check/attr areas)
	wait
	matches "nothing that DMA has mapped anew is cached" "$before" '^(2 )*$'
	equal "what access-coherent writes to is uncached too, by the tables" "$during" "2 $before"
	echo "$restricted" >/proc/sys/kernel/kptr_restrict
	with_parameters
}

# reached EXPERIMENT HOW: how a run says that the CPU reaches its memory
reached() {
	put "$MEMLAB/run" "$1 size=64K iterations=5"
	equal "$1, coherent=$coherent" "$(awk '$1 == "attr" { print $2 }' "$MEMLAB/run")" "$2"
}
