// SPDX-License-Identifier: GPL-2.0

//! `doctor [DEVICE]`: may this kernel host the module, and what is odd about a device.

use super::{
    doctor_device, doctor_memory,
    finding::{finding, Finding, Verdict},
    Context, Found,
};
use crate::{
    error::{Error, Kind, Result},
    evidence::{
        device::{self, Device},
        kernel, module, Machine,
    },
    output::{fold, Cell, Check, Face, Table},
};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

/// The oldest kernel with the Rust interfaces that the module needs.
const OLDEST: (u32, u32) = (7, 2);
/// Options that slow what is measured.
const DISTORTING: [&str; 9] = [
    "DMA_API_DEBUG",
    "KASAN",
    "KCSAN",
    "KMSAN",
    "PROVE_LOCKING",
    "DEBUG_PAGEALLOC",
    "SLUB_DEBUG_ON",
    "PAGE_POISONING",
    "DEBUG_KMAP_LOCAL_FORCE_MAP",
];

/// Says whether this kernel can host the module, or what is odd about a device, lent or not
#[derive(Args, Debug)]
pub struct Arguments {
    /// A device of pci, platform or amba; or a disk, an interface, a virtio, USB or SCSI device
    device: Option<String>,
}

/// All findings.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Diagnosis {
    /// The kernel, or the device.
    pub subject: String,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// Why there is no CMA area, by what the kernel's command line asks for.
fn no_area(asked: Option<&str>) -> String {
    match asked {
        None => "no area: cma=64M on the kernel's command line makes one".to_owned(),
        Some(none) if none.split('@').next() == Some("0") => {
            format!("no area: the kernel's command line has cma={none}")
        }
        Some(asked) => format!(
            "no area: the kernel's command line has cma={asked}, but reserving it failed at boot, see dmesg"
        ),
    }
}

/// Looks.
pub fn doctor(context: &Context, arguments: &Arguments) -> Result<Found<Diagnosis>> {
    let machine = &context.machine;
    let diagnosis = match &arguments.device {
        Some(name) => {
            let device = device::find(machine, name)?;
            // What only the kernel knows of it; without the module sysfs has to do.
            let module = module::open(machine).ok();
            let described = module.and_then(|module| module.describe(&device.bus, &device.name));
            Diagnosis {
                subject: subject(machine, &device),
                findings: doctor_device::findings(machine, &device, described.as_ref()),
            }
        }
        None => Diagnosis {
            subject: format!(
                "Linux {}",
                kernel::release(machine).unwrap_or_else(|| "?".into())
            ),
            findings: {
                let mut found = of_kernel(machine);
                let module = module::open(machine).ok();
                found.extend(doctor_memory::findings(machine, module.as_deref()));
                found
            },
        },
    };
    let wrong = diagnosis
        .findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Wrong);
    let wrong: Vec<&Finding> = wrong.collect();
    let failed = wrong
        .first()
        .map(|first| Error::new(Kind::Failed, format!("{}: {}", first.what, first.because)));
    Ok(Found {
        failed,
        value: diagnosis,
        silent: false,
        held: None,
    })
}

