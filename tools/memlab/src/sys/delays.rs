// SPDX-License-Identifier: GPL-2.0

//! What a process waited for, as the kernel keeps it (include/uapi/linux/taskstats.h), by netlink.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::FromRawFd,
};

/// Of one cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// How often.
    pub count: u64,
    /// How long altogether.
    pub ns: u64,
}

/// Of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// For a CPU.
    pub cpu: Wait,
    /// For a disk.
    pub disk: Wait,
    /// For pages from swap.
    pub swap: Wait,
    /// For memory to be taken back.
    pub reclaim: Wait,
}

const HEAD: usize = 20; // nlmsghdr and genlmsghdr
const ERROR: u16 = 2; // NLMSG_ERROR
const CONTROL: u16 = 0x10; // GENL_ID_CTRL
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;
const GET: u8 = 1; // TASKSTATS_CMD_GET
const PID: u16 = 1;
const STATS: u16 = 3; // TASKSTATS_TYPE_STATS
const WITH_PID: u16 = 4; // TASKSTATS_TYPE_AGGR_PID

/// A request with one attribute.
fn request(kind: u16, command: u8, attribute: u16, value: &[u8]) -> Vec<u8> {
    let length = 4 + value.len();
    let whole = HEAD + length.next_multiple_of(4);
    let mut bytes = Vec::with_capacity(whole);
    bytes.extend((whole as u32).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(1u16.to_ne_bytes()); // NLM_F_REQUEST
    bytes.extend([0; 8]);
    bytes.extend([command, 1, 0, 0]);
    bytes.extend((length as u16).to_ne_bytes());
    bytes.extend(attribute.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(whole, 0);
    bytes
}

fn half(bytes: &[u8], at: usize) -> u16 {
    let word = bytes.get(at..at + 2).and_then(|word| word.try_into().ok());
    word.map_or(0, u16::from_ne_bytes)
}

fn long(bytes: &[u8], at: usize) -> u64 {
    let word = bytes.get(at..at + 8).and_then(|word| word.try_into().ok());
    word.map_or(0, u64::from_ne_bytes)
}

/// The value of the first attribute of a kind.
fn find(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    while bytes.len() >= 4 {
        let length = usize::from(half(bytes, 0));
        let value = bytes.get(4..length)?;
        // The highest bits say how the value is to be read.
        if half(bytes, 2) & 0x3fff == wanted {
            return Some(value);
        }
        bytes = bytes.get(length.next_multiple_of(4)..)?;
    }
    None
}

fn ask(socket: &mut File, request: &[u8]) -> io::Result<Vec<u8>> {
    socket.write_all(request)?;
    let mut bytes = vec![0; 1 << 14];
    let got = socket.read(&mut bytes)?;
    bytes.truncate(got);
    if half(&bytes, 4) == ERROR {
        let code = bytes.get(16..20).and_then(|word| word.try_into().ok());
        let code = code.map_or(0, i32::from_ne_bytes);
        return Err(io::Error::from_raw_os_error(-code));
    }
    Ok(bytes)
}

fn missing(what: &str) -> io::Error {
    io::Error::other(format!("{what} (CONFIG_TASKSTATS)"))
}

/// Of the process with that number.
pub fn of(pid: u32) -> io::Result<Delays> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
    // SAFETY: It takes integers only.
    let descriptor = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_GENERIC) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: The descriptor was just opened, and nobody else closes it.
    let mut socket = unsafe { File::from_raw_fd(descriptor) };
    let name = request(CONTROL, GET_FAMILY, FAMILY_NAME, b"TASKSTATS\0");
    let family = ask(&mut socket, &name).map_err(|_| missing("TASKSTATS by netlink"))?;
    let family = family.get(HEAD..).and_then(|rest| find(rest, FAMILY_ID));
    let family = half(family.ok_or_else(|| missing("its number"))?, 0);
    let said = ask(&mut socket, &request(family, GET, PID, &pid.to_ne_bytes()))?;
    let stats = said.get(HEAD..).and_then(|rest| find(rest, WITH_PID));
    let stats = stats.and_then(|nest| find(nest, STATS));
    Ok(read(stats.ok_or_else(|| missing("its figures"))?))
}

/// The structure: both figures of a cause stand side by side.
fn read(stats: &[u8]) -> Delays {
    let wait = |at: usize| Wait {
        count: long(stats, at),
        ns: long(stats, at + 8),
    };
    Delays {
        cpu: wait(16),
        disk: wait(32),
        swap: wait(48),
        reclaim: wait(312),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_found_behind_others() {
        let bytes = request(CONTROL, GET_FAMILY, FAMILY_NAME, b"TASKSTATS\0");
        assert_eq!(bytes.len(), 36);
        assert_eq!(find(&bytes[HEAD..], FAMILY_NAME), Some(&b"TASKSTATS\0"[..]));
        assert_eq!(find(&bytes[HEAD..], FAMILY_ID), None);
        // Cut short, it is none.
        assert_eq!(find(&bytes[HEAD..HEAD + 6], FAMILY_NAME), None);
    }

    #[test]
    fn a_cause_is_a_count_and_a_time() {
        let mut stats = vec![0; 400];
        stats[32..40].copy_from_slice(&7u64.to_ne_bytes());
        stats[40..48].copy_from_slice(&900u64.to_ne_bytes());
        let found = read(&stats);
        assert_eq!(found.disk, Wait { count: 7, ns: 900 });
        assert_eq!(found.swap, Wait::default());
    }
}
