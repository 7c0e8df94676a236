# SPDX-License-Identifier: GPL-2.0
"""The claims guest of `make run CLAIMS=1` and `make shell CLAIMS=1`, and of the tests: what the
sentences of the lectures need to be shown with.
"""

import os

from . import kernel as kernels
from .console import Failure

# Debian's own: a disk, its file system, compressed swap.
DRIVERS = ("virtio_blk", "ext4", "zram")
# A device behind an IOMMU beside the module's own, which is not; a disk for files and swap, which a
# writer has to wait for; a hole that nobody may use. Of the highest zone more than half is a CMA
# area's, so that processes get its pages, and below it is one where next to nobody allocates.
X86_64 = {
    "smp": 2,
    "memory": "3G",
    "cma": "576M",
    "append": "intel_iommu=on log_buf_len=4M memmap=16M$0x40000000",
    "disk": 1024,
    "throttle": 40_000_000,
    "devices": [
        "intel-iommu",
        "edu,dma_mask=0xffffffff",
        "virtio-blk-pci,drive=disk",
    ],
}
# What comes before the command: its disk, its group, the device that it is lent.
PREPARE = r"""
for driver in /modules/*.ko; do
	[ ! -e "$driver" ] || insmod "$driver"
done
mkdir -p /scratch
if [ -e /dev/vda ]; then
	mke2fs /dev/vda >/dev/null
	mount -t ext4 /dev/vda /scratch
fi
mount -t cgroup2 cgroup /sys/fs/cgroup
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
for device in /sys/bus/pci/devices/*; do
	[ "$(cat "$device/vendor"):$(cat "$device/device")" != 0x1234:0x11e8 ] ||
		memlab lend "${device##*/}" >/dev/null
done
"""
RUN = r"""
insmod /memlab.ko allow_pressure=1 || exit 1
@PREPARE@
memlab claims --system --scratch /scratch
"""


def wanted(arch):
    """Whether CLAIMS= asks for it, of a guest that there is one for."""
    given = os.environ.get("CLAIMS")
    if given not in (None, "", "0", "1"):
        raise Failure(f"CLAIMS={given}: 1, or nothing")
    return given == "1" and usable(arch)


def usable(arch):
    if arch != "x86_64":
        raise Failure(f"CLAIMS=1: ARCH={arch} has no such guest, x86_64 has")
    way = os.environ.get("KERNEL") or "stock"
    if way != "stock":
        raise Failure(f"CLAIMS=1: KERNEL={way} has no modules for its disk; stock has")
    return True


def options(asked):
    """The guest's, with what a person asks for instead."""
    return {**X86_64, **asked}


def carried(lab, kernel):
    """{path in the guest: content} of the kernel's own modules."""
    return kernels.modules(lab, kernel, DRIVERS)


def script():
    return RUN.replace("@PREPARE@", PREPARE)
