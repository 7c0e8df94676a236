# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# What lectures say, checked by the command on this kernel: each verdict with a control that comes
# out otherwise, and what has to be so whatever the machine.

check_claims() {
	local said line id verdict thp
	mount -t cgroup2 cgroup /sys/fs/cgroup
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	said=$(memlab claims --self-test 2>&1)
	equal "every control comes out otherwise" "$?" 0
	echo "$said"
	said=$(memlab claims --csv)
	echo "$said"
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
	equal "and no journal" "$(ls /run/memlab-claims.json 2>/dev/null)" ""
}

# One claim as a user who may do nothing.
powerless() {
	mkdir -p /etc
	echo 'nobody:x:65534:65534::/:/bin/sh' >/etc/passwd
	chmod 755 /usr/bin/memlab
	su nobody -c 'memlab claims page.cow' 2>&1
}
