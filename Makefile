# SPDX-License-Identifier: GPL-2.0
# The commands of memlab. What the module is built from stands in Kbuild.

LAB := scripts/memlab-lab
CACHE := $(or $(MEMLAB_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/memlab)
KDIR_OUT := $(CACHE)/out/kdir-$(firstword $(shell echo '$(CURDIR)' | cksum))
MO ?= $(KDIR_OUT)
# The kernel's make would take it from KDIR.
override MO := $(if $(filter /%,$(MO)),,$(CURDIR)/)$(MO)
VERBS := run shell host test bench matrix configs lint fmt rust-analyzer

.DEFAULT_GOAL := $(if $(KDIR),modules,help)
.PHONY: $(VERBS) install clean modules help

$(VERBS):
	@$(LAB) $@

# The module too, where KDIR= says for which kernel; DESTDIR= is the root of both.
install: $(if $(KDIR),modules)
	@$(LAB) $@
ifneq ($(KDIR),)
	$(MAKE) -C '$(KDIR)' M='$(CURDIR)' MO='$(MO)' INSTALL_MOD_PATH='$(DESTDIR)' modules_install
endif

clean:
	@$(LAB) $@
	@rm -rf '$(KDIR_OUT)'

modules:
	@mkdir -p '$(MO)'
	$(MAKE) -C '$(KDIR)' M='$(CURDIR)' MO='$(MO)' modules
	@echo 'built $(MO)/memlab$(if $(MEMLAB_SAMPLES),_*).ko'

help:
	@echo 'memlab: what each way of getting memory, and of getting it to a device, costs'
	@echo
	@echo '  make run            the answer in the stock Debian kernel, booted in QEMU (REPORT=DIR)'
	@echo '  make test           KUnit, end-to-end and host tests; ends with N passed, N failed'
	@echo '  make bench          memlab beside dma_map_benchmark (SAVE=FILE, AGAINST=FILE)'
	@echo '  make matrix         the DMA APIs on every backend, bytes checked (TRANSFERS=N, SAVE=FILE)'
	@echo '                      ARCH= or BACKENDS=a,b: only those of its columns'
	@echo '  make shell          a prompt in that guest, with the module loaded'
	@echo '  make host           module and command for the kernel that runs here (or RELEASE=)'
	@echo '  make install        the command, its man page and completions (DESTDIR=, PREFIX=, KDIR=)'
	@echo '  make KDIR=DIR       the module for any kernel tree, with your own toolchain'
	@echo '  make configs        the module for kernels without CMA, IOMMU, PCI, NUMA, HIGHMEM, DEBUG_FS, and'
	@echo '                      with CFI, partitioned caches, gcc, pages of 64 KiB'
	@echo '  make lint, make fmt check the sources, format them'
	@echo '  make rust-analyzer  write rust-project.json for editors'
	@echo '  make clean          remove what this checkout has built'
	@echo
	@echo '  of make run and make shell:'
	@echo '  ARCH=x86_64|arm64|arm  of the guest (that of this host)'
	@echo '  KERNEL=stock|rt|built  the kernel of Debian, its PREEMPT_RT one, or one built from its source;'
	@echo '                      stock16k: with pages of 16 KiB, on arm64'
	@echo '  SERIES=7.3|7.2      of the kernel (7.3)'
	@echo '  CLAIMS=1            the guest that memlab claims is for: a disk, swap, a device behind an IOMMU;'
	@echo '                      make run has the sentences checked, and prints each verdict'
	@echo '  MEMORY=1G SMP=1 NODES=1 CMA=64M  what the guest has; nodes share it equally'
	@echo '  CPU= MACHINE=       as in -cpu of QEMU, and further properties of -M (iommu=smmuv3)'
	@echo '  DEVICES="intel-iommu edu"  as in -device of QEMU, instead of edu alone'
	@echo '  APPEND="swiotlb=force"  to the command line of its kernel'
	@echo '  of make test:'
	@echo '  ARCH=x86_64|arm64|arm  only on that one'
	@echo '  FULL=1              also in a kernel with KASAN (arm64), which takes as long as all the rest'
	@echo '  GUESTS=a,b CHECKS=c,d  only those of scripts/lab/test_jobs.py'
	@echo '  of make host:'
	@echo '  SIGN_KEY= SIGN_CERT= sign what make host builds, for Secure Boot'
	@echo
	@echo 'Everything downloaded or built is in $(CACHE).'
