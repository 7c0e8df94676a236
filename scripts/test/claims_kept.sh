# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# What `memlab claims --system` changes is as before when it was killed and `--restore` has run; and
# what its sentences say follows the machine's settings.

# Everything that it may change, a line each.
settings() {
	local file
	for file in /proc/sys/vm/* /proc/sys/kernel/task_delayacct \
		/sys/kernel/mm/transparent_hugepage/* /sys/kernel/mm/lru_gen/enabled \
		/sys/block/zram0/disksize /sys/devices/system/memory/memory*/state; do
		case $file in
		# What is written there is done, and not kept.
		*/drop_caches | */compact_memory | */stat_refresh) ;;
		*) [ ! -f "$file" ] || echo "$file $(cat "$file" 2>/dev/null)" ;;
		esac
	done
	echo "swap $(tail -n +2 /proc/swaps)"
	echo "groups $(find /sys/fs/cgroup -mindepth 1 -type d | sort)"
	echo "limits $(cat /proc/self/limits)"
	echo "files $(ls "$SCRATCH")"
}

# The rows that change something outside their own processes.
changing() {
	memlab claims --system --scratch "$SCRATCH" --list-system
}

# A number below $1.
random() {
	echo $(($(od -An -N4 -tu4 /dev/urandom) % $1))
}

# Fifty moments: of a row that changes something, up to three seconds after it began. Every second
# time its parent is killed first, and the command that it leaves alone after it.
check_claims_killed() {
	local rows count turn row pid parent left=0
	with_parameters allow_pressure=1
	grep -q ' /sys/fs/cgroup ' /proc/mounts || mount -t cgroup2 cgroup /sys/fs/cgroup
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	place
	rows=$(changing)
	count=$(echo "$rows" | wc -l)
	between "rows change something" "$count" 20 60
	settings >/tmp/before
	for turn in $(seq 50); do
		row=$(echo "$rows" | sed -n "$((1 + $(random "$count")))p")
		sh -c "echo \$\$ >/tmp/parent; memlab claims --system --scratch $SCRATCH $row & \
			echo \$! >/tmp/pid; wait" >/dev/null 2>&1 &
		usleep $((100000 + $(random 2900000)))
		parent=$(cat /tmp/parent) pid=$(cat /tmp/pid)
		[ $((turn % 2)) = 0 ] || kill -9 "$parent" 2>/dev/null
		kill -9 "$pid" 2>/dev/null
		wait
		while [ -d "/proc/$pid" ]; do usleep 10000; done
		[ ! -e /run/memlab-claims.json ] || left=$((left + 1))
		memlab claims --restore --scratch "$SCRATCH" >/tmp/restored 2>&1 ||
			fail "$row: --restore" "$(cat /tmp/restored)"
		settings >/tmp/after
		if cmp -s /tmp/before /tmp/after; then
			pass "$turn: $row, killed, is as before"
		else
			fail "$turn: $row" "$(diff /tmp/before /tmp/after)"
			cp /tmp/after /tmp/before
		fi
	done
	echo "# $left of 50 had left something to put back"
	between "some were killed in the midst of it" "$left" 5 50
}

# verdicts ROW...: id, verdict and branch of each, a line each
verdicts() {
	memlab claims --system --scratch "$SCRATCH" --csv "$@" 2>/dev/null |
		awk -F, 'NR > 1 { print $1 ":" $2 ":" $3 }'
}

# The same rows, where huge pages, generations and swap are on, and where they are off.
check_claims_settings() {
	local thp=/sys/kernel/mm/transparent_hugepage/enabled said
	with_parameters allow_pressure=1
	grep -q ' /sys/fs/cgroup ' /proc/mounts || mount -t cgroup2 cgroup /sys/fs/cgroup
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	place
	for word in always never; do
		echo $word >$thp
		said=$(verdicts page.on-write page.huge page.lazy page.zero mmu.offset reclaim.min-formula)
		echo "# huge pages $word: $said"
		matches "huge pages $word: lazy" "$said" '^page.lazy:holds:'
		matches "huge pages $word: zero" "$said" '^page.zero:holds:'
		if [ $word = always ]; then
			matches "a fault for many" "$said" '^page.on-write:depends:a fault for many'
			matches "an entry less" "$said" '^page.huge:holds:'
		else
			matches "a fault for each" "$said" '^page.on-write:depends:a fault for each'
			matches "none is there to show it" "$said" '^page.huge:not shown:'
		fi
	done
	echo always >$thp
	for word in y n; do
		echo $word >/sys/kernel/mm/lru_gen/enabled
		said=$(verdicts reclaim.recent reclaim.cgroup-swappiness swap.clean)
		echo "# generations $word: $said"
		matches "generations $word: recent" "$said" '^reclaim.recent:holds:'
		matches "generations $word: none in a group" "$said" '^reclaim.cgroup-swappiness:holds:'
		matches "generations $word: clean" "$said" '^swap.clean:holds:'
	done
	echo y >/sys/kernel/mm/lru_gen/enabled
	said=$(verdicts swap.file-anon swap.off cgroup.rss-swap)
	echo "# swap off: $said"
	matches "without swap" "$said" '^swap.off:holds:'
	dd if=/dev/zero of="$SCRATCH/swap" bs=1M count=64 2>/dev/null
	chmod 600 "$SCRATCH/swap"
	mkswap "$SCRATCH/swap" >/dev/null && swapon "$SCRATCH/swap"
	said=$(verdicts swap.file-anon swap.off cgroup.rss-swap oom.score)
	echo "# swap on: $said"
	matches "with swap it says what it needs" "$said" '^swap.off:not shown:'
	matches "and so does this one" "$said" '^swap.file-anon:not shown:'
	matches "a limit of memory alone" "$said" '^cgroup.rss-swap:holds:'
	matches "the largest dies all the same" "$said" '^oom.score:holds:'
	swapoff "$SCRATCH/swap"
	rm "$SCRATCH/swap"
}

# As a user without privileges, without the module.
check_claims_powerless() {
	local said
	rmmod memlab
	mkdir -p /etc
	echo 'nobody:x:65534:65534::/:/bin/sh' >/etc/passwd
	chmod 755 /usr/bin/memlab
	said=$(su nobody -c 'memlab claims --csv' 2>/tmp/powerless)
	echo "$said" | awk -F, 'NR > 1 { n[$2]++ } END { for (v in n) print "# as a user:", v, n[v] }'
	between "some run" "$(echo "$said" | grep -c -v ',not shown,')" 25 80
	equal "and whoever does not says what it needs" \
		"$(echo "$said" | awk -F, '$2 == "not shown" && $6 !~ /needs /' | head -n 3)" ""
	echo "$said" | awk -F, '$2 == "not shown" { print "#", $1, $6 }'
	said=$(memlab claims --csv 2>/dev/null)
	echo "$said" | awk -F, 'NR > 1 { n[$2]++ } END { for (v in n) print "# as root, without the module:", v, n[v] }'
	matches "without the module it says so" "$said" 'not shown.*module'
	load
}
