// SPDX-License-Identifier: GPL-2.0

//! swapon() and swapoff(), and the header that makes a file an area of swap.

use std::{
    ffi::CString,
    fs::OpenOptions,
    io::{self, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{FileExt, OpenOptionsExt},
    },
    path::Path,
};

fn name(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)
}

fn done(status: libc::c_int) -> io::Result<()> {
    match status {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Writes a file of `pages` pages, without holes, with the header of an area of swap.
pub fn make(path: &Path, pages: u32, page: usize) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    let block = vec![0u8; 256 * page];
    let mut left = pages as usize;
    while left > 0 {
        let part = left.min(256);
        file.write_all(&block[..part * page])?;
        left -= part;
    }
    mark(&file, pages, page)?;
    file.sync_all()
}

/// Makes a device of so many pages an area of swap.
pub fn mark_device(path: &Path, pages: u32, page: usize) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    mark(&file, pages, page)?;
    file.sync_all()
}

/// Writes the header: version 1, the last page, no bad ones, and the magic at the first page's end.
fn mark(file: &impl FileExt, pages: u32, page: usize) -> io::Result<()> {
    let mut head = vec![0u8; page];
    head[1024..1028].copy_from_slice(&1u32.to_ne_bytes());
    head[1028..1032].copy_from_slice(&(pages - 1).to_ne_bytes());
    head[page - 10..].copy_from_slice(b"SWAPSPACE2");
    file.write_all_at(&head, 0)
}

/// Has the kernel swap to it.
pub fn on(path: &Path) -> io::Result<()> {
    let name = name(path)?;
    // SAFETY: The name is a string that ends with a 0, and lives until the call is over.
    done(unsafe { libc::swapon(name.as_ptr(), 0) })
}

/// Has the kernel take everything back from it.
pub fn off(path: &Path) -> io::Result<()> {
    let name = name(path)?;
    // SAFETY: The name is a string that ends with a 0, and lives until the call is over.
    done(unsafe { libc::swapoff(name.as_ptr()) })
}
