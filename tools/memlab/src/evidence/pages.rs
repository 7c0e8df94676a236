// SPDX-License-Identifier: GPL-2.0

//! /proc/PID/pagemap, /proc/kpageflags and /proc/kpagecount: which frame a page lies in, and what
//! the kernel does with that frame.

use super::{look::Look, Machine};
use std::{fs::File, os::unix::fs::FileExt};

const PRESENT: u64 = 1 << 63;
const FRAME: u64 = (1 << 55) - 1;

/// Numbers of bits of /proc/kpageflags.
pub mod flag {
    /// Mapped by whoever read before anything was written.
    pub const ZERO_PAGE: u32 = 24;
    /// Free, the first page of its block.
    pub const BUDDY: u32 = 10;
    /// Part of a transparent huge page.
    pub const THP: u32 = 22;
    /// A table of a page-table tree.
    pub const PGTABLE: u32 = 26;
}

/// One entry of a pagemap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(u64);

impl Entry {
    /// Whether a frame is mapped.
    pub fn present(self) -> bool {
        self.0 & PRESENT != 0
    }

    /// The number of the frame; none where the kernel does not show it.
    pub fn frame(self) -> Option<u64> {
        let frame = self.0 & FRAME;
        (self.present() && frame != 0).then_some(frame)
    }
}

/// Who asks.
pub struct Pages {
    machine: Machine,
}

impl Pages {
    /// Of a machine.
    pub fn of(machine: &Machine) -> Self {
        Self {
            machine: machine.clone(),
        }
    }

    fn words(&self, file: &str, from: u64, count: usize) -> Look<Vec<u64>> {
        let failed = |error: std::io::Error| format!("{file}: {}", crate::error::reason(&error));
        let open = File::open(self.machine.path(file)).map_err(failed)?;
        let mut bytes = vec![0; 8 * count];
        open.read_exact_at(&mut bytes, 8 * from).map_err(failed)?;
        let words = bytes.chunks_exact(8);
        Ok(words
            .map(|word| u64::from_ne_bytes(word.try_into().unwrap_or_default()))
            .collect())
    }

    /// The entries of a range of pages.
    pub fn entries(&self, pid: u64, address: u64, pages: usize) -> Look<Vec<Entry>> {
        let page = rustix::param::page_size() as u64;
        let words = self.words(&format!("/proc/{pid}/pagemap"), address / page, pages)?;
        Ok(words.into_iter().map(Entry).collect())
    }

    /// The frame behind an address.
    pub fn frame(&self, pid: u64, address: u64) -> Look<u64> {
        let entry = self.entries(pid, address, 1)?[0];
        if !entry.present() {
            return Err("no frame is mapped there".into());
        }
        entry.frame().ok_or_else(|| "root, to see frames".into())
    }

    /// Whether the kernel says of a frame that it is of a kind, one of [`flag`].
    pub fn is(&self, frame: u64, bit: u32) -> Look<bool> {
        Ok((self.words("/proc/kpageflags", frame, 1)?[0] >> bit) & 1 == 1)
    }

    /// How often a frame is mapped.
    pub fn mapped(&self, frame: u64) -> Look<u64> {
        Ok(self.words("/proc/kpagecount", frame, 1)?[0])
    }

    /// What the kernel says of so many frames, bit by bit.
    pub fn flags(&self, first: u64, count: usize) -> Look<Vec<u64>> {
        self.words("/proc/kpageflags", first, count)
    }

    /// Some frames of a kind, from anywhere.
    pub fn frames(&self, bit: u32, most: usize) -> Look<Vec<u64>> {
        const CHUNK: u64 = 1 << 12;
        let mut found = Vec::new();
        let mut from = 0;
        while let Ok(words) = self.words("/proc/kpageflags", from, CHUNK as usize) {
            let mut here = (from..).zip(&words);
            if let Some((frame, _)) = here.find(|(_, word)| (**word >> bit) & 1 == 1) {
                found.push(frame);
            }
            // One of each chunk: they lie apart.
            from += CHUNK;
            if found.len() == most {
                break;
            }
        }
        Ok(found)
    }

    /// How many frames of the whole machine are of a kind.
    pub fn count(&self, bit: u32) -> Look<u64> {
        const CHUNK: usize = 1 << 16;
        let (mut from, mut found) = (0, 0);
        let file = File::open(self.machine.path("/proc/kpageflags"));
        let file = file.map_err(|error| format!("kpageflags: {}", crate::error::reason(&error)))?;
        let mut bytes = vec![0; 8 * CHUNK];
        loop {
            let got = file.read_at(&mut bytes, from).unwrap_or(0);
            if got == 0 {
                return Ok(found);
            }
            let words = bytes[..got].chunks_exact(8);
            found += words
                .filter(|word| {
                    let word = u64::from_ne_bytes((*word).try_into().unwrap_or_default());
                    (word >> bit) & 1 == 1
                })
                .count() as u64;
            from += got as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_frame_or_a_place_in_swap() {
        let entry = Entry(PRESENT | 0x1234);
        assert_eq!((entry.present(), entry.frame()), (true, Some(0x1234)));
        // Without the right to see it the number is 0.
        assert_eq!(Entry(PRESENT).frame(), None);
    }
}
