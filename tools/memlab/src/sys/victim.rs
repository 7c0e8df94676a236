// SPDX-License-Identifier: GPL-2.0

//! A child that makes one access which may be forbidden, and says what signal it got.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::AsRawFd,
    sync::atomic::{AtomicI32, Ordering},
};

/// What a verb gives back: the fields of the answer.
pub type Answer = Result<String, String>;

/// What the last call that failed said.
pub fn failed(what: &str) -> String {
    format!("{what}: {}", io::Error::last_os_error())
}

/// Both ends of a pipe.
pub fn pipe() -> Result<(File, File), String> {
    let (from, to) = rustix::pipe::pipe().map_err(|error| format!("pipe: {error}"))?;
    Ok((File::from(from), File::from(to)))
}

/// Where the handler writes to.
static TELL: AtomicI32 = AtomicI32::new(-1);

/// Writes code and address, and ends the process.
extern "C" fn handler(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: The kernel calls it with a whole siginfo_t (SA_SIGINFO) of a fault, whose address
    // is in it. write() and _exit() may be called in a handler; the array is its own.
    unsafe {
        let told = [
            signal as u64,
            (*info).si_code as u64,
            (*info).si_addr() as u64,
        ];
        let bytes = std::mem::size_of_val(&told);
        libc::write(TELL.load(Ordering::Relaxed), told.as_ptr().cast(), bytes);
        libc::_exit(0);
    }
}

/// Reads, writes or executes at an address, in a child.
pub fn fault(address: usize, how: &str) -> Answer {
    if !["read", "write", "execute"].contains(&how) {
        return Err(format!("{how}: read, write or execute"));
    }
    let (mut from, to) = pipe()?;
    // SAFETY: No other thread runs here; the child calls what is below and ends.
    match unsafe { libc::fork() } {
        -1 => Err(format!("fork: {}", io::Error::last_os_error())),
        0 => {
            TELL.store(to.as_raw_fd(), Ordering::Relaxed);
            // SAFETY: The structure is all zero but for what is set, which are a handler of the
            // type that SA_SIGINFO asks for and a flag. The access may be of any address: the
            // child ends by it, in the handler or after it, and has nothing that it could spoil
            // but its own copy of this process.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = handler as *const () as usize;
                action.sa_flags = libc::SA_SIGINFO;
                for signal in [libc::SIGSEGV, libc::SIGBUS] {
                    libc::sigaction(signal, &action, std::ptr::null_mut());
                }
                let at = std::ptr::with_exposed_provenance_mut::<u8>(address);
                match how {
                    "read" => drop(std::hint::black_box(at.read_volatile())),
                    "write" => at.write_volatile(at.read_volatile()),
                    _ => {
                        let code: extern "C" fn() = std::mem::transmute(at);
                        code();
                    }
                }
                libc::_exit(0);
            }
        }
        pid => {
            drop(to);
            let mut told = [0u8; 24];
            let got = from.read_exact(&mut told);
            let mut status = 0;
            // SAFETY: The pointer is to an integer, which is all that is written.
            unsafe { libc::waitpid(pid, &mut status, 0) };
            if got.is_err() {
                return Ok(format!("signal=0 code=0 address=0 status={status}"));
            }
            let word = |at: usize| {
                let bytes = told[8 * at..8 * at + 8].try_into().unwrap_or_default();
                u64::from_ne_bytes(bytes)
            };
            Ok(format!(
                "signal={} code={} address={}",
                word(0),
                word(1),
                word(2)
            ))
        }
    }
}
