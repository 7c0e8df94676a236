# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# Memory that a program holds, by descriptor: scripts/test/buffer.c and
# buffer_calls.c say ok and not ok.
# shellcheck disable=SC2154 # find_edu sets edu and edu_mask

# A kernel in which nothing asks for dma-bufs has none.
no_buffers() {
	[ ! -e /dev/udmabuf ] || return 1
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

# The host says how often: FULL=1 asks for as many as it takes to be sure.
check_buffer_unbind() {
	no_buffers && return
	/check/buffer_kill unbind "${unbinds:-100}" || fail "the program" "status $?"
}

check_buffer_killed() {
	no_buffers && return
	/check/buffer_kill killed "${kills:-50}" || fail "the program" "status $?"
	succeeds "rmmod, with nothing left" rmmod memlab
	succeeds "insmod" load
}

# charge GROUP LIMIT KIND: what 8 MiB of a kind charge to a cgroup, in $charged, and its errno
charge() {
	mkdir "/cgroup/$1"
	echo "$2" >"/cgroup/$1/memory.max"
	mkfifo "/tmp/$1"
	sh -c "echo \$\$ >/cgroup/$1/cgroup.procs; exec /check/buffer_kill charge $3 8388608" \
		<"/tmp/$1" >"/tmp/$1.said" &
	exec 9>"/tmp/$1"
	until [ -s "/tmp/$1.said" ]; do usleep 20000; done
	read -r errno <"/tmp/$1.said"
	read -r charged <"/cgroup/$1/memory.current"
	exec 9>&-
	wait
}

# Whose buffer it is pays for its pages, where the kernel's allocators can tell: not for a CMA area's.
check_buffer_charged() {
	mkdir -p /cgroup
	succeeds "there are cgroups" mount -t cgroup2 none /cgroup
	put /cgroup/cgroup.subtree_control +memory
	charge pages max 0
	equal "pages" "$errno" 0
	between "are charged" "$charged" 8388608 12582912
	charge vmalloc max 1
	between "so is vmalloc" "$charged" 8388608 12582912
	charge cma max 2
	equal "a CMA area's" "$errno" 0
	between "are not" "$charged" 0 4194304
	charge full 4M 0
	equal "more than its cgroup may have is refused" "$errno" 12
	between "and not charged" "$charged" 0 4194304
	matches "nobody is killed for it" "$(cat /cgroup/full/memory.events)" '^oom_kill 0$'
	umount /cgroup
}
