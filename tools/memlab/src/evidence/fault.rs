// SPDX-License-Identifier: GPL-2.0

//! What an IOMMU refused a device, by the kernel's log, and which of the device's maps it hit.

use super::ledger::{Found, Ledger};
use schemars::JsonSchema;
use serde::Serialize;

/// A fault.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Fault {
    /// The device.
    pub device: String,
    /// The address that it used.
    pub address: u64,
    /// Whether it was to be written to.
    pub write: bool,
    /// What that means, by the maps that were seen.
    pub says: String,
}

/// Parts a line of VT-d or of AMD-Vi; none of other lines.
fn parse(line: &str) -> Option<(String, u64, bool)> {
    let hex = |word: &str| {
        let digits: String = word.chars().take_while(char::is_ascii_hexdigit).collect();
        u64::from_str_radix(&digits, 16).ok()
    };
    if let Some((_, rest)) = line.split_once("DMAR: [DMA ") {
        let (_, device) = rest.split_once("Request device [")?;
        let (device, rest) = device.split_once("] fault addr 0x")?;
        return Some((device.to_owned(), hex(rest)?, line.contains("[DMA Write")));
    }
    let (before, rest) = line.split_once(": AMD-Vi: Event logged [IO_PAGE_FAULT ")?;
    let device = before.split_whitespace().next_back()?.to_owned();
    let address = hex(rest.split_once("address=0x")?.1)?;
    // EVENT_FLAG_RW
    let flags = hex(rest.split_once("flags=0x")?.1)?;
    Some((device, address, flags & 0x20 != 0))
}

/// Enters the faults among lines of the log, each once, by the maps that there are now.
pub fn enter(found: &mut Vec<Fault>, lines: &[String], ledger: &Ledger, now: u64) {
    for (device, address, write) in lines.iter().filter_map(|line| parse(line)) {
        let same = |known: &Fault| {
            known.device == device && known.address == address && known.write == write
        };
        if !found.iter().any(same) {
            let says = says(&device, address, write, ledger.at(&device, address), now);
            found.push(Fault {
                device,
                address,
                write,
                says,
            });
        }
    }
}

fn says(device: &str, address: u64, write: bool, found: Option<Found<'_>>, now: u64) -> String {
    let did = if write { "write to" } else { "read" };
    let ago = |us: u64| format!("{:.1} s before", now.saturating_sub(us) as f64 / 1e6);
    let why = match found {
        None => "no map that was seen has it: one from before, or a wrong address".to_owned(),
        Some(Found {
            made,
            given_back: Some(us),
        }) => format!(
            "its map of {} bytes was given back {}: the device was not stopped for that",
            made.bytes,
            ago(us)
        ),
        Some(Found {
            made,
            given_back: None,
        }) => {
            let way = made.direction.to_lowercase().replace('_', "-");
            let wrong = match write {
                true => way == "to-device",
                false => way == "from-device",
            };
            let right = if write { "from-device" } else { "to-device" };
            let map = format!(
                "it lies in a map of {} bytes {way}, made {}",
                made.bytes,
                ago(made.us)
            );
            match wrong {
                true => {
                    format!("{map}: the wrong direction, it has to be {right} or bidirectional")
                }
                false => {
                    format!("{map}, which allows that: what translates does not follow the map")
                }
            }
        }
    };
    format!("{device} was refused to {did} {address:#x}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(lines: &[&str]) -> Ledger {
        let mut ledger = Ledger::default();
        for (at, line) in lines.iter().enumerate() {
            ledger.enter(&format!("x-1 [000] ..... 0.{at:06}: {line}"));
        }
        ledger.close();
        ledger
    }

    const MAP: &str =
        "dma_map_phys: 0000:00:01.0 dir=TO_DEVICE dma_addr=fffff000 size=4096 phys_addr=0 attrs=";
    const UNMAP: &str =
        "dma_unmap_phys: 0000:00:01.0 dir=TO_DEVICE dma_addr=fffff000 size=4096 attrs=";
    const WRITE: &str = "DMAR: [DMA Write NO_PASID] Request device [0000:00:01.0] fault addr 0xfffff040 [fault reason 0x05] PTE Write access is not set";

    fn said(lines: &[&str], log: &str) -> String {
        let mut found = Vec::new();
        enter(
            &mut found,
            &[log.to_owned(), log.to_owned()],
            &ledger(lines),
            9,
        );
        found.into_iter().map(|fault| fault.says).collect()
    }

    #[test]
    fn a_write_to_a_map_to_the_device_is_the_wrong_direction() {
        assert_eq!(
            said(&[MAP], WRITE),
            "0000:00:01.0 was refused to write to 0xfffff040: it lies in a map of 4096 bytes to-device, made 0.0 s before: the wrong direction, it has to be from-device or bidirectional"
        );
        let read = WRITE.replace("DMA Write", "DMA Read");
        assert!(said(&[MAP], &read).contains("which allows that"));
    }

    #[test]
    fn what_was_given_back_or_never_mapped_is_told_apart() {
        assert!(said(&[MAP, UNMAP], WRITE).contains("was given back"));
        assert!(said(&[], WRITE).contains("no map that was seen"));
    }

    #[test]
    fn each_maker_of_iommus_has_words_of_its_own() {
        let amd = "nvme 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0010 address=0xe1a2f000 flags=0x0020]";
        assert_eq!(
            parse(amd),
            Some(("0000:01:00.0".to_owned(), 0xe1a2_f000, true))
        );
        assert_eq!(parse("DMAR: IOMMU enabled"), None);
    }
}
