# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# QEMU's edu carries bytes: each is right, and nothing but a run's end stops a run.

PCI=/sys/bus/pci
KINDS="coherent pool noncoherent noncontiguous single page phys sg"

# find_edu: its address; the host says the width of its DMA mask as QEMU was given it
find_edu() {
	for device in "$PCI"/devices/*; do
		[ "$(cat "$device/vendor"):$(cat "$device/device")" = 0x1234:0x11e8 ] &&
			edu=${device##*/}
	done
	edu_mask=$EDU_BITS
}

# lend ADDRESS: bound to memlab, whoever had it
lend() {
	[ ! -e "$PCI/devices/$1/driver" ] || echo "$1" >"$PCI/devices/$1/driver/unbind"
	echo memlab >"$PCI/devices/$1/driver_override"
	echo "$1" >$PCI/drivers_probe
	[ "$(basename "$(readlink "$PCI/devices/$1/driver")")" = memlab ]
}

# give_back ADDRESS: it has no driver, and takes any
give_back() {
	echo "$1" >"$PCI/devices/$1/driver/unbind"
	echo >"$PCI/devices/$1/driver_override"
}

# configured ADDRESS: both masks, enabled or not, and its command register, of which bit 2 is mastering
configured() {
	for file in dma_mask_bits consistent_dma_mask_bits enable; do
		cat "$PCI/devices/$1/$file"
	done
	od -A n -t x1 -j 4 -N 2 "$PCI/devices/$1/config"
}

# carried KIND DIRECTION COUNT PARAMETER...: all of them, and every byte right
carried() {
	local kind=$1 direction=$2 count=$3 rest
	shift 3
	put "$MEMLAB/run" \
		"transfer-$kind direction=$direction iterations=$count warmup=0 time=3600000 $*"
	# shellcheck disable=SC2154 # put sets it
	equal "$kind $direction $* runs" "$error" ""
	line_of failures "$MEMLAB/run"
	equal "$kind $direction $*: no byte is wrong" "$rest" 0
	line_of ending "$MEMLAB/run"
	equal "$kind $direction $*: all are carried" "$rest" complete
}

# during NAME WANTED COMMAND...: a command ends a long run, of $what, soon, with that error
during() {
	local name=$1 wanted=$2 before after
	shift 2
	put "$MEMLAB/run" "$what ${many:-iterations=1000000} warmup=0 time=3600000" >/tmp/error &
	for _ in $(seq 100); do
		cat /proc/[0-9]*/comm 2>/dev/null | grep -q '^memlab/' && break
		sleep 0.1
	done
	sleep 1
	before=$(cut -d' ' -f1 /proc/uptime | tr -d .)
	"$@"
	wait $!
	after=$(cut -d' ' -f1 /proc/uptime | tr -d .)
	equal "$name ends the run" "$(cat /tmp/error)" "$wanted"
	between "$name: within so many hundredths of a second" $((after - before)) 0 "$soon"
}

check_edu() {
	gone="No such device"
	find_edu
	refused "a transfer without an edu" run "$gone" \
		"ENODEV transfer-coherent needs a device that moves bytes" "transfer-coherent"
	refused "a transfer by a device that has no engine" run "$gone" \
		"ENODEV device=memlab: does not move bytes" "transfer-coherent device=memlab"
	found=$(configured "$edu")
	with_parameters edu_mask=20
	equal "an edu that reaches no memory is not lent" "$(lend "$edu" && echo lent)" ""
	equal "and is as it was" "$(configured "$edu")" "$found"
	with_parameters edu_mask="$edu_mask"
	succeeds "an edu is lent" lend "$edu"
	equal "its masks" "$(head -n 2 "$PCI/devices/$edu/dma_mask_bits" \
		"$PCI/devices/$edu/consistent_dma_mask_bits" | grep '^[0-9]' | uniq)" "$edu_mask"
	interrupts=$(awk '/memlab/ { print $2 }' /proc/interrupts)

	for direction in to-device from-device; do
		for kind in $KINDS; do
			carried "$kind" $direction 1
		done
		carried single $direction 1 size=1 offset=4095
		carried sg $direction 1 size=4093 entries=7 offset=3
	done
	between "the engine interrupts" \
		$(($(awk '/memlab/ { print $2 + $3 }' /proc/interrupts) - interrupts)) 20 300
	refused "two directions at once" run "Invalid argument" \
		"EINVAL direction=bidirectional: " "transfer-coherent direction=bidirectional"
	refused "more than the engine holds" run "Numerical result out of range" \
		"ERANGE size=4097: .* 1 to 4096 bytes" "transfer-coherent size=4097"
	refused "more pieces than bytes" run "Numerical result out of range" \
		"ERANGE entries=9: " "transfer-sg size=8 entries=9"
	refused "links without an IOMMU" run "Operation not supported" \
		"EOPNOTSUPP transfer-iova: needs an IOMMU" "transfer-iova"
	refused "two threads for one engine" run "Invalid argument" \
		"EINVAL threads=2: " "transfer-coherent threads=2"

	give_back "$edu"
	equal "it went back as it came" "$(configured "$edu")" "$found"
	succeeds "it loads without parameters" with_parameters
}

