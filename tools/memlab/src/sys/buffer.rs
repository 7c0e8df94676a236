// SPDX-License-Identifier: GPL-2.0

//! Memory that this program holds by descriptor, as include/uapi/linux/memlab_buffer.h has it, and
//! what is read and written through a mapping of it.

use super::door::{Door, Plain, Refusal, MAGIC, MESSAGE};
use rustix::ioctl::{ioctl, opcode, Opcode, Setter};
use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr::NonNull,
};

/// `struct memlab_buffer_alloc`
#[repr(C)]
#[derive(Clone, Copy)]
struct Alloc {
    size: u32,
    flags: u32,
    device: [u8; 32],
    bytes: u64,
    kind: u32,
    direction: u32,
    fd: i32,
    reserved: u32,
    message: [u8; MESSAGE],
}

/// `struct memlab_buffer_facts`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Facts {
    size: u32,
    flags: u32,
    fd: i32,
    kind: u32,
    device: [u8; 32],
    bytes: u64,
    phys: u64,
    dma: u64,
    /// In bytes.
    pub largest_extent: u64,
    direction: u32,
    lent: u32,
    /// Physically contiguous runs.
    pub extents: u32,
    /// Ranges that the device sees.
    pub segments: u32,
    window: u32,
    /// `enum memlab_attr`
    pub kernel_attr: u32,
    user_attr: u32,
    node: u32,
    cma: u32,
    /// 0 no, 1 yes, 2 unknown.
    pub bounced: u32,
    zone: [u8; 8],
    message: [u8; MESSAGE],
}

impl Facts {
    /// The zone of the first page.
    pub fn zone(&self) -> String {
        super::door::text(&self.zone)
    }
}

/// `struct dma_buf_sync`
#[repr(C)]
struct Sync {
    flags: u64,
}

const _: () = assert!(size_of::<Alloc>() == 304 && size_of::<Facts>() == 368);

// SAFETY: Integers and arrays of them; its size is that of the header by the assertion above, and the
// sum of the members', so that there is no padding.
unsafe impl Plain for Alloc {
    fn message(&self) -> &[u8] {
        &self.message
    }
}
// SAFETY: Integers and arrays of them; its size is that of the header by the assertion above, and the
// sum of the members', so that there is no padding.
unsafe impl Plain for Facts {
    fn message(&self) -> &[u8] {
        &self.message
    }
}

const ALLOC: Opcode = opcode::read_write::<Alloc>(MAGIC, 0x0b);
const DESCRIBE: Opcode = opcode::read_write::<Facts>(MAGIC, 0x0c);
const SYNC: Opcode = opcode::write::<Sync>(b'b', 0);
const SYNC_RW: u64 = 3;
const SYNC_END: u64 = 4;

impl Door {
    /// A buffer of a kind, by its number, for a device.
    pub fn buffer(&self, kind: u32, bytes: u64, device: &str) -> Result<Buffer, Refusal> {
        let mut call = Alloc::empty();
        (call.kind, call.bytes) = (kind, bytes);
        super::door::put(&mut call.device, device);
        self.call::<ALLOC, _>(&mut call)?;
        // SAFETY: The module has just made this descriptor for the caller, and nobody else has it.
        let fd = unsafe { OwnedFd::from_raw_fd(call.fd) };
        Ok(Buffer(fd.into()))
    }

    /// What one is.
    pub fn facts(&self, buffer: &Buffer) -> Result<Facts, Refusal> {
        let mut call = Facts::empty();
        call.fd = buffer.0.as_raw_fd();
        self.call::<DESCRIBE, _>(&mut call)?;
        Ok(call)
    }
}

/// A buffer of the module's.
pub struct Buffer(File);

impl Buffer {
    /// Gives it to the CPU and back to the device.
    pub fn sync(&self) -> io::Result<()> {
        for flags in [SYNC_RW, SYNC_RW | SYNC_END] {
            // SAFETY: The call reads a structure of this layout, and nothing else of this program's.
            unsafe { ioctl(&self.0, Setter::<SYNC, Sync>::new(Sync { flags })) }?;
        }
        Ok(())
    }
}

/// What is read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Word by word.
    Word,
    /// 64 bytes at a time, of which each word is moved once.
    Line,
    /// By memcpy().
    Copy,
}

type Word = usize;
const LINE: usize = 64 / size_of::<Word>();

/// A range of addresses of this program's own, until it is dropped.
pub struct Mapped {
    at: NonNull<Word>,
    bytes: usize,
}

