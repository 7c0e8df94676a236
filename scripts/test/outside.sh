# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# memlab beside programs that nobody here wrote, in the same boot: procps, smem, sysstat, the kernel
# tree's page-types and getdelays, bpftrace, valgrind, the leak sanitizer.

OUTSIDE=/outside

# other COMMAND...: in the Debian tree
other() {
	chroot $OUTSIDE /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ LANG=C "$@"
}

# agree WHAT OURS THEIRS TOLERANCE: within so much, and a line of the table
agree() {
	case $2:$3 in
	:* | *: | *[!0-9]*:* | *:*[!0-9]*)
		fail "$1" "ours is '$2', theirs '$3'"
		return
		;;
	esac
	printf '# %-44s %12s %12s %8s\n' "$1" "$2" "$3" "$4"
	between "$1: theirs is $3" "$2" $(($3 - $4)) $(($3 + $4))
}

# tell LINE: has the puppet do something, and waits for its answer, in $answer
tell() {
	echo "$1" >&8
	read -r answer <&9
}

# fact KEY: of the answer
fact() {
	echo "$answer" | tr ' ' '\n' | sed -n "s/^$1=//p"
}

# evidence NAME: of a claim's evidence, on stdin as JSON
evidence() {
	tr -d '\n ' | sed "s/\"control\".*//" | grep -o "\"name\":\"$1\",\"value\":[0-9.]*" |
		sed 's/.*://; s/\..*//'
}

