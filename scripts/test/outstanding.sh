# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# The command finds a driver that does not give back its DMA maps, and says nothing against those
# that do. The module is not needed for it.

TRACING=/sys/kernel/tracing
# find_edu sets it.
edu=''

check_outstanding() {
	find_edu
	rmmod memlab
	umount $TRACING 2>/dev/null
	umount /sys/kernel/debug/tracing 2>/dev/null
	umount /sys/kernel/debug
	said=$(memlab outstanding --time 1 2>&1)
	equal "without tracefs it is an error" "$?" 7
	matches "which says what to do" "$said" "mount -t tracefs tracefs $TRACING\$"
	mount -t debugfs debugfs /sys/kernel/debug
	mount -t tracefs tracefs $TRACING
	said=$(memlab outstanding 0000:ff:1f.7 2>&1)
	equal "a device that is not there is an error" "$?" 6
	matches "which names it" "$said" '^memlab: device=0000:ff:1f.7: there is none'

	insmod /check/misuse.ko what=leak
	said=$(memlab outstanding --time 5 2>/dev/null)
	equal "a leak is a failure" "$?" 1
	matches "the first line names the device, its driver and how many" "$said" \
		"^$edu \(misuse\) does not give back 1 map in 1[123], [1-6][0-9][0-9] a minute\.\$"
	matches "where it is asked next" "$said" "^Where: memlab outstanding $edu --stacks\$"
	matches "nothing was lost" "$said" ' events, none lost\.$'
	said=$(memlab outstanding "$edu" --time 4 --stacks 2>/dev/null)
	matches "its call site is named" "$said" '^  (dma_map_page_attrs|dma_map_phys)'
	echo "$said" | sed 's/^/# /'
	equal "and not the tracepoint's own" "$(echo "$said" | grep -c trace_event)" 0
	matches "and the driver's function" "$said" '^  (work_on|map_more)'
	said=$(memlab outstanding --time 4 --json 2>/dev/null)
	matches "for programs it is a word" "$said" '"verdict": *"leaks"'
	said=$(memlab outstanding --time 4 --ktap 2>/dev/null)
	matches "and for laboratories a line" "$said" "^not ok [0-9]+ outstanding $edu # [0-9]+ made"
	rmmod misuse

	insmod /check/misuse.ko what=ring
	# Longer than the ring has places.
	said=$(memlab outstanding "$edu" --time 6 2>/dev/null)
	equal "a ring is none" "$?" 0
	matches "what it holds is shown" "$said" "^$edu +misuse +6[345] .* steady\$"
	matches "in words" "$said" '^No driver leaks'
	memlab outstanding --time 600 >/tmp/said 2>&1 &
	sleep 2
	kill -TERM $!
	wait $!
	equal "a signal ends it sooner, with what it has" "$(grep -c 'dma tracepoints' /tmp/said)" 1
	equal "no instance stays" "$(ls $TRACING/instances)" ""
	memlab outstanding --time 600 >/dev/null 2>&1 &
	sleep 2
	kill -KILL $!
	wait $! 2>/dev/null
	matches "that of a killed one does" "$(ls $TRACING/instances)" '^memlab-[0-9]+$'
	memlab outstanding --time 1 >/dev/null 2>&1
	equal "until the next" "$(ls $TRACING/instances)" ""
	cp $TRACING/trace /tmp/empty
	said=$(memlab outstanding --from /tmp/empty 2>&1)
	equal "a trace without such events is an error" "$?" 7
	rmmod misuse
	said=$(memlab outstanding "$edu" --time 1)
	equal "nobody does anything" "$?" 0
	matches "and that is said" "$said" '^No driver has mapped, allocated or given back anything\.$'
	umount $TRACING
	load
}

# A card at work, of Debian's own driver, behind an IOMMU.
check_outstanding_card() {
	drivers
	mountpoint -q $TRACING || mount -t tracefs tracefs $TRACING
	succeeds "the card has a link" in_time linked
	ping -i 0.05 10.0.2.2 >/dev/null 2>&1 &
	said=$(memlab outstanding "$(interface)" --time 4)
	equal "a driver that works is no leak" "$?" 0
	kill $!
	matches "it was seen at work" "$said" ': [1-9][0-9]+ events, none lost\.$'
	matches "and gives back what it maps" "$said" "^$CARD +e1000e .* steady\$"
	umount $TRACING
}