impl Mapped {
    /// Of a buffer; of ordinary memory without one.
    pub fn new(buffer: Option<&Buffer>, bytes: usize) -> io::Result<Self> {
        let (fd, flags) = match buffer {
            Some(buffer) => (buffer.0.as_raw_fd(), libc::MAP_SHARED),
            None => (-1, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS),
        };
        // SAFETY: A new mapping, at an address that the kernel chooses.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                fd,
                0,
            )
        };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let at = NonNull::new(at.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { at, bytes })
    }

    /// The first address.
    pub fn address(&self) -> u64 {
        self.at.as_ptr() as u64
    }

    /// How many words there are.
    fn words(&self) -> usize {
        self.bytes / size_of::<Word>()
    }

    fn word(&self, n: usize) -> *mut Word {
        debug_assert!(n < self.words());
        // SAFETY: All callers count below the number of words.
        unsafe { self.at.as_ptr().add(n) }
    }

    /// Touches each page, by a write.
    pub fn touch(&self, page: usize) {
        for n in (0..self.words()).step_by(page / size_of::<Word>()) {
            // SAFETY: The word is within the mapping, which lives as long as `self`.
            unsafe { self.word(n).write_volatile(n) };
        }
    }

    /// Writes all of it; from `ordinary` where that is by memcpy().
    pub fn write(&self, by: By, ordinary: &Self) {
        match by {
            By::Word => {
                for n in 0..self.words() {
                    // SAFETY: The word is within the mapping, which lives as long as `self`.
                    unsafe { self.word(n).write_volatile(n) };
                }
            }
            By::Line => {
                for n in (0..self.words() / LINE * LINE).step_by(LINE) {
                    // SAFETY: 64 bytes from there on are within the mapping; a mapping is aligned to
                    // pages, and so is each of these to 64 bytes.
                    unsafe {
                        self.word(n)
                            .cast::<[Word; LINE]>()
                            .write_volatile([n; LINE])
                    };
                }
            }
            By::Copy => ordinary.copy_to(self),
        }
    }

    /// Reads all of it; to `ordinary` where that is by memcpy().
    pub fn read(&self, by: By, ordinary: &Self) {
        let mut sum: Word = 0;
        match by {
            By::Word => {
                for n in 0..self.words() {
                    // SAFETY: The word is within the mapping, which lives as long as `self`.
                    sum ^= unsafe { self.word(n).read_volatile() };
                }
            }
            By::Line => {
                for n in (0..self.words() / LINE * LINE).step_by(LINE) {
                    // SAFETY: 64 bytes from there on are within the mapping; a mapping is aligned to
                    // pages, and so is each of these to 64 bytes.
                    let line = unsafe { self.word(n).cast::<[Word; LINE]>().read_volatile() };
                    sum ^= line.iter().fold(0, |sum, word| sum ^ word);
                }
            }
            By::Copy => self.copy_to(ordinary),
        }
        std::hint::black_box(sum);
    }

    fn copy_to(&self, to: &Self) {
        let bytes = self.bytes.min(to.bytes);
        // SAFETY: Both mappings have as many bytes, and no two mappings overlap. What a device may
        // write meanwhile is bytes, of which any value is one.
        unsafe { libc::memcpy(to.at.as_ptr().cast(), self.at.as_ptr().cast(), bytes) };
    }

    /// Links the first words of its lines in an order that no CPU foresees.
    pub fn link(&self) {
        let lines = self.words() / LINE;
        let mut order: Vec<usize> = (0..lines).collect();
        let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
        for n in (1..lines).rev() {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            // CAST: The upper half, which is below the length when divided by it.
            order.swap(n, (random >> 33) as usize % (n + 1));
        }
        for (n, from) in order.iter().enumerate() {
            let to = order[(n + 1) % lines];
            // SAFETY: The first word of a line of the mapping.
            unsafe { self.word(from * LINE).write_volatile(to * LINE) };
        }
    }

    /// Follows `steps` of these links.
    pub fn chase(&self, steps: usize) {
        let mut at = 0;
        for _ in 0..steps {
            // SAFETY: Kept within the mapping, whatever a device has written there.
            at = unsafe { self.word(at.min(self.words() - 1)).read_volatile() };
        }
        std::hint::black_box(at);
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: It was mapped by `new`, and nothing refers to it any more.
        unsafe { libc::munmap(self.at.as_ptr().cast(), self.bytes) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_moves_every_byte() {
        let (one, other) = (
            Mapped::new(None, 8192).unwrap(),
            Mapped::new(None, 8192).unwrap(),
        );
        one.write(By::Word, &other);
        one.read(By::Copy, &other);
        // SAFETY: Within the mapping.
        assert_eq!(
            unsafe { other.word(other.words() - 1).read() },
            other.words() - 1
        );
        one.write(By::Line, &other);
        one.read(By::Copy, &other);
        // SAFETY: Within the mapping.
        assert_eq!(unsafe { other.word(LINE + 1).read() }, LINE);
    }

    #[test]
    fn links_come_back_after_every_line_and_not_before() {
        let one = Mapped::new(None, 4096).unwrap();
        one.link();
        let mut at = 0;
        for step in 1..=64 {
            // SAFETY: Within the mapping.
            at = unsafe { one.word(at).read() };
            assert_eq!(at == 0, step == 64, "step {step}");
        }
    }
}
