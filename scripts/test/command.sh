# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# The command in a guest: its answer, its gates, its exit codes, a device lent and returned.

check_command() {
	matches "show prints the module's own text" "$(memlab show zones)" '^node zone '
	matches "run says percentiles that are asked for" \
		"$(memlab run kmalloc size=64 time=50 --percentiles 50,99.5)" 'p50 +p99.5'
	memlab run kmalloc size=64 time=50 --max-ns alloc:p50=0 >/dev/null 2>&1
	equal "a gate that does not hold is exit code 1" "$?" 1
	said=$(memlab run kmaloc 2>&1)
	equal "an unknown experiment is exit code 5" "$?" 5
	matches "with the nearest name" "$said" 'kmalloc\?'
	matches "and as a document" "$(memlab run kmaloc --json 2>/dev/null)" '"exit_code": 5'
	succeeds "record keeps it" memlab record /tmp/a.json --rounds 3 --time 100
	matches "diff with itself moves nothing" \
		"$(memlab diff /tmp/a.json /tmp/a.json)" '^nothing moved'
	succeeds "plot draws it" memlab plot /tmp/a.json
	equal "the page runs no script" "$(grep -c '<script' /tmp/a.html)" 0
	walks
	edu=$(basename "$(dirname "$(grep -l 0x11e8 /sys/bus/pci/devices/*/device)")")
	memlab return >/dev/null 2>&1
	echo "$edu" >/sys/bus/pci/drivers/memlab/unbind 2>/dev/null
	succeeds "a device is lent" memlab lend "$edu"
	matches "and measured" "$(memlab run dma-single device="$edu" time=50)" "on $edu"
	memlab lend "$edu" >/dev/null 2>&1
	equal "once only" "$?" 5
	succeeds "and returned" memlab return "$edu"
	equal "to no driver, as before" "$(readlink "/sys/bus/pci/devices/$edu/driver")" ""
	matches "doctor names what is odd about it" "$(memlab doctor "$edu")" '^odd +driver'
	echo "$edu" >/sys/bus/pci/drivers/memlab/bind 2>/dev/null
}

# The way of addresses of this shell and of the kernel, beside what /proc says of them.
walks() {
	local stack at said
	stack=$(awk '$6 == "[stack]" { sub(/.*-/, "", $1); print $1 }' /proc/$$/maps)
	# The topmost page of a stack is in use.
	at=$(printf '0x%x' $((0x$stack - 16)))
	said=$(memlab walk "$at" --pid $$)
	matches "walk says what is there" "$said" "^$at of process $$ is anonymous memory at 0x"
	matches "in which area" "$said" "^  in 0x[0-9a-f]+-$stack rw-p \[stack\]"
	matches "entry by entry" "$said" '^pgd\[[0-9]+\] '
	matches "down to the page" "$said" '[0-9a-f]+, [0-9]+K, cached$'
	matches "walk of a process has a row for each area" "$(memlab walk --pid $$)" \
		'^of [0-9]+ areas, [1-9][0-9]* have a page at their first address$'
	matches "as rows" "$(memlab walk "$at" --pid $$ --csv)" "^$at,pte,1,[0-9]+,0x"
	matches "as a document" "$(memlab walk "$at" --pid $$ --json)" '"kind": "anonymous"'
	matches "walk to the kernel's own" \
		"$(memlab walk "$(awk '$4 == "linear" { print $1 }' "$MEMLAB/layout")")" 'of the kernel is '
	declined 2 'must be hexadecimal' memlab walk nowhere
	declined 5 'no such process' memlab walk 0x1000 --pid 4194304
}

# declined CODE WORDS COMMAND...: one line, the exit code, and the words in it
declined() {
	local code=$1 words=$2 said
	shift 2
	said=$("$@" 2>&1 >/dev/null)
	equal "$*: its exit code" "$?" "$code"
	equal "$*: one line" "$(echo "$said" | wc -l)" 1
	matches "$*: what to do" "$said" "^memlab: .*$words"
}

check_bad_input() {
	mkdir -p /small
	mount -t tmpfs -o size=16k small /small
	declined 7 'no space left' memlab record /small/a.json --rounds 1 --time 100
	equal "nothing half-written is left" "$(ls -A /small)" ""
	umount /small
	declined 6 'no such device is lent' memlab run dma-single device=nowhere
	echo 'nobody:x:65534:65534::/:/bin/sh' >/etc/passwd 2>/dev/null ||
		{ mkdir -p /etc && echo 'nobody:x:65534:65534::/:/bin/sh' >/etc/passwd; }
	echo 'nobody:x:65534:' >/etc/group
	declined 4 'root only|not permitted' su nobody -c 'memlab show zones'
	# The device goes while it is measured: nothing guards it in sysfs.
	memlab lend "$DISK" >/dev/null
	memlab run dma-single device="$DISK" mode=op time=60000 iterations=10000000 \
		>/tmp/vanished 2>&1 &
	other=$!
	usleep 1500000
	echo "$DISK" >/sys/bus/pci/drivers/memlab/unbind
	wait $other
	equal "a device that vanishes in a run is exit code 6" "$?" 6
	matches "which is said" "$(cat /tmp/vanished)" '^memlab: the device under test went away'
	succeeds "return mends that" memlab return "$DISK"
	# Another run is on.
	memlab run kmalloc mode=op time=60000 iterations=10000000 >/dev/null 2>&1 &
	other=$!
	sleep 4
	declined 6 'kmalloc is on' memlab run kmalloc time=50
	kill -TERM $other
	wait $other
	rmmod memlab
	declined 3 'insmod memlab.ko' memlab show zones
	declined 3 'insmod memlab.ko' memlab advise
	load
}

# answers WORDS COMMAND...: it succeeds, and says the words
answers() {
	local words=$1 said status
	shift
	said=$("$@" 2>&1 </dev/null)
	status=$?
	equal "$*: its exit code" $status 0
	matches "$*: what it says" "$said" "$words"
}

# Every subcommand, as far as it needs no address.
subcommands() {
	answers '^For one transfer, ns' memlab advise --time 300 \
		--ask 'experiments=dma-single,dma-sync,dma-copy size=4K'
	answers 'ns for one transfer' memlab advise --pattern lifetime=kept --time 300
	answers '^kmalloc' memlab run kmalloc size=64 time=50
	for what in zones buddy fragmentation watermarks cma meminfo events devices experiments \
		provenance vmalloc; do
		answers . memlab show $what
	done
	answers '^scenario +fragment' memlab scenario fragment order=2 share=5
	answers 'in 3 rounds' memlab record /tmp/b.json --rounds 3 --time 100
	answers '^nothing moved' memlab diff /tmp/b.json /tmp/b.json
	answers 'drawn' memlab plot /tmp/b.json
}

check_without_debugfs() {
	umount /sys/kernel/debug/tracing 2>/dev/null
	umount /sys/kernel/debug
	equal "debugfs is not mounted" "$(ls /sys/kernel/debug)" ""
	subcommands
	answers start memlab show layout
	answers 'debugfs' memlab show swiotlb
	matches "doctor says so" "$(memlab doctor)" '^odd +debugfs +not mounted: /dev/memlab only'
	mount -t debugfs debugfs /sys/kernel/debug
}

# The last check of a guest: there is no way back.
check_locked_command() {
	mount -t securityfs none /sys/kernel/security 2>/dev/null
	for level in integrity confidentiality; do
		succeeds "lockdown is raised to $level" put /sys/kernel/security/lockdown $level
		subcommands
		matches "doctor names the level" "$(memlab doctor)" "locked down \($level\)"
		if [ $level = integrity ]; then
			answers 'start' memlab show layout
			equal "record kept the layout" "$(grep -c '"layout":' /tmp/b.json)" 1
			continue
		fi
		declined 4 'shows addresses, which this kernel is locked down to keep' memlab show layout
		matches "record says what it could not keep" \
			"$(memlab record /tmp/c.json --rounds 1 --time 100)" 'not kept: file=layout: shows addresses'
		equal "and kept it not" "$(grep -c '"layout":' /tmp/c.json)" 0
		answers '^For one transfer, ns' memlab advise 0000:00:05.0 --lend --time 300 \
			--ask 'experiments=dma-single,dma-copy size=4K'
	done
}