# A virtio interface that uses the DMA API (iommu_platform=on), and a leak, both behind an IOMMU.
check_outstanding_virtual() {
	find_edu
	rmmod memlab
	mountpoint -q $TRACING || mount -t tracefs tracefs $TRACING
	for module in /modules/*.ko; do
		insmod "$module" || fail "$module" "not loaded"
	done
	pci=$(basename "$(dirname "$(readlink -f /sys/bus/virtio/drivers/virtio_net/virtio*)")")
	# Not "name", which whoever calls it has for something else.
	nic=$(ls /sys/bus/virtio/drivers/virtio_net/virtio*/net)
	# shellcheck disable=SC2317 # it is called by its name
	there() {
		ifconfig "$nic" 10.0.2.15 netmask 255.255.255.0 up && ping -c 1 -W 2 10.0.2.2
	}
	succeeds "the interface has a link" in_time there
	domain=$(cat "/sys/bus/pci/devices/$pci/iommu_group/type")
	matches "and an IOMMU" "$domain" '^DMA'
	ping -i 0.02 -s 1400 10.0.2.2 >/dev/null 2>&1 &
	said=$(memlab outstanding "$nic" --time 6)
	equal "a driver that works is no leak" "$?" 0
	echo "# IOMMU $domain"
	echo "$said" | sed 's/^/# /'
	matches "it was seen at work" "$said" ': [1-9][0-9]+ events, none lost\.$'
	matches "and gives back what it maps" "$said" "^$pci +virtio.* steady\$"
	insmod /check/misuse.ko what=leak
	said=$(memlab outstanding --time 5 2>/dev/null)
	equal "a leak beside it is a failure" "$?" 1
	echo "$said" | sed 's/^/# /'
	matches "and is named" "$said" "^$edu \(misuse\) does not give back 1 map in 1[0-4], "
	matches "and the interface is not" "$said" "^$pci .* steady\$"
	said=$(memlab outstanding "$edu" --time 4 --stacks 2>/dev/null)
	echo "$said" | sed 's/^/# /'
	matches "with its call site" "$said" '^  (work_on|map_more)'
	rmmod misuse
	# A device that writes to what it was to read: its driver mapped it the wrong way.
	memlab outstanding "$edu" --time 12 >/tmp/said 2>/tmp/errors &
	in_time grep -q 1 "$TRACING/instances/memlab-$!/events/dma/dma_unmap_phys/enable"
	usleep 500000
	insmod /check/misuse.ko what=fault
	wait $!
	equal "a fault is a failure" "$?" 1
	tr -s '\n ' ' ' </tmp/said >/tmp/line
	sed 's/^/# /' /tmp/said
	matches "what was refused is told by its map" "$(cat /tmp/line)" \
		"^[^.]*\. ?$edu was refused to write to 0x[0-9a-f]+: .* to-device, made [0-9.]+ s before: the wrong direction"
	rmmod misuse
	killall ping
	ifconfig "$nic" down
	umount $TRACING
	load
}

# What counting costs a driver: in a guest where one instruction takes one nanosecond, what a map and
# its unmap take with the command at work and without.
check_overhead() {
	mountpoint -q $TRACING || mount -t tracefs tracefs $TRACING
	cost() {
		put "$MEMLAB/run" "dma-single size=4K direction=to-device mode=op iterations=2000 warmup=200"
		echo $(($(figure map net p50) + $(figure unmap net p50)))
	}
	without=$(cost)
	memlab outstanding --time 600 >/tmp/said 2>&1 &
	in_time grep -q 1 "$TRACING/instances/memlab-$!/events/dma/dma_unmap_phys/enable"
	with=$(cost)
	kill -TERM $!
	wait $!
	cat /tmp/said
	echo "# a map and its unmap: $without instructions, $with while outstanding counts"
	between "what counting adds to a map and its unmap (instructions)" $((with - without)) 100 20000
	matches "and all of them are counted" "$(cat /tmp/said)" ': [1-9][0-9]{3,} events, none lost\.$'
	after=$(cost)
	between "and nothing when it has ended" $((after - without)) -20 20
	umount $TRACING
}

# Whether it tells leaks from none, as often as the issue of it asks.
check_leak_often() {
	local turn
	for turn in 1 2 3 4 5 6 7 8 9 10; do
		echo "# turn $turn"
		check_leak
	done
}

