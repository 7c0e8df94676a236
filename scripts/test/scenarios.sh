# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# States of memory that are made on purpose: they have their effect, keep to their cap and go.

# state KEY: a value of the scenario that is on
state() {
	awk -v key="$1" '$1 == key { print $2; exit }' "$MEMLAB/scenario"
}

# The largest order that kernel memory can have now in any zone.
largest_order() {
	awk '$1 == "other" && $4 != "-" && $4 > most { most = $4 } END { print most + 0 }' \
		"$MEMLAB/fragmentation"
}

# How much of what is free, but for CMA's, lies in blocks of order 4 and above.
large_per_mille() {
	awk '/^Node.*type/ && !/CMA|Isolate/ {
		size = 1
		for (order = 0; order <= 10; order++) {
			all += $(NF - 10 + order) * size
			if (order >= 4) large += $(NF - 10 + order) * size
			size *= 2
		}
	}
	END { print all ? int(1000 * large / all) : "nothing free" }' /proc/pagetypeinfo
}

check_fragment() {
	between "before that, memory lies in large blocks (per mille)" "$(large_per_mille)" 700 1000
	free_kb >/dev/null
	before=$(free_kb)
	succeeds "memory is fragmented" put "$MEMLAB/scenario" "fragment order=3 share=50"
	cat "$MEMLAB/scenario"
	between "held pages, within the cap" "$(state held_pages)" 1000 "$(state cap_pages)"
	# What a process gives back when it ends merges into a few larger blocks.
	between "next to nothing is left in blocks of order 4 (per mille)" "$(large_per_mille)" 0 20
	between "and no whole one" "$(largest_order)" 2 9
	grep -A20 '^for ' "$MEMLAB/fragmentation"
	free=$(awk '$1 == "MemFree:" { print $2 }' /proc/meminfo)
	between "while plenty is free (kB)" "$free" $((before / 2)) "$before"
	# The largest: what smaller ones need may be compacted from movable pages meanwhile.
	succeeds "a block of order 10 is asked for" put "$MEMLAB/run" \
		"pages size=4M gfp=nowait mode=op iterations=10 warmup=0"
	matches "it is refused" "$(cat "$MEMLAB/run")" '^ *-12 +ENOMEM +[1-9]'
	succeeds "vmalloc has it" put "$MEMLAB/run" "vmalloc size=4M mode=op iterations=5"
	equal "always" "$(field failures)" 0
	between "in many pieces" "$(field extents)" 2 1024
	succeeds "kvmalloc falls back" put "$MEMLAB/run" "kvmalloc size=4M mode=op iterations=5"
	equal "to vmalloc" "$(field window)" vmalloc
	matches "before the largest block" "$(field contiguous_to)" '^([0-9]+K|[12]M)$'
	succeeds "everything is given back" put "$MEMLAB/scenario" none
	equal "and nothing held" "$(state scenario)" none
	between "large blocks are there again" "$(largest_order)" 8 10
	after=$(free_kb)
	echo "# free: $before kB before, $free kB fragmented, $after kB after"
	between "nothing is kept (kB)" $((before - after)) -4096 4096

	refused "pressure without the parameter" scenario "Invalid argument" \
		"EINVAL pressure: .*allow_pressure=1" pressure
	refused "an order beyond the largest" scenario "Numerical result out of range" \
		"ERANGE order=11: .* 1 to 10 " "fragment order=11"
	refused "a share of nothing" scenario "Numerical result out of range" \
		"ERANGE share=0: .* 1 to 100 per cent" "fragment order=3 share=0"
	refused "no such state" scenario "Invalid argument" "EINVAL scenario=melt: .*fragment" melt
	put "$MEMLAB/scenario" "fragment order=8 share=5"
	held=$(state held_pages)
	refused "a wrong wish" scenario "Invalid argument" "EINVAL order: missing" fragment
	equal "a refused wish changes nothing" "$(state held_pages)" "$held"
	rmmod memlab && load
	equal "unloading gives back" "$(state scenario)" none
	echo "kmalloc iterations=10000000 time=60000" >"$MEMLAB/run" &
	sleep 1
	equal "one at a time" "$(put "$MEMLAB/scenario" "fragment order=8 share=1")" \
		"Device or resource busy"
	echo >"$MEMLAB/stop"
	wait
	after=$(free_kb)
	between "nothing is kept after all (kB)" $((before - after)) -4096 4096
}

# What a process gets until it is killed for it, in kB; what the kernel says of that goes elsewhere.
greedy() {
	/check/greedy || echo "status $?"
}

# For a guest of little memory, a good part of it in a CMA area.
check_greedy() {
	greedy >/dev/null
	alone=$(greedy)
	between "a process gets most of the memory (kB)" "$alone" 100000 1000000
	for state in "fragment order=1 share=100" "fill-cma share=100"; do
		succeeds "$state" put "$MEMLAB/scenario" "$state"
		between "$state: it holds a good part (kB)" "$(($(state held_pages) * 4))" \
			$((alone / 10)) "$alone"
		beside=$(greedy)
		# Whom the kernel kills a little early may have met other work; twice in a row is a fault.
		if [ "$beside" -lt $((alone * 95 / 100)) ]; then
			put "$MEMLAB/scenario" "$state"
			beside=$(greedy)
		fi
		echo "# $state: a process got $alone kB alone, $beside kB beside it"
		# Two processes without it differ by 5 % too: more than that is no fault.
		between "$state: a process gets no less than without it (kB)" "$beside" \
			$((alone * 95 / 100)) $((alone * 2))
		between "$state: and was given what was held (pages)" "$(state given_back)" 1 1000000
		put "$MEMLAB/scenario" none
	done
}

