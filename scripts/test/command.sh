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
