# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# What is said to slow what is measured: what is on, and nothing that is built in and off.

# distorting: the line of a new result, in $rest
distorting() {
	put "$MEMLAB/run" "kmalloc iterations=50" >/dev/null
	line_of distorting "$MEMLAB/run"
}

# on_boot PARAMETER NAME: NAME is said if the kernel was given the parameter, and else not
on_boot() {
	if grep -q "$1" /proc/cmdline; then
		matches "$2 is said after $1" ",$rest," ",$2,"
	else
		equal "$2 is not said without $1" "$(echo ",$rest," | grep -c ",$2,")" 0
	fi
}

check_distorting() {
	local tracing=/sys/kernel/tracing before
	distorting
	before=$rest
	on_boot slab_debug= slab_debug
	on_boot kfence.sample_interval=100 kfence=100ms
	on_boot init_on_free=1 init_on_free
	on_boot page_owner=on page_owner

	mount -t tracefs none $tracing
	echo 1 >$tracing/events/kmem/kmalloc/enable
	distorting
	equal "a tracepoint is said that is listened to" "$rest" \
		"$(echo "$before,tracepoint:kmalloc" | sed 's/^none,//')"
	echo 0 >$tracing/events/kmem/kmalloc/enable
	echo function >$tracing/current_tracer
	distorting
	matches "so are calls at the beginning of functions" ",$rest," ",function-tracing,"
	echo nop >$tracing/current_tracer
	distorting
	equal "and neither any longer than that" "$rest" "$before"
	umount $tracing
}

# For a kernel with several: the clock is called what the kernel calls it.
check_clocksource() {
	local clocks=/sys/devices/system/clocksource/clocksource0 before
	before=$(cat $clocks/current_clocksource)
	for name in hpet acpi_pm $before; do
		has "$(tr ' ' '\n' <$clocks/available_clocksource)" "^$name\$" || continue
		echo "$name" >$clocks/current_clocksource
		equal "the kernel takes $name" "$(cat $clocks/current_clocksource)" "$name"
		put "$MEMLAB/run" "kmalloc iterations=50"
		equal "and a result says $name" "$(field clocksource)" "$name"
	done
	matches "there is one that has no number of its own" \
		"$(cat $clocks/available_clocksource)" '(hpet|acpi_pm)'
}
