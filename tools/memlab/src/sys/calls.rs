// SPDX-License-Identifier: GPL-2.0

//! What a puppet has the kernel keep for it, or tell it.

use super::{
    door::Door,
    victim::{failed, Answer},
};
use std::os::fd::{FromRawFd, OwnedFd};

/// A map of BPF: an array of so many bytes, which the kernel keeps until it is closed.
pub fn table(length: usize) -> Result<OwnedFd, String> {
    const CREATE: libc::c_long = 0; // BPF_MAP_CREATE
    const ARRAY: u32 = 2; // BPF_MAP_TYPE_ARRAY
    const VALUE: u32 = 4096;
    let entries = u32::try_from(length).map_err(|_| "too long")? / VALUE;
    // map_type, key_size, value_size, max_entries, map_flags
    let attributes = [ARRAY, 4, VALUE, entries, 0];
    let size = std::mem::size_of_val(&attributes);
    // SAFETY: The pointer is to as many bytes as the call is told, which it reads only.
    let made = unsafe { libc::syscall(libc::SYS_bpf, CREATE, attributes.as_ptr(), size) };
    let descriptor = i32::try_from(made).unwrap_or(-1);
    if descriptor < 0 {
        return Err(failed("bpf"));
    }
    // SAFETY: The descriptor was just opened, and nobody else closes it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// What it waited for so far: how often, and in ns.
pub fn delays() -> Answer {
    let said = super::delays::of(std::process::id()).map_err(|error| error.to_string())?;
    let of = |name: &str, wait: super::delays::Wait| {
        format!("{name}={} {name}_ns={}", wait.count, wait.ns)
    };
    Ok([of("disk", said.disk), of("swap", said.swap)].join(" "))
}

/// Its faults so far.
pub fn faults() -> Answer {
    // SAFETY: A structure of integers may be all zero.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: The pointer is to a whole structure, which the kernel fills.
    match unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) } {
        0 => Ok(format!(
            "minor={} major={}",
            usage.ru_minflt, usage.ru_majflt
        )),
        _ => Err(failed("getrusage")),
    }
}

/// `walk ADDRESS DEVICE`: through the tables of this process, by the module: of the first two
/// levels where the entry is, and what it says
pub fn walk(device: &str, address: u64) -> Answer {
    let door = Door::open(std::path::Path::new(device));
    let door = door.map_err(|error| format!("{device}: {error}"))?;
    let walked = door.walk(address, 0).map_err(|refusal| refusal.message)?;
    let of = |at: usize| {
        let level = &walked.level[at];
        match at < walked.levels as usize {
            true => (level.at, level.phys),
            false => (0, 0),
        }
    };
    let ((top, leads), (below, _)) = (of(0), of(1));
    Ok(format!(
        "levels={} top={top} leads={leads} below={below}",
        walked.levels
    ))
}

/// A segment of System V: makes one of so many bytes, or removes one.
pub fn shared(remove: bool, what: usize) -> Answer {
    if remove {
        // SAFETY: Removing takes no structure; the pointer may be null.
        let done = unsafe { libc::shmctl(what as i32, libc::IPC_RMID, std::ptr::null_mut()) };
        return match done {
            0 => Ok(String::new()),
            _ => Err(failed("shmctl")),
        };
    }
    // SAFETY: It takes integers only.
    let id = unsafe { libc::shmget(libc::IPC_PRIVATE, what, libc::IPC_CREAT | 0o600) };
    if id < 0 {
        return Err(failed("shmget"));
    }
    // SAFETY: The kernel chooses an address that nothing is at.
    let at = unsafe { libc::shmat(id, std::ptr::null(), 0) };
    if at as isize == -1 {
        return Err(failed("shmat"));
    }
    // SAFETY: The segment is `what` bytes long and was just attached, for writing.
    unsafe { std::ptr::write_bytes(at.cast::<u8>(), 1, what) };
    Ok(format!("id={id}"))
}