# Where the clock counts instructions ("exact") the time is exact; elsewhere a busy host takes the
# guest's processors away.
check_edu_ends() {
	find_edu
	with_parameters edu_mask="$edu_mask"
	found=$(configured "$edu")
	lend "$edu"
	# shellcheck disable=SC2154
	[ -z "$exact" ] && soon=2000 || soon=20
	# 128 transfers, of which the run looks at the first operation first.
	what="transfer-sg size=1024 entries=128"
	during "stop in the first operation" "Operation canceled" put "$MEMLAB/stop" 1
	# It is no less stopped where there is no operation but that one.
	many=iterations=1 during "stop in the only operation" "Operation canceled" put "$MEMLAB/stop" 1
	matches "which is no failure" "$(cat "$MEMLAB/run")" '^failures +0$'
	what=transfer-coherent
	during "stop" "Operation canceled" put "$MEMLAB/stop" 1
	# Elsewhere it may be complete within the tick that a stop takes to be seen.
	[ -z "$exact" ] || matches "what was under way is no failure" "$(cat "$MEMLAB/run")" \
		'^failures +0$'
	carried coherent from-device 1
	/check/engine kill $((soon * 10)) 4 "$MEMLAB/run" \
		"transfer-coherent iterations=1000000 time=3600000"
	carried coherent from-device 1
	during "unbind" "No such device" give_back "$edu"
	matches "it tells that the device went" "$(cat "$MEMLAB/run")" '^ending +device-gone$'
	equal "which is no refusal" "$(grep -c ^refused "$MEMLAB/run")" 0
	equal "it went back as it came" "$(configured "$edu")" "$found"
	succeeds "it can be lent again" lend "$edu"
	carried coherent to-device 1
	give_back "$edu"
	equal "and given back" "$(configured "$edu")" "$found"
	succeeds "it loads without parameters" with_parameters
}

# unmastered DIRECTION: one transfer, while which somebody takes the device its way to memory
unmastered() {
	put "$MEMLAB/run" "transfer-single direction=$1 iterations=1 warmup=0 time=60000" >/tmp/error &
	while kill -0 $! 2>/dev/null; do
		usleep 90000
		# Memory and I/O stay enabled; bus mastering goes.
		printf '\003' | dd of="$PCI/devices/$edu/config" bs=1 seek=4 conv=notrunc 2>/dev/null
	done
	wait $!
	equal "without bus mastering $1 it runs" "$(cat /tmp/error)" ""
}

# Where the engine interrupts by message, which is a write to memory too.
check_edu_fails() {
	find_edu
	with_parameters edu_mask=24
	lend "$edu"
	carried single to-device 1
	put "$MEMLAB/run" "transfer-single mask=32 iterations=1 warmup=0"
	matches "memory that the engine does not reach" "$(cat "$MEMLAB/run")" '^ *-14 +EFAULT +1$'
	unmastered to-device
	matches "no interrupt comes" "$(cat "$MEMLAB/run")" '^ *-110 +ETIMEDOUT +1$'
	carried single to-device 1
	give_back "$edu"
	succeeds "it loads without parameters" with_parameters
}