# What the kernel did during an operation that was too slow.
check_trace_above() {
	mountpoint -q $TRACING || mount -t tracefs tracefs $TRACING
	said=$(memlab run dma-contiguous size=1M iterations=50 --trace-above 1000 2>&1)
	equal "a run ends with a slow operation" "$?" 0
	matches "it is shown" "$said" '^slow: (allocate|acquire|alloc)[a-z]* took [1-9][0-9]+ ns; on its CPU'
	matches "with what the kernel did meanwhile" "$said" '^  \+[0-9]+ us (cma_|mm_)'
	said=$(memlab run kmalloc size=64 iterations=50 --trace-above 60000000000 2>&1)
	equal "where nothing is slow" "$?" 0
	equal "nothing is shown" "$(echo "$said" | grep -c '^slow')" 0
	said=$(memlab run kmalloc --trace-above 0 2>&1)
	equal "no time at all is refused" "$?" 2
	equal "no instance stays" "$(ls $TRACING/instances)" ""
	umount $TRACING
}

# What a command changed, beside the kernel's own counters.
check_around() {
	cached() {
		awk '$1 == "Cached:" { print $2 }' /proc/meminfo
	}
	before=$(cached)
	said=$(memlab around --idle 200 --csv dd if=/dev/zero of=/tmp/much bs=1M count=48 2>/dev/null)
	equal "the command's own end is ours" "$?" 0
	grew=$(echo "$said" | awk -F, '$2 == "Cached" { print $3 }')
	between "the page cache has grown by what was written" "$grew" 48128 51200
	between "as the kernel says it" $(($(cached) - before - grew)) -1024 1024
	said=$(memlab around --idle 200 rm /tmp/much 2>/dev/null)
	matches "it goes with the file" "$said" 'left 4[789] MiB less page cache'
	said=$(memlab around --idle 50 false 2>&1)
	equal "a command that fails is a failure" "$?" 1
	matches "with what it ended with" "$said" '^memlab: false ended with 1$'
	said=$(memlab around --idle 50 sh -c 'kill -9 $$' 2>&1)
	matches "or was ended by" "$said" 'was ended by signal 9$'
	said=$(memlab around nosuch 2>&1)
	equal "one that is not there is an error" "$?" 7
	equal "in one line" "$said" "memlab: nosuch: no such file or directory"
	memlab around 2>/dev/null
	equal "none at all is wrong use" "$?" 2
}

# Each kind of leak is named with who has it.
check_leak() {
	find_edu
	rmmod memlab
	mountpoint -q $TRACING || mount -t tracefs tracefs $TRACING
	said=$(memlab leak --time 8 2>/dev/null)
	equal "a quiet machine is no failure" "$?" 0
	matches "and is said to be quiet" "$said" "^Nothing grows all the while\.\$"
	# It starts nobody: what a child shares with it for a moment is not its own.
	while usleep 100000; do echo; done | awk '{ all[NR] = sprintf("%65536s", "") }' &
	said=$(memlab leak --time 8 2>/dev/null)
	equal "a process that grows is a failure" "$?" 1
	matches "and is named" "$said" "^This grows all the while: process $! \([a-z]+\), [1-9][0-9]+ KiB"
	matches "where it is asked next" "$said" "^Where: memlab leak $!\$"
	said=$(memlab leak $! --time 4 2>/dev/null)
	matches "its area is named" "$said" "process $! in (\[heap\]|anonymous), [1-9][0-9]+"
	kill $!
	wait $! 2>/dev/null
	said=$(memlab leak $! --time 4 2>&1)
	equal "one that has ended is an error" "$?" 5
	equal "in one line" "$said" "memlab: pid=$!: there is no such process, or it has ended"

	for seed in "slab:slab cache misuse," "vmalloc:vmalloc\(\) by (take_more|work_on)" \
		"leak:DMA maps of $edu \(misuse\),"; do
		insmod /check/misuse.ko what="${seed%%:*}"
		said=$(memlab leak --time 8 2>/dev/null)
		equal "${seed%%:*}: what grows is a failure" "$?" 1
		matches "and is named first" "$said" "^This grows all the while: ${seed#*:}"
		rmmod misuse
	done
	umount $TRACING
	load
}