fn of_kernel(machine: &Machine) -> Vec<Finding> {
    use Verdict::{Fine, Odd, Unknown, Wrong};
    let mut found = Vec::new();
    let release = kernel::release(machine).unwrap_or_default();
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    found.push(match version >= OLDEST {
        true => finding("version", Fine, release.clone()),
        false => finding(
            "version",
            Wrong,
            format!(
                "{release}: the module needs {}.{} or later",
                OLDEST.0, OLDEST.1
            ),
        ),
    });
    let config = kernel::config(machine);
    match &config {
        None => found.push(finding(
            "configuration",
            Unknown,
            "not kept under /lib/modules, /boot or /proc",
        )),
        Some(config) => {
            for name in ["MODULES", "RUST"] {
                found.push(match config.has(name) {
                    true => finding(name, Fine, "on"),
                    false => finding(
                        name,
                        Wrong,
                        "off: no Rust module can be loaded into this kernel",
                    ),
                });
            }
        }
    }
    let hosts = kernel::hosts(machine);
    if hosts {
        found.push(finding("module", Fine, "loaded"));
    }
    // Without them no other can be built; the one that is there was.
    let lack = if hosts { Odd } else { Wrong };
    found.push(match kernel::missing(machine) {
        None => finding(
            "headers",
            lack,
            format!(
                "none in /lib/modules/{release}/build: install them, or let make host fetch them"
            ),
        ),
        Some(files) if files.is_empty() => {
            finding("headers", Fine, "complete, with Rust's metadata")
        }
        Some(files) => finding(
            "headers",
            lack,
            format!(
                "lack {}: make host regenerates them for Debian's kernels",
                files.join(", ")
            ),
        ),
    });
    let lockdown = kernel::lockdown(machine);
    found.push(match lockdown.as_deref() {
        None | Some("none") if !kernel::signatures(machine) => {
            finding("signatures", Fine, "unsigned modules are taken")
        }
        None | Some("none") => finding(
            "signatures",
            Wrong,
            "enforced: sign it with SIGN_KEY= and SIGN_CERT=",
        ),
        Some(level) => finding(
            "signatures",
            Wrong,
            format!(
                "locked down ({level}): sign it with a key that is enrolled, SIGN_KEY= and SIGN_CERT="
            ),
        ),
    });
    found.push(match kernel::mounted(machine, "debugfs") {
        true => finding("debugfs", Fine, "mounted"),
        false => finding("debugfs", Odd, "not mounted: /dev/memlab only"),
    });
    let cma = kernel::meminfo(machine, "CmaTotal").unwrap_or(0) >> 10;
    let without_cma = config.as_ref().is_some_and(|config| !config.has("CMA"));
    found.push(match (without_cma, cma) {
        (true, _) => finding(
            "CMA",
            Odd,
            "off: large coherent buffers come from the buddy lists or an IOMMU",
        ),
        (false, 0) => finding(
            "CMA",
            Odd,
            no_area(kernel::option(machine, "cma").as_deref()),
        ),
        (false, mib) => finding("CMA", Fine, format!("{mib} MiB")),
    });
    let iommus = kernel::iommus(machine);
    found.push(match iommus.as_slice() {
        [] => finding("IOMMU", Fine, "none in use: maps are direct, or bounced"),
        all => finding("IOMMU", Fine, all.join(", ")),
    });
    if let Some(swiotlb) = kernel::option(machine, "swiotlb").filter(|word| word.contains("force"))
    {
        found.push(finding(
            "swiotlb",
            Odd,
            format!("swiotlb={swiotlb}: every map is bounced"),
        ));
    }
    let Some(config) = config else {
        return found;
    };
    let slow: Vec<&str> = DISTORTING
        .into_iter()
        .filter(|name| config.has(name))
        .collect();
    found.push(match slow.is_empty() {
        true => finding(
            "distorting",
            Fine,
            "no debug option that slows what is measured",
        ),
        false => finding(
            "distorting",
            Odd,
            format!(
                "{}: figures are not those of a kernel without",
                slow.join(", ")
            ),
        ),
    });
    found
}

fn subject(machine: &Machine, device: &Device) -> String {
    let mut words = format!("{} ({}, {})", device.name, device.bus, device.kind(machine));
    if let Some(asked) = &device.asked {
        words = format!("{asked}: the DMA is done by {words}");
    }
    match device.driver(machine) {
        Some(driver) => format!("{words}, driver {driver}"),
        None => format!("{words}, no driver"),
    }
}

impl Face for Diagnosis {
    fn text(&self) -> String {
        let worst = |verdict| {
            self.findings
                .iter()
                .filter(|one| one.verdict == verdict)
                .count()
        };
        let (odd, wrong) = (worst(Verdict::Odd), worst(Verdict::Wrong));
        let unknown = match worst(Verdict::Unknown) {
            0 => String::new(),
            unknown => format!(", {unknown} unknown"),
        };
        let mut lines = fold(&self.subject, 80);
        lines.push(match (wrong, odd) {
            (0, 0) => format!("nothing odd{unknown}"),
            (0, odd) => format!("{odd} odd{unknown}"),
            (wrong, odd) => format!("{wrong} wrong, {odd} odd{unknown}"),
        });
        let width = self
            .findings
            .iter()
            .map(|one| one.what.len())
            .max()
            .unwrap_or(0);
        for one in &self.findings {
            let head = format!("{:<7} {:<width$}  ", one.verdict.name(), one.what);
            let room = 80usize.saturating_sub(head.len()).max(20);
            for (at, line) in fold(&one.because, room).iter().enumerate() {
                match at {
                    0 => lines.push(format!("{head}{line}")),
                    _ => lines.push(format!(
                        "{:<indent$}{}",
                        "",
                        line.trim_start(),
                        indent = head.len()
                    )),
                }
            }
        }
        lines.join("\n") + "\n"
    }

    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["what", "verdict", "because"]);
        for one in &self.findings {
            table.push([
                Cell::text(&*one.what),
                Cell::text(one.verdict.name()),
                Cell::text(&*one.because),
            ]);
        }
        vec![table]
    }

    fn checks(&self) -> Vec<Check> {
        let check = |one: &Finding| Check {
            name: one.what.clone(),
            held: match one.verdict {
                Verdict::Wrong => Some(false),
                Verdict::Unknown => None,
                Verdict::Fine | Verdict::Odd => Some(true),
            },
            because: one.because.clone(),
        };
        self.findings.iter().map(check).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_that_could_not_be_reserved_is_not_advised_again() {
        assert!(no_area(None).contains("cma=64M on the kernel's command line makes one"));
        assert!(no_area(Some("900M")).contains("has cma=900M, but reserving it failed at boot"));
        for none in ["0", "0@0x0"] {
            assert_eq!(
                no_area(Some(none)),
                format!("no area: the kernel's command line has cma={none}")
            );
        }
    }
}
