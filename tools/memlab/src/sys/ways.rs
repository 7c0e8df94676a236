// SPDX-License-Identifier: GPL-2.0

//! The two ways to the bytes of a file: read() copies them, a mapping shows them.

use super::victim::Answer;
use std::{fs::File, io::Read, os::fd::AsRawFd, time::Instant};

/// One byte of so many is looked at.
const LINE: usize = 64;
/// What read() fills at once.
const BLOCK: usize = 128 << 10;

fn open(path: &str) -> Result<File, String> {
    File::open(path).map_err(|error| format!("{path}: {error}"))
}

fn answer(began: Instant, sum: u64) -> Answer {
    Ok(format!("ns={} sum={sum}", began.elapsed().as_nanos()))
}

/// Reads so many bytes by read(), and looks at one of each line of a CPU's cache.
pub fn read(path: &str, length: usize) -> Answer {
    let (mut file, mut block) = (open(path)?, vec![0u8; BLOCK]);
    let (began, mut left, mut sum) = (Instant::now(), length, 0u64);
    while left > 0 {
        let part = left.min(BLOCK);
        let got = file.read(&mut block[..part]);
        let got = got.map_err(|error| format!("{path}: {error}"))?;
        if got == 0 {
            break;
        }
        sum += block[..got]
            .iter()
            .step_by(LINE)
            .map(|byte| u64::from(*byte))
            .sum::<u64>();
        left -= got;
    }
    answer(began, sum)
}

/// Looks at the same bytes through mappings of `window` bytes each, `times` times in each.
pub fn mapped(path: &str, length: usize, window: usize, times: usize) -> Answer {
    let file = open(path)?;
    let (mut began, mut sum) = (Instant::now(), 0u64);
    for from in (0..length).step_by(window.max(1)) {
        let part = window.min(length - from);
        // SAFETY: A new mapping at an address that the kernel chooses hides none there is.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                part,
                libc::PROT_READ,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                from as libc::off_t,
            )
        };
        if at == libc::MAP_FAILED {
            return Err(format!("mmap: {}", std::io::Error::last_os_error()));
        }
        for time in 0..times {
            if time + 1 == times && times > 1 {
                // What came before has filled the tables.
                (began, sum) = (Instant::now(), 0);
            }
            for offset in (0..part).step_by(LINE) {
                // SAFETY: The offset is within the mapping, which is of a file that nobody makes
                // shorter meanwhile.
                let byte = unsafe { at.cast::<u8>().wrapping_add(offset).read_volatile() };
                sum += u64::from(byte);
            }
        }
        // SAFETY: It is the mapping that was just made, and nothing refers to it any more.
        unsafe { libc::munmap(at, part) };
    }
    answer(began, sum)
}
