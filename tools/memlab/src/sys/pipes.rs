// SPDX-License-Identifier: GPL-2.0

//! Pipes of a process: objects of the kernel's that it holds, and a way to have its own pages held.

use super::victim::{pipe, Answer};
use std::{fs::File, io, os::fd::AsRawFd};

/// Both ends of each.
#[derive(Default)]
pub struct Pipes(Vec<(File, File)>);

impl Pipes {
    /// Makes so many more, or makes and closes each before the next.
    pub fn make(&mut self, count: usize, close: bool) -> Answer {
        for _ in 0..count {
            let made = pipe()?;
            if !close {
                self.0.push(made);
            }
        }
        Ok(format!("held={}", self.0.len()))
    }

    /// Puts the pages of a range into pipes, which refer to them until they are read.
    pub fn pin(&mut self, at: *mut u8, length: usize) -> Answer {
        const ROOM: usize = 16; // pages, of a pipe as it is made
        let page = rustix::param::page_size();
        let mut held = 0;
        for from in (0..length).step_by(ROOM * page) {
            let (out, into) = pipe()?;
            let part = libc::iovec {
                iov_base: at.wrapping_add(from).cast(),
                iov_len: (length - from).min(ROOM * page),
            };
            // SAFETY: The range is one that the caller has mapped, and the kernel takes references
            // to its pages; nothing is written to it, and nobody reads the pipe.
            let done =
                unsafe { libc::vmsplice(into.as_raw_fd(), &part, 1, libc::SPLICE_F_NONBLOCK) };
            match usize::try_from(done) {
                Ok(bytes) => held += bytes / page,
                Err(_) => return Err(format!("vmsplice: {}", io::Error::last_os_error())),
            }
            self.0.push((out, into));
        }
        Ok(format!("pages={held}"))
    }
}
