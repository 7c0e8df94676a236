# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# What lectures say, checked by the command on this kernel: each verdict with a control that comes
# out otherwise, and what has to be so whatever the machine.

check_claims() {
	local said line id verdict thp status again same
	grep -q ' /sys/fs/cgroup ' /proc/mounts || mount -t cgroup2 cgroup /sys/fs/cgroup
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	with_parameters allow_pressure=1
	place
	said=$(memlab claims --system --scratch "$SCRATCH" --self-test --csv 2>/tmp/claims.log)
	status=$?
	again=$(sed -n 's/^memlab: the control comes out the same: //p' /tmp/claims.log | tr -d ,)
	same=
	[ $status = 0 ] || [ -n "$again" ] || same="exit code $status"
	# What else the machine does decides in a few: they are asked once more, by themselves.
	for id in $again; do
		memlab claims "$id" --system --scratch "$SCRATCH" --self-test >/tmp/again.log 2>&1 && continue
		same="$same $id"
		cat /tmp/again.log
	done
	equal "every control comes out otherwise" "$same" ""
	between "and all but a few at once" "$(echo "$again" | wc -w)" 0 4
	echo "$said"
	tail -n 1 /tmp/claims.log
	for line in page.lazy:holds page.cow:holds mmu.tables-in-memory:"holds not" \
		vma.list:"holds not" vma.pss:holds libc.keeps:"holds not" oom.adj:holds \
		cgroup.limit:holds mmu.levels:holds pagemap.frame:holds slab.task-struct:holds; do
		id=${line%%:*} verdict=${line#*:}
		matches "$id $verdict" "$said" "^$id,$verdict,"
	done
	read -r thp </sys/kernel/mm/transparent_hugepage/enabled
	case $thp in
	*'[always]'*) matches "huge pages fault less" "$said" '^page.on-write,depends,a fault for many' ;;
	*) matches "small pages fault each" "$said" '^page.on-write,depends,a fault for each' ;;
	esac
	matches "a chapter shows its evidence" "$(memlab claims page.lazy)" 'status: VmRSS'
	matches "without rights it says what it needs" "$(powerless)" 'root'
	memlab claims nothing >/dev/null 2>&1
	equal "what is no claim is exit code 2" "$?" 2
	equal "no group is left" "$(echo /sys/fs/cgroup/memlab-*)" '/sys/fs/cgroup/memlab-*'
	if [ "$SCRATCH" = /scratch ]; then
		for line in swap.file-anon:holds swap.zram:holds cache.direct:holds tool.pgpgin:"holds not" \
			dma.sg:holds dma.same-api:holds cgroup.rss-swap:holds; do
			id=${line%%:*} verdict=${line#*:}
			matches "$id $verdict" "$said" "^$id,$verdict,"
		done
		between "rows with a verdict" "$(echo "$said" | grep -c -v -E '^claim,|,not shown,')" 115 127
		equal "no swap is left" "$(wc -l </proc/swaps)" 1
		equal "and no file" "$(ls $SCRATCH)" lost+found
	fi
	equal "and no journal" "$(ls /run/memlab-claims.json 2>/dev/null)" ""
}

# A file system on the disk where there is one, and an edu that is lent: what the rows need.
place() {
	local driver
	SCRATCH=/usr/bin
	for driver in /modules/*.ko; do
		[ ! -e "$driver" ] || insmod "$driver"
	done
	find_edu
	[ -z "$edu" ] || succeeds "an edu is lent" lend "$edu"
	[ -e /dev/vda ] || return 0
	SCRATCH=/scratch
	# Another check may have been here.
	! grep -q " $SCRATCH " /proc/mounts || return 0
	mke2fs /dev/vda >/dev/null
	mkdir -p $SCRATCH
	succeeds "there is a disk" mount -t ext4 /dev/vda $SCRATCH
}

# One claim as a user who may do nothing.
powerless() {
	mkdir -p /etc
	echo 'nobody:x:65534:65534::/:/bin/sh' >/etc/passwd
	chmod 755 /usr/bin/memlab
	su nobody -c 'memlab claims page.cow' 2>&1
}