# What the machine does, beside the kernel's own counters in the same time.
check_watch() {
	mountpoint -q $TRACING || mount -t tracefs tracefs $TRACING
	counter() {
		awk -v key="$1" '$1 == key { print $2 }' /proc/vmstat
	}
	# figure GROUP NAME COLUMN of CSV, all intervals together
	figure() {
		echo "$said" | awk -F, -v group="$1" -v name="$2" -v at="$3" \
			'$2 == group && $3 == name { all += $at } END { print all + 0 }'
	}
	said=$(memlab watch --once --csv)
	between "one look has the faults since boot" $(($(counter pgfault) - $(figure events pgfault 4))) \
		0 2000
	equal "the lowest mark of a zone" "$(figure zone "node 0 DMA32 min" 4)" \
		"$(awk '/zone +DMA32$/ { on = 1 } on && $1 == "min" { print $2 * 4; exit }' /proc/zoneinfo)"
	equal "a cache of slabs" "$(figure slab task_struct 4)" \
		"$(awk '$1 == "task_struct" { print $6 * $15 * 4 }' /proc/slabinfo)"
	said=$(memlab watch --once --sort now --only slab)
	matches "the largest cache is first" "$said" \
		"^slab .* $(awk 'NR > 2 { print $15 * $6, $1 }' /proc/slabinfo | sort -rn | head -n 1 |
			cut -d ' ' -f 2)\$"

	# The root is a tmpfs, which is no page cache to these tracepoints.
	mkdir -p /tmp/files
	mount -t ramfs none /tmp/files
	dd if=/dev/zero of=/tmp/files/read bs=1M count=32 2>/dev/null
	fault=$(counter pgfault)
	memlab watch --for 4 --every 1000 --csv >/tmp/said &
	sleep 2
	# What this reads is in the page cache: 8192 pages, or fewer larger ones.
	cat /tmp/files/read >/dev/null
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do sh -c 'ls /' >/dev/null; done
	wait $!
	equal "it ends by itself" "$?" 0
	fault=$(($(counter pgfault) - fault))
	said=$(cat /tmp/said)
	# A look takes a while on a busy host, and the interval with it.
	between "with a row for each interval" \
		"$(echo "$said" | grep -c ',zone,node 0 DMA32 free,')" 2 4
	seen=$(figure events pgfault 5)
	between "it counts the faults that the kernel counts" $((fault - seen)) 0 $((fault / 2))
	between "what is read of files" "$(figure cache read 5)" 8192 10240
	between "of which little has to come in" "$(figure cache added 5)" 0 1024

	memlab watch --for 3 >/tmp/said 2>&1 &
	sleep 1
	cat /tmp/files/read >/dev/null
	wait $!
	umount /tmp/files
	matches "for people it is a sentence" "$(cat /tmp/said)" '^(Quiet: |It is at work: )'
	matches "with what was in the page cache" "$(cat /tmp/said)" '^Page cache: [89][0-9]{3} pages asked for, at least [89][0-9]{3} were there'
	matches "and what there is not" "$(cat /tmp/said)" '^Not looked at: the bounce buffer'
	matches "the zone's marks" "$(cat /tmp/said)" '^node 0 DMA32 +[0-9]+'
	memlab watch >/tmp/said 2>&1 &
	sleep 2
	kill -INT $! 2>/dev/null
	kill -TERM $!
	wait $!
	equal "a signal ends it" "$?" 0
	equal "no instance stays" "$(ls $TRACING/instances)" ""

	# Whom the kernel kills, in a group of its own.
	mkdir -p /tmp/group
	mount -t cgroup2 none /tmp/group
	echo +memory >/tmp/group/cgroup.subtree_control
	mkdir /tmp/group/small
	echo 16M >/tmp/group/small/memory.max
	kills=$(counter oom_kill)
	memlab watch --for 6 --json >/tmp/said &
	watching=$!
	sleep 1
	sh -c 'echo $$ >/tmp/group/small/cgroup.procs; exec awk "BEGIN { for (;;) all[n++] = sprintf(\"%65536s\", \"\") }"' \
		2>/dev/null &
	victim=$!
	wait $victim 2>/dev/null
	wait $watching
	equal "the kernel has killed one" $(($(counter oom_kill) - kills)) 1
	matches "who it was is said" "$(cat /tmp/said)" "\"pid\": $victim,"
	matches "by name" "$(cat /tmp/said)" '"command": "awk"'
	rmdir /tmp/group/small
	umount /tmp/group
	umount $TRACING
	umount /sys/kernel/debug/tracing 2>/dev/null
	umount /sys/kernel/debug
	said=$(memlab watch --for 1 2>&1)
	mount -t debugfs debugfs /sys/kernel/debug
	matches "without tracefs that is said" "$said" '^Not looked at: the page cache'
	memlab watch --once --for 3 2>/dev/null
	equal "one look has no end" "$?" 2
	memlab watch --every 0 2>/dev/null
	equal "no interval is wrong use" "$?" 2
}
