// SPDX-License-Identifier: GPL-2.0

//! The kernel that runs: its configuration, its headers, what it lets modules do.

use super::Machine;
use procfs::{process::MountInfos, ConfigSetting, Current, FromBufRead, KernelConfig};
use std::{collections::HashMap, io::BufReader};

/// What the headers have to have for a Rust module, below their folder.
pub const METADATA: [&str; 16] = [
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
];

/// A kernel's configuration.
pub struct Config(HashMap<String, String>);

impl Config {
    /// Whether an option is built in or a module.
    pub fn has(&self, name: &str) -> bool {
        matches!(self.value(name), Some("y" | "m"))
    }

    /// An option's value; none where it is off.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(&format!("CONFIG_{name}")).map(String::as_str)
    }
}

/// `uname -r`.
pub fn release(machine: &Machine) -> Option<String> {
    machine.look("/proc/sys/kernel/osrelease")
}

/// Its configuration, from wherever it is kept.
pub fn config(machine: &Machine) -> Option<Config> {
    let release = release(machine)?;
    let kept = [
        format!("/lib/modules/{release}/config"),
        format!("/boot/config-{release}"),
        format!("/lib/modules/{release}/build/.config"),
    ];
    let text = kept.iter().find_map(|path| machine.look(path));
    let read = match text {
        Some(text) => KernelConfig::from_buf_read(BufReader::new(text.as_bytes())).ok(),
        // Of a copy nothing is unpacked.
        None if !machine.is_copy() => KernelConfig::current().ok(),
        None => None,
    };
    let word = |setting| match setting {
        ConfigSetting::Yes => "y".to_owned(),
        ConfigSetting::Module => "m".to_owned(),
        ConfigSetting::Value(value) => value.trim_matches('"').to_owned(),
    };
    Some(Config(
        read?
            .0
            .into_iter()
            .map(|(name, value)| (name, word(value)))
            .collect(),
    ))
}

/// The files that its headers lack, by name; none where there are no headers at all.
pub fn missing(machine: &Machine) -> Option<Vec<&'static str>> {
    let build = format!("/lib/modules/{}/build", release(machine)?);
    machine.has(&build).then_some(())?;
    Some(
        METADATA
            .into_iter()
            .filter(|name| !machine.has(&format!("{build}/{name}")))
            .collect(),
    )
}

/// The word in brackets of the lockdown file.
pub fn lockdown(machine: &Machine) -> Option<String> {
    let text = machine.look("/sys/kernel/security/lockdown")?;
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

/// Whether memlab's module is loaded.
pub fn hosts(machine: &Machine) -> bool {
    machine.has("/sys/module/memlab")
}

/// Whether only signed modules are taken.
pub fn signatures(machine: &Machine) -> bool {
    machine
        .look("/sys/module/module/parameters/sig_enforce")
        .as_deref()
        == Some("Y")
}

/// An option of the kernel's command line, with its value; empty without one.
pub fn option(machine: &Machine, name: &str) -> Option<String> {
    let line = machine.look("/proc/cmdline")?;
    let found = line
        .split_whitespace()
        .rev()
        .find_map(|word| match word.split_once('=') {
            Some((key, value)) if key == name => Some(value.to_owned()),
            None if word == name => Some(String::new()),
            _ => None,
        });
    found
}

/// Whether a file system of a kind is mounted.
pub fn mounted(machine: &Machine, kind: &str) -> bool {
    mounts(machine)
        .iter()
        .any(|(_, _, fs_type)| fs_type == kind)
}

/// What is mounted: device numbers, place and kind.
pub fn mounts(machine: &Machine) -> Vec<(String, String, String)> {
    let text = machine.look("/proc/self/mountinfo").unwrap_or_default();
    let read = MountInfos::from_buf_read(BufReader::new(text.as_bytes()));
    let mounts = read.map(|infos| infos.0).unwrap_or_default().into_iter();
    mounts
        .map(|mount| {
            let place = mount.mount_point.to_string_lossy().into_owned();
            (mount.majmin, place, mount.fs_type)
        })
        .collect()
}

/// The IOMMUs that are in use, by name.
pub fn iommus(machine: &Machine) -> Vec<String> {
    machine.names("/sys/class/iommu")
}

/// How many memory nodes there are.
pub fn nodes(machine: &Machine) -> usize {
    let names = machine.names("/sys/devices/system/node");
    names.iter().filter(|name| name.starts_with("node")).count()
}

/// A field of /proc/meminfo, in KiB.
pub fn meminfo(machine: &Machine, field: &str) -> Option<u64> {
    let text = machine.look("/proc/meminfo")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// How much of the last 10 s and of the last 5 min something waited for memory, in per cent.
pub fn waits(machine: &Machine) -> Option<(f64, f64)> {
    let text = machine.look("/proc/pressure/memory")?;
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let average = |key: &str| {
        let mut words = line.split_whitespace();
        words.find_map(|word| word.strip_prefix(key))?.parse().ok()
    };
    Some((average("avg10=")?, average("avg300=")?))
}

/// The last byte of memory; none where the kernel does not show it to this process.
pub fn last_byte(machine: &Machine) -> Option<u64> {
    let text = machine.look("/proc/iomem")?;
    let ends = text
        .lines()
        .filter(|line| line.trim_end().ends_with(": System RAM"));
    let ends = ends.filter_map(|line| {
        let (range, _) = line.split_once(" : ")?;
        u64::from_str_radix(range.trim().split_once('-')?.1, 16).ok()
    });
    ends.max().filter(|end| *end != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn an_option_is_the_last_of_its_name() {
        let root = std::env::temp_dir().join(format!("memlab-kernel-{}", std::process::id()));
        fs::create_dir_all(root.join("proc/sys/kernel")).unwrap();
        fs::write(root.join("proc/cmdline"), "swiotlb=1 quiet swiotlb=force\n").unwrap();
        fs::write(
            root.join("proc/iomem"),
            "00001000-0009fbff : System RAM\n100000000-13fffffff : System RAM\nf0-ff : PCI\n",
        )
        .unwrap();
        fs::write(root.join("proc/sys/kernel/osrelease"), "7.3.4\n").unwrap();
        let build = root.join("lib/modules/7.3.4/build");
        fs::create_dir_all(build.join("rust")).unwrap();
        for name in METADATA {
            let path = build.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        fs::write(
            build.join(".config"),
            "CONFIG_RUST=y\nCONFIG_X=\"a b\"\n# CONFIG_Y is not set\n",
        )
        .unwrap();
        let machine = Machine::at(Some(&root));
        assert_eq!(option(&machine, "swiotlb").as_deref(), Some("force"));
        assert_eq!(option(&machine, "quiet").as_deref(), Some(""));
        assert_eq!(option(&machine, "iommu"), None);
        assert_eq!(last_byte(&machine), Some(0x1_3fff_ffff));
        assert_eq!(missing(&machine), Some(Vec::new()));
        fs::remove_file(build.join("rust/libkernel.rmeta")).unwrap();
        assert_eq!(missing(&machine), Some(vec!["rust/libkernel.rmeta"]));
        let config = config(&machine).unwrap();
        assert!(config.has("RUST") && !config.has("Y"));
        assert_eq!(config.value("X"), Some("a b"));
        fs::remove_dir_all(&root).unwrap();
    }
}