# What is free for the kernel in the zone that has most, and its mark: "FREE MARK", in pages.
stand() {
	awk -v mark="$1" '/^#/ { next } !at { for (i = 1; i <= NF; i++) col[$i] = i; at = 1; next }
		$2 != "Movable" && $col["managed"] > most { most = $col["managed"]; print $col["free"] - $col["free_cma"], $col[mark] }
	' "$MEMLAB/zones" | tail -n 1
}

check_pressure_holds() {
	with_parameters allow_pressure=1
	kills=$(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat)
	succeeds "memory is taken to the default mark" put "$MEMLAB/scenario" "pressure share=100"
	equal "it comes to the mark" "$(state ended_by)" watermark
	held=$(state held_pages)
	between "most of what was free is held (pages)" "$held" $(($(state cap_pages) * 8 / 10)) \
		"$(state cap_pages)"
	sleep 10
	cat "$MEMLAB/scenario" "$MEMLAB/watermarks"
	between "after 10 s it is still held (pages)" "$(state held_pages)" $((held * 98 / 100)) "$held"
	# shellcheck disable=SC2046 # two words
	set -- $(stand low)
	# What waits is given what fragmentation has raised min by, one and a half times high at most.
	between "as much is free as the mark says, or as a raised one does (pages)" "$1" \
		$(($2 * 9 / 10)) $(($2 * 3 + 200))
	equal "nobody was killed" "$(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat)" "$kills"
	with_parameters
}

# For a guest most of which is a CMA area: a run may hold a quarter of what is available, which is
# more than the kernel can have.
check_kills_nobody() {
	with_parameters max_memory=$((256 << 20))
	kills=$(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat)
	for name in vmalloc vmalloc-huge kvmalloc; do
		put "$MEMLAB/run" \
			"$name size=6M batch=16 mode=batch iterations=16 warmup=0 time=60000"
		matches "$name: more than there is is refused" "$(cat "$MEMLAB/run")" \
			'^ *-12 +ENOMEM +[1-9]'
		equal "$name: and nobody is killed for it" \
			"$(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat)" "$kills"
	done
	# Single pages for a device and the lists of them: one of the threads does not get all of its own.
	refused "dma-sg: more than there is" run "Cannot allocate memory" \
		"ENOMEM dma-sg: errno -12 while setting up 3 thread" \
		"dma-sg size=4M entries=1024 threads=3 batch=8 mode=batch iterations=8 warmup=0 time=60000"
	equal "dma-sg: and nobody is killed for it" \
		"$(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat)" "$kills"
	with_parameters
}

# For a guest with movablecore=.
check_movable() {
	movable=$(awk '/^Node/ { zone = $4 } zone == "Movable" && $1 == "pages" && $2 == "free" { print $3 }' \
		/proc/zoneinfo)
	between "the guest has movable memory (pages)" "${movable:-0}" 100000 250000
	equal "it has no verdict for the kernel" \
		"$(awk '$1 == "other" && $3 == "Movable" { print $4, $8 }' "$MEMLAB/fragmentation")" \
		"- not-for-kernel-memory"
	equal "nor stands where the kernel would" \
		"$(awk '/^#/ { next } !at { for (i = 1; i <= NF; i++) col[$i] = i; at = 1; next }
			$2 == "Movable" { print $col["other_at"] }' "$MEMLAB/watermarks")" "-"
	equal "nor has the kernel anything of it" \
		"$(awk '$2 == "Movable" && NF == 8 { print $8 }' "$MEMLAB/meminfo")" "-"
	usable=$(sed -n 's/^# usable by the kernel: \([0-9]*\) kB of .*/\1/p' "$MEMLAB/meminfo")
	put "$MEMLAB/scenario" "fragment order=3 share=100"
	cat "$MEMLAB/scenario"
	between "the cap is of the kernel's memory (kB)" "$(($(state cap_pages) * 4))" \
		"$usable" $((usable + 65536))
	put "$MEMLAB/scenario" none
}

# Half a suspend: processes are frozen, which takes 20 s to fail where one does not let itself.
check_suspend() {
	echo "kmalloc iterations=10000000 time=100000" >"$MEMLAB/run" 2>/tmp/suspended &
	sleep 1
	succeeds "the kernel is to go no further than that" put /sys/power/pm_test freezer
	read -r began _ </proc/uptime
	succeeds "the machine sleeps while a run is on" put /sys/power/state freeze
	read -r now _ </proc/uptime
	wait
	echo "# asleep after ${began%.*} s, awake after ${now%.*} s"
	between "without waiting for the run (s)" $((${now%.*} - ${began%.*})) 0 15
	matches "whose write says so" "$(cat /tmp/suspended)" 'canceled'
	equal "as does its outcome" "$(field ending)" stopped
	succeeds "and another run is possible" put "$MEMLAB/run" "kmalloc iterations=10"
}

check_pressure() {
	free_kb >/dev/null
	before=$(free_kb)
	with_parameters allow_pressure=1
	succeeds "memory is taken" put "$MEMLAB/scenario" "pressure share=20"
	equal "up to the cap" "$(state ended_by)" cap
	equal "of pages" "$(state held_pages)" "$(state cap_pages)"
	succeeds "more is taken" put "$MEMLAB/scenario" "pressure share=100"
	cat "$MEMLAB/scenario"
	equal "down to the watermark" "$(state ended_by)" watermark
	# A file of 40 MiB needs what is held.
	succeeds "the machine still works" dd if=/dev/zero of=/tmp/file bs=1M count=40
	rm /tmp/file
	between "it gave way (pages)" "$(state given_back)" 1000 1000000
	matches "nobody was killed" "$(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat)" '^0$'
	succeeds "unloading gives all back" with_parameters
	after=$(free_kb)
	echo "# free: $before kB before, $after kB after"
	between "nothing is kept (kB)" $((before - after)) -4096 4096
}
