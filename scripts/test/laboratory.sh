# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# The job file for laboratories, with LAVA's own command played by a function that says what it does.

# steps VALUE...: runs its steps, with other values of its parameters
steps() {
	{
		cat <<-'SH'
			lava-test-case() { echo "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=$1 RESULT=$3>"; }
		SH
		sed -n '/^params:/,/^run:/s/^  \([A-Z0-9_]*\): "*\([^"]*\)"*$/\1=\2/p' /check/laboratory.yaml
		printf '%s\n' "$@"
		sed -n '/^  steps:/,$s/^    - //p' /check/laboratory.yaml
	} >/tmp/steps
	ash /tmp/steps
}

check_laboratory() {
	local tracing=/sys/kernel/tracing
	mountpoint -q $tracing || mount -t tracefs tracefs $tracing
	rmmod memlab
	steps MODULE=/memlab.ko WATCH_SECONDS=2 >/tmp/signals 2>/tmp/errors
	cat /tmp/signals /tmp/errors
	for case in debugfs kmalloc-alloc-measured kmalloc-alloc:p99 sweep-pages-3-gfp=kernel; do
		matches "$case passes" "$(cat /tmp/signals)" "^<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=$case RESULT=pass>\$"
	done
	equal "each line is a signal" "$(grep -vc '^<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=[^ <>]* RESULT=[a-z]*>$' /tmp/signals)" 0
	steps MODULE=/memlab.ko WATCH_SECONDS=1 ALLOC_P99_NS=1 >/tmp/signals 2>/dev/null
	matches "a gate that does not hold fails" "$(cat /tmp/signals)" \
		'^<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=kmalloc-alloc:p99 RESULT=fail>$'
	umount $tracing
	load
}
