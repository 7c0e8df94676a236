// SPDX-License-Identifier: GPL-2.0

//! A machine in a folder: the module's files as a guest showed them once, and a small sysfs.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Where the command was built.
const MEMLAB: &str = env!("CARGO_BIN_EXE_memlab");

/// A folder that goes with its test.
pub struct Machine {
    pub root: PathBuf,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root); // A temporary folder that stays harms nobody.
    }
}

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machine")
}

impl Machine {
    /// One for the test of this name.
    pub fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("memlab-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let machine = Self { root };
        for entry in fs::read_dir(files()).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            machine.file(&format!("sys/kernel/debug/memlab/{stem}"), &text);
        }
        machine.kernel();
        machine.devices();
        machine
    }

    /// Writes a file.
    pub fn file(&self, name: &str, text: &str) {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, name: &str, target: &str) {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(self.root.join(target), path).unwrap();
    }

    fn kernel(&self) {
        self.file("proc/sys/kernel/osrelease", "7.3.4+deb13-amd64\n");
        self.file("proc/cmdline", "console=ttyS0 quiet\n");
        self.file("proc/meminfo", "MemTotal: 984236 kB\nCmaTotal: 65536 kB\n");
        self.file(
            "proc/vmstat",
            "nr_free_pages 9\npgfault 1200\npgmajfault 3\npgscan_kswapd 12\npgscan_direct 70\n\
             pswpin 5\ncompact_stall 2\noom_kill 0\nnr_dirtied 40\n",
        );
        self.file(
            "proc/zoneinfo",
            "Node 0, zone    DMA32\n  pages free     6000\n        min      63\n        low      \
             90\n        high     117\n        present  130000\n        managed  126000\n        \
             cma      16384\n      nr_free_cma 16000\nNode 0, zone   Normal\n  pages free     0\n        \
             present  0\n",
        );
        self.file(
            "proc/slabinfo",
            "slabinfo - version: 2.1\n# name <active_objs>\n\
             dentry 100 105 192 21 1 : tunables 0 0 0 : slabdata 5 5 0\n\
             inode_cache 10 13 600 13 2 : tunables 0 0 0 : slabdata 9 9 0\n",
        );
        self.file(
            "proc/pressure/memory",
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=42\n\
             full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
        );
        for (name, slots) in [("nslabs", "32768"), ("used", "12"), ("used_hiwater", "0")] {
            let name = format!("sys/kernel/debug/swiotlb/io_tlb_{name}");
            self.file(&name, &format!("{slots}\n"));
        }
        self.file(
            "proc/iomem",
            "00001000-0009fbff : System RAM\n100000000-17fffffff : System RAM\n",
        );
        self.file(
            "proc/vmallocinfo",
            "0xffffc90000000000-0xffffc90000005000   20480 irq_init+0x1/0x2 vmap\n\
             0xffffc90000010000-0xffffc90000012000    8192 hpet_enable+0x1/0x2 ioremap\n",
        );
        self.file(
            "proc/self/mountinfo",
            "22 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw\n23 22 0:7 / /sys/kernel/debug rw - debugfs \
             debugfs rw\n",
        );
        self.file(
            "lib/modules/7.3.4+deb13-amd64/config",
            "CONFIG_MODULES=y\nCONFIG_RUST=y\nCONFIG_CMA=y\n",
        );
        for name in [
            "rust/libcore.rmeta",
            "rust/libcompiler_builtins.rmeta",
            "rust/libffi.rmeta",
            "rust/libmacros.so",
            "rust/libbuild_error.rmeta",
            "rust/libpin_init.rmeta",
            "rust/libpin_init_internal.so",
            "rust/libbindings.rmeta",
            "rust/libuapi.rmeta",
            "rust/libkernel.rmeta",
            "include/generated/rustc_cfg",
            "include/generated/autoconf.h",
            "include/config/auto.conf",
            "scripts/module.lds",
            "Makefile",
            "Module.symvers",
        ] {
            self.file(&format!("lib/modules/7.3.4+deb13-amd64/build/{name}"), "");
        }
    }

    /// A disk with the root file system, a network card with a narrow mask in a shared group, and a
    /// virtio interface whose parent is on PCI.
    fn devices(&self) {
        self.device("0000:00:03.0", "nvme", "0x010802", 64);
        self.device("0000:00:04.0", "e1000e", "0x020000", 32);
        self.device("0000:00:05.0", "virtio-pci", "0x020000", 64);
        let disk = "sys/devices/pci0000:00/0000:00:03.0/nvme/nvme0/nvme0n1/nvme0n1p1";
        self.file(&format!("{disk}/partition"), "1\n");
        self.link("sys/dev/block/259:1", disk);
        let card = "sys/devices/pci0000:00/0000:00:04.0";
        self.file("sys/kernel/iommu_groups/7/type", "DMA-FQ\n");
        self.link(&format!("{card}/iommu_group"), "sys/kernel/iommu_groups/7");
        self.file("sys/kernel/iommu_groups/7/devices/0000:00:04.0/x", "");
        self.file("sys/kernel/iommu_groups/7/devices/0000:00:04.1/x", "");
        let virtio = "sys/devices/pci0000:00/0000:00:05.0/virtio0";
        self.file(
            &format!("{virtio}/features"),
            "1100000000000000000000000000000010000000\n",
        );
        self.link(&format!("{virtio}/subsystem"), "sys/bus/virtio");
        self.link("sys/bus/virtio/devices/virtio0", virtio);
    }

    fn device(&self, name: &str, driver: &str, class: &str, mask: u32) {
        let folder = format!("sys/devices/pci0000:00/{name}");
        self.file(&format!("{folder}/class"), &format!("{class}\n"));
        self.file(&format!("{folder}/dma_mask_bits"), &format!("{mask}\n"));
        self.file(
            &format!("{folder}/consistent_dma_mask_bits"),
            &format!("{mask}\n"),
        );
        self.file(&format!("{folder}/enable"), "1\n");
        self.file(&format!("sys/bus/pci/drivers/{driver}/bind"), "");
        self.link(
            &format!("{folder}/driver"),
            &format!("sys/bus/pci/drivers/{driver}"),
        );
        self.link(&format!("{folder}/subsystem"), "sys/bus/pci");
        self.link(&format!("sys/bus/pci/devices/{name}"), &folder);
    }

    /// Runs the command on it, in its folder.
    pub fn memlab(&self, words: &str) -> Output {
        let mut command = Command::new(MEMLAB);
        command
            .arg("--root")
            .arg(&self.root)
            .args(words.split_whitespace());
        command
            .current_dir(&self.root)
            .env_remove("SSH_CONNECTION")
            .output()
            .unwrap()
    }

    /// Its output, of a command that has to succeed.
    pub fn says(&self, words: &str) -> String {
        let done = self.memlab(words);
        let complaint = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "memlab {words}: {complaint}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// Its output, of a command that may find something wrong, which it says in there.
    pub fn shows(&self, words: &str) -> String {
        let done = self.memlab(words);
        let complaint = String::from_utf8_lossy(&done.stderr);
        let code = done.status.code();
        assert!(matches!(code, Some(0 | 1)), "memlab {words}: {complaint}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// The exit code and the complaint of a command that has to fail.
    pub fn refuses(&self, words: &str) -> (i32, String) {
        let done = self.memlab(words);
        let complaint = String::from_utf8(done.stderr).unwrap();
        (done.status.code().unwrap(), complaint)
    }
}
