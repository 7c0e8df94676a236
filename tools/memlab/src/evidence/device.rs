// SPDX-License-Identifier: GPL-2.0

//! Devices as sysfs has them, lent or not.

use super::{kernel::mounts, Machine};
use crate::error::{Error, Kind, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The buses whose devices do DMA themselves and can be lent.
pub const BUSES: [&str; 3] = ["pci", "platform", "amba"];

/// A device that does the DMA.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Its bus.
    pub bus: String,
    /// Where it is, below the machine's root.
    pub folder: String,
    /// What was asked for, where that is one that another does the DMA for.
    pub asked: Option<String>,
}

/// Finds a device by its own name, or by that of a disk, an interface or a virtio, USB or SCSI
/// device behind it.
pub fn find(machine: &Machine, name: &str) -> Result<Device> {
    let safe = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
    let own = BUSES
        .iter()
        .find_map(|bus| at(machine, &format!("/sys/bus/{bus}/devices/{name}")));
    if let Some(device) = own.filter(|_| safe) {
        return Ok(device);
    }
    let buses = machine.names("/sys/bus");
    let others = buses
        .iter()
        .map(|bus| format!("/sys/bus/{bus}/devices/{name}"));
    let classes = ["net", "block", "nvme", "scsi_host"];
    let classes = classes
        .iter()
        .map(|class| format!("/sys/class/{class}/{name}"));
    let found = others
        .chain(classes)
        .filter(|_| safe)
        .find_map(|path| parent(machine, &path));
    found
        .map(|device| Device {
            asked: Some(name.to_owned()),
            ..device
        })
        .ok_or_else(|| {
            Error::new(
                Kind::Device,
                format!(
                    "device={name}: there is none on the buses {}; memlab show devices lists \
                         those that are lent",
                    BUSES.join(", ")
                ),
            )
        })
}

/// The device of a folder, if it is on one of the buses.
fn at(machine: &Machine, folder: &str) -> Option<Device> {
    let bus = machine.link(&format!("{folder}/subsystem"))?;
    BUSES.contains(&bus.as_str()).then_some(())?;
    let real = fs::canonicalize(machine.path(folder)).ok()?;
    let name = real.file_name()?.to_string_lossy().into_owned();
    Some(Device {
        name,
        bus,
        folder: below(machine, &real)?,
        asked: None,
    })
}

/// The nearest device above that is on one of the buses.
fn parent(machine: &Machine, folder: &str) -> Option<Device> {
    let real = fs::canonicalize(machine.path(folder)).ok()?;
    let mut above: Vec<PathBuf> = real.ancestors().map(Path::to_owned).collect();
    above.retain(|path| path.join("subsystem").exists());
    above
        .iter()
        .find_map(|path| at(machine, &below(machine, path)?))
}

fn below(machine: &Machine, real: &Path) -> Option<String> {
    let root = fs::canonicalize(machine.path("/")).ok()?;
    let rest = real.strip_prefix(root).ok()?;
    Some(format!("/{}", rest.to_str()?))
}

impl Device {
    /// A file of it.
    pub fn look(&self, machine: &Machine, file: &str) -> Option<String> {
        machine.look(&format!("{}/{file}", self.folder))
    }

    /// A file of it that is a number.
    pub fn number(&self, machine: &Machine, file: &str) -> Option<u64> {
        let text = self.look(machine, file)?;
        match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        }
    }

    /// The driver that is bound to it.
    pub fn driver(&self, machine: &Machine) -> Option<String> {
        machine.link(&format!("{}/driver", self.folder))
    }

    /// Whether its bus has a driver of a name.
    pub fn bus_has(&self, machine: &Machine, driver: &str) -> bool {
        machine.has(&format!("/sys/bus/{}/drivers/{driver}", self.bus))
    }

    /// The type of its IOMMU domain.
    pub fn domain(&self, machine: &Machine) -> Option<String> {
        self.look(machine, "iommu_group/type")
    }

    /// The others that its IOMMU group has.
    pub fn shared_with(&self, machine: &Machine) -> Vec<String> {
        let mut names = machine.names(&format!("{}/iommu_group/devices", self.folder));
        names.retain(|name| *name != self.name);
        names
    }

    /// What it is, from its class.
    pub fn kind(&self, machine: &Machine) -> &'static str {
        let Some(class) = self.number(machine, "class").filter(|_| self.bus == "pci") else {
            return "device";
        };
        match (class >> 16, (class >> 8) & 0xff) {
            (0x01, 0x08) => "NVMe disk",
            (0x01, _) => "disk controller",
            (0x02, _) => "network card",
            (0x03, _) => "display",
            (0x04, _) => "sound or video",
            (0x06, _) => "bridge",
            (0x08, 0x06) => "IOMMU",
            (0x0c, 0x03) => "USB controller",
            (0x0c, _) => "bus controller",
            _ => "device",
        }
    }

    /// Where file systems on it are mounted.
    pub fn mounted(&self, machine: &Machine) -> Vec<String> {
        let all = mounts(machine).into_iter();
        let here = all.filter(|(numbers, _, _)| {
            let block = fs::canonicalize(machine.path(&format!("/sys/dev/block/{numbers}")));
            block
                .ok()
                .and_then(|real| below(machine, &real))
                .is_some_and(|path| self.is_above(&path) || self.is_below_a_stack(machine, &path))
        });
        let mut places: Vec<String> = here.map(|(_, place, _)| place).collect();
        places.dedup();
        places
    }

    /// What swaps to it.
    pub fn swaps(&self, machine: &Machine) -> Vec<String> {
        let text = machine.look("/proc/swaps").unwrap_or_default();
        let names = text
            .lines()
            .skip(1)
            .filter_map(|line| line.split_whitespace().next());
        let here = names.filter(|name| {
            let name = name.rsplit('/').next().unwrap_or_default();
            let block = fs::canonicalize(machine.path(&format!("/sys/class/block/{name}")));
            let path = block.ok().and_then(|real| below(machine, &real));
            path.is_some_and(|path| self.is_above(&path) || self.is_below_a_stack(machine, &path))
        });
        here.map(str::to_owned).collect()
    }

    /// The interfaces that it has and that are up.
    pub fn interfaces(&self, machine: &Machine) -> Vec<String> {
        let mut names = machine.names("/sys/class/net");
        names.retain(|name| {
            let folder = format!("/sys/class/net/{name}");
            let real = fs::canonicalize(machine.path(&folder)).ok();
            let path = real.and_then(|real| below(machine, &real));
            path.is_some_and(|path| self.is_above(&path))
                && machine
                    .look(&format!("{folder}/operstate"))
                    .is_some_and(|state| state != "down")
        });
        names
    }

    fn is_above(&self, path: &str) -> bool {
        path.strip_prefix(&self.folder)
            .is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether it carries what a block device of the mapper, of RAID or of a partition rests on.
    fn is_below_a_stack(&self, machine: &Machine, path: &str) -> bool {
        machine
            .names(&format!("{path}/slaves"))
            .iter()
            .any(|slave| {
                let real = fs::canonicalize(machine.path(&format!("{path}/slaves/{slave}"))).ok();
                let lower = real.and_then(|real| below(machine, &real));
                lower.is_some_and(|lower| {
                    self.is_above(&lower) || self.is_below_a_stack(machine, &lower)
                })
            })
    }
}

/// The features that a virtio device and its driver agreed on, as a string of bits.
pub fn virtio_features(machine: &Machine, name: &str) -> Option<String> {
    machine.look(&format!("/sys/bus/virtio/devices/{name}/features"))
}