check_outside() {
	local pid said at page answer theirs line
	with_parameters allow_pressure=1
	grep -q ' /sys/fs/cgroup ' /proc/mounts || mount -t cgroup2 cgroup /sys/fs/cgroup
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	place
	mkdir -p $OUTSIDE
	succeeds "the tree is there" mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 share $OUTSIDE
	for line in /proc /sys /dev; do mount --rbind $line $OUTSIDE$line; done
	mount -t tmpfs tmpfs $OUTSIDE/tmp
	mount --bind /scratch $OUTSIDE/scratch
	mount --bind /check $OUTSIDE/check
	cp /usr/bin/memlab $OUTSIDE/tmp/
	mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
	echo 1 >/proc/sys/kernel/task_delayacct
	mkfifo /tmp/to /tmp/from
	# A program of its own, of which nobody else has the pages.
	cp /usr/bin/memlab /tmp/puppet
	/tmp/puppet act </tmp/to >/tmp/from &
	pid=$!
	exec 8>/tmp/to 9</tmp/from
	page=4096
	tell "map $((32 << 20)) small"
	at=$(fact address)
	tell "write 0 0 $((32 << 20)) $page"
	printf '# %-44s %12s %12s %8s\n' "figure" memlab other tolerance

	memlab claims --process "$pid" >/tmp/ours
	# procps: the process's size, what is resident, and its areas.
	agree "VSZ, ps (KiB)" "$(ours vsz)" "$(other ps -o vsz= -p "$pid" | tr -d ' ')" 0
	agree "RSS, ps (KiB)" "$(ours rss)" "$(other ps -o rss= -p "$pid" | tr -d ' ')" 512
	agree "areas added up, pmap -x (KiB)" "$(ours areas)" \
		"$(other pmap -x "$pid" | awk '/^total/ { print $3 }')" 8

	# smem: what is its own, and its share.
	other smem -H -c 'pid uss pss' >/tmp/smem
	agree "USS, smem (KiB)" "$(ours uss)" "$(awk -v pid="$pid" '$1 == pid { print $2 }' /tmp/smem)" 64
	agree "PSS, smem (KiB)" "$(ours pss)" "$(awk -v pid="$pid" '$1 == pid { print $3 }' /tmp/smem)" 64

	# page-types: the frame of an address.
	line=$(memlab walk "$(printf '0x%x' "$at")" --pid "$pid" --json | tr -d ' \n')
	theirs=$(other /check/page-types -p "$pid" -a "$(printf '0x%x' $((at / page)))+1" -L -N |
		awk '$1 ~ /^[0-9a-f]+$/ && NF >= 3 { print $2; exit }')
	agree "frame of an address, page-types -L" \
		$(($(echo "$line" | grep -o '"phys":"0x[0-9a-f]*"' | tail -n 1 | grep -o '0x[0-9a-f]*') / page)) \
		$((0x${theirs:-0})) 0

	# getdelays: how often the puppet waited for the disk.
	dd if=/dev/urandom of=/scratch/delays bs=1M count=32 2>/dev/null
	sync
	echo 1 >/proc/sys/vm/drop_caches
	tell "slurp /scratch/delays $((32 << 20))"
	echo "# read: $answer"
	tell delays
	echo "# waited: $answer"
	theirs=$(other /check/getdelays -d -p "$pid" | awk '$1 == "IO" { getline; print $1 }')
	agree "waits for the disk, getdelays" "$(fact disk)" "${theirs:-0}" 0
	between "and there were some" "$(fact disk)" 1 100000

	# free: what is used, by the formula that cache.free found.
	said=$(memlab claims cache.free --json)
	agree "used, free -k (KiB)" "$(echo "$said" | evidence by_available)" \
		"$(other free -k | awk '/^Mem:/ { print $3 }')" 8192

	# vmstat and sar: pages that come in and go out, over the same 6 s.
	other vmstat -n 6 2 >/tmp/vmstat &
	other sar -B 6 1 >/tmp/sar &
	memlab watch --for 6 --json >/tmp/watch 2>/dev/null &
	before=$(awk '$1 == "pgpgout" { print $2 }' /proc/vmstat)
	sleep 1
	dd if=/dev/zero of=/scratch/rates bs=1M count=32 conv=fsync 2>/dev/null
	wait_for /tmp/vmstat /tmp/sar /tmp/watch
	after=$(awk '$1 == "pgpgout" { print $2 }' /proc/vmstat)
	agree "written, pgpgout and vmstat's bo in 6 s (KiB)" $((after - before)) \
		$((6 * $(awk 'END { print $10 }' /tmp/vmstat))) 4096
	agree "the same, sar -B's pgpgout/s" $((after - before)) \
		"$(awk '$1 == "Average:" { printf "%d", 6 * $3 }' /tmp/sar)" 4096

	# bpftrace: whom the OOM killer marks.
	other bpftrace -e 'tracepoint:oom:mark_victim { printf("victim %d\n", args.pid); }' >/tmp/victims 2>/tmp/bpf &
	bpf=$!
	for _ in $(seq 200); do grep -q Attach /tmp/victims /tmp/bpf && break; usleep 200000; done
	said=$(memlab claims tool.oomkill --json)
	sleep 2
	killall -INT bpftrace
	wait $bpf
	echo "$said" | tr -d '\n' | grep -o '"because": *"[^"]*"' | head -n 1 | sed 's/^/# /'
	agree "victims, bpftrace" "$(echo "$said" | evidence victims)" "$(grep -c '^victim' /tmp/victims)" 0

	# valgrind and the sanitizer are asked by a claim itself.
	said=$(chroot $OUTSIDE /usr/bin/env -i PATH=/check:/usr/bin:/bin /tmp/memlab claims leak.tools --scratch /tmp 2>&1)
	echo "$said" | sed 's/^/# /'
	matches "valgrind and the sanitizer name the line" "$said" '^ *holds - valgrind: 49152 bytes lost at leak.c:'
	exec 8>&- 9<&-
}

# A figure of the puppet, as the readers of claims see it.
ours() {
	awk -v name="$1" '$1 == name { print $2 }' /tmp/ours
}

# Until each file has something, and nobody writes to it any more.
wait_for() {
	local turn
	for turn in $(seq 60); do
		sleep 1
		[ -s "$1" ] && [ -s "$2" ] && grep -q Average "$2" && [ -s "$3" ] && return
	done
	echo "# waited for $turn s"
}
