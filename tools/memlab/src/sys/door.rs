// SPDX-License-Identifier: GPL-2.0

//! /dev/memlab: the structures of include/uapi/linux/memlab.h and memlab_walk.h, and the calls that take them.

use rustix::ioctl::{ioctl, opcode, Opcode, Updater};
use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

pub(super) const MAGIC: u8 = 0xb9;
pub(super) const MESSAGE: usize = 240;
/// The first version with sessions.
pub const ABI: u32 = 2;
/// More than any outcome is long: the module writes as much of one as it knows.
const OUTCOME_WORDS: usize = 4096;

/// `struct memlab_info`
#[repr(C)]
#[derive(Clone, Copy)]
struct Info {
    size: u32,
    abi: u32,
    experiments: u32,
    index: u32,
    name: [u8; 32],
    size_min: u64,
    size_max: u64,
    iterations_max: u64,
    time_max: u64,
    threads_max: u32,
    batch_max: u32,
    message: [u8; MESSAGE],
}

/// `struct memlab_run`, of which only the line is used: what stands between is left zero.
#[repr(C)]
#[derive(Clone, Copy)]
struct Run {
    size: u32,
    flags: u32,
    names: [u8; 64],
    numbers: [u64; 3],
    threads: u32,
    node: u32,
    words: [u32; 10],
    sync: u64,
    outcome: u64,
    outcome_size: u64,
    message: [u8; MESSAGE],
    line: u64,
    line_length: u64,
}

/// `struct memlab_line`
#[repr(C)]
#[derive(Clone, Copy)]
struct Line {
    size: u32,
    flags: u32,
    line: u64,
    line_length: u64,
    message: [u8; MESSAGE],
}

/// `struct memlab_snapshot`
#[repr(C)]
#[derive(Clone, Copy)]
struct Snapshot {
    size: u32,
    flags: u32,
    file: [u8; 32],
    text: u64,
    text_size: u64,
    message: [u8; MESSAGE],
}

/// `struct memlab_device`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Device {
    size: u32,
    flags: u32,
    bus: [u8; 16],
    device: [u8; 64],
    /// Streaming DMA mask.
    pub mask: u64,
    /// Coherent DMA mask.
    pub coherent_mask: u64,
    /// What reaches all memory.
    pub required_mask: u64,
    /// Highest address that its bridges let through; 0 for no such limit.
    pub bus_limit: u64,
    /// Largest streaming mapping; all ones for any.
    pub max_mapping: u64,
    /// Largest that is mapped without a detour; all ones for any.
    pub optimal_mapping: u64,
    /// Largest entry of a list.
    pub max_segment: u64,
    /// The address bits that an entry may not cross.
    pub boundary: u64,
    /// Bits of an address that a mapping has to keep.
    pub min_align: u64,
    /// What a streaming buffer has to be aligned to.
    pub cache_align: u64,
    /// Who maps: 1 direct, 2 an IOMMU, 3 others.
    pub mapper: u32,
    /// 0 no, 1 yes, 2 unknown.
    pub coherent: u32,
    /// 0 none, 1 on need, 2 forced.
    pub swiotlb: u32,
    node: u32,
    lent: u32,
    reserved: u32,
    domain: [u8; 16],
    driver: [u8; 64],
    message: [u8; MESSAGE],
}

/// `struct memlab_progress`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Progress {
    size: u32,
    flags: u32,
    /// Moves with what is told.
    pub serial: u64,
    timeout: u32,
    /// 0 where nothing is on.
    pub state: u32,
    done: u64,
    total: u64,
    /// Since it began, in ns.
    pub elapsed: u64,
    /// Until it will have ended, in ns; all ones if unknown.
    pub left: u64,
    what: [u8; 32],
    message: [u8; MESSAGE],
}

/// `struct memlab_level`
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Level {
    /// 5 to 1.
    pub level: u32,
    /// An entry is for 2 to the power of this bytes.
    pub shift: u32,
    /// Which entry of its table.
    pub index: u32,
    /// `enum memlab_attr`
    pub attr: u32,
    /// `enum memlab_entry`
    pub bits: u32,
    /// Those that such an entry has.
    pub known: u32,
    /// Where the entry is.
    pub at: u64,
    /// As the kernel keeps it.
    pub entry: u64,
    /// As the CPU reads it.
    pub hardware: u64,
    /// Where it leads; all ones for nowhere.
    pub phys: u64,
}

/// `struct memlab_walk`
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    size: u32,
    flags: u32,
    /// What was asked for.
    pub address: u64,
    /// Of which process; 0 for the caller.
    pub pid: u32,
    /// 1 for one of the kernel's.
    pub kernel: u32,
    /// `enum memlab_found`
    pub found: u32,
    /// How many of `level` are filled in.
    pub levels: u32,
    /// From the top table down.
    pub level: [Level; 5],
    /// All ones for none.
    pub phys: u64,
    /// In pages.
    pub swap_offset: u64,
    /// By its number.
    pub swap_type: u32,
    /// `enum memlab_kind`
    pub kind: u32,
    /// As /proc/kpageflags has them.
    pub page_flags: u64,
    /// References to the folio.
    pub refcount: u32,
    /// Page tables that map the page.
    pub mapcount: u32,
    /// Of the folio.
    pub order: u32,
    /// Of the page.
    pub node: u32,
    /// All ones for none.
    pub generation: u32,
    /// 0 no, 1 yes, 2 unknown.
    pub cma: u32,
    zone: [u8; 8],
    message: [u8; MESSAGE],
}

impl Walk {
    /// The name of the page's zone.
    pub fn zone(&self) -> String {
        text(&self.zone)
    }
}

// The header's sizes, which are the same for every caller.
const _: () = {
    assert!(size_of::<Info>() == 328);
    assert!(size_of::<Run>() == 424);
    assert!(size_of::<Line>() == 264);
    assert!(size_of::<Snapshot>() == 296);
    assert!(size_of::<Device>() == 512);
    assert!(size_of::<Progress>() == 328);
    assert!(size_of::<Walk>() == 616 && size_of::<Level>() == 56);
};

/// A structure of the header.
///
/// # Safety
///
/// It is made of integers and arrays of them, without padding, and has the layout of the header.
pub(super) unsafe trait Plain: Copy {
    /// What the module says of a refusal.
    fn message(&self) -> &[u8];

    /// All zero but the size.
    fn empty() -> Self {
        // SAFETY: Integers and arrays of integers, which the trait promises, may be all zero.
        let mut value: Self = unsafe { std::mem::zeroed() };
        let size = u32::try_from(size_of::<Self>()).unwrap_or(0);
        // SAFETY: By the trait's promise of layout the first member is the size, a u32, and
        // `value` is a whole one of these.
        unsafe { std::ptr::from_mut(&mut value).cast::<u32>().write(size) };
        value
    }
}

macro_rules! plain {
    ($($name:ty),*) => {$(
        // SAFETY: Integers and arrays of them; the sizes are those of the header by the assertions
        // above, and the sum of the members', so that there is no padding.
        unsafe impl Plain for $name {
            fn message(&self) -> &[u8] {
                &self.message
            }
        }
    )*};
}
plain!(Info, Run, Line, Snapshot, Device, Progress, Walk);

/// What the module takes a line for.
#[derive(Clone, Copy, Debug)]
pub enum Take {
    /// One experiment.
    Run,
    /// A comparison.
    Compare,
    /// The instrument itself.
    Calibrate,
    /// A state of memory.
    Scenario,
    /// What a CMA area can give.
    Probe,
}

/// An errno, and the module's sentence where it has one.
#[derive(Debug)]
pub struct Refusal {
    /// The errno.
    pub error: io::Error,
    /// Empty without a sentence.
    pub message: String,
}

/// An open /dev/memlab: a session, with which goes what it holds.
pub struct Door(File);

const INFO: Opcode = opcode::read_write::<Info>(MAGIC, 0);
const RUN: Opcode = opcode::read_write::<Run>(MAGIC, 1);
const DEVICE: Opcode = opcode::read_write::<Device>(MAGIC, 2);
const COMPARE: Opcode = opcode::read_write::<Line>(MAGIC, 3);
const CALIBRATE: Opcode = opcode::read_write::<Line>(MAGIC, 4);
const SCENARIO: Opcode = opcode::read_write::<Line>(MAGIC, 5);
const PROBE: Opcode = opcode::read_write::<Line>(MAGIC, 6);
const SNAPSHOT: Opcode = opcode::read_write::<Snapshot>(MAGIC, 7);
const PROGRESS: Opcode = opcode::read_write::<Progress>(MAGIC, 8);
const WALK: Opcode = opcode::read_write::<Walk>(MAGIC, 10);

impl Door {
    /// Opens it.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(OpenOptions::new().read(true).write(true).open(path)?))
    }

    /// The version that the module speaks.
    pub fn abi(&self) -> Result<u32, Refusal> {
        let mut info = Info::empty();
        self.call::<INFO, _>(&mut info)?;
        Ok(info.abi)
    }

    /// The text of a file.
    pub fn look(&self, file: &str) -> Result<String, Refusal> {
        let mut room = 64 << 10;
        loop {
            let mut text = vec![0u8; room];
            let mut call = Snapshot::empty();
            put(&mut call.file, file);
            call.text = text.as_mut_ptr() as u64;
            call.text_size = room as u64;
            self.call::<SNAPSHOT, _>(&mut call)?;
            let whole = usize::try_from(call.text_size).unwrap_or(usize::MAX);
            if whole <= room {
                text.truncate(whole);
                return Ok(String::from_utf8_lossy(&text).into_owned());
            }
            // Another look may be longer still.
            room = whole.saturating_mul(2);
        }
    }

    /// Has a line carried out, and returns when it is.
    pub fn take(&self, what: Take, text: &str) -> Result<(), Refusal> {
        if matches!(what, Take::Run) {
            return self.run(text);
        }
        let mut call = Line::empty();
        call.line = text.as_ptr() as u64;
        call.line_length = text.len() as u64;
        match what {
            Take::Compare => self.call::<COMPARE, _>(&mut call),
            Take::Calibrate => self.call::<CALIBRATE, _>(&mut call),
            Take::Scenario => self.call::<SCENARIO, _>(&mut call),
            Take::Probe | Take::Run => self.call::<PROBE, _>(&mut call),
        }
    }

    fn run(&self, text: &str) -> Result<(), Refusal> {
        let mut outcome = vec![0u64; OUTCOME_WORDS];
        let mut call = Run::empty();
        call.outcome = outcome.as_mut_ptr() as u64;
        call.outcome_size = (OUTCOME_WORDS * size_of::<u64>()) as u64;
        call.line = text.as_ptr() as u64;
        call.line_length = text.len() as u64;
        self.call::<RUN, _>(&mut call)
    }

    /// What stands between a device and memory.
    pub fn describe(&self, bus: &str, device: &str) -> Result<Device, Refusal> {
        let mut call = Device::empty();
        put(&mut call.bus, bus);
        put(&mut call.device, device);
        self.call::<DEVICE, _>(&mut call)?;
        Ok(call)
    }

    /// How far what is on has come, as soon as that is another serial.
    pub fn progress(&self, serial: u64, timeout_ms: u32) -> Result<Progress, Refusal> {
        let mut call = Progress::empty();
        call.serial = serial;
        call.timeout = timeout_ms;
        self.call::<PROGRESS, _>(&mut call)?;
        Ok(call)
    }

    /// The way of an address through the page tables.
    pub fn walk(&self, address: u64, pid: u32) -> Result<Walk, Refusal> {
        let mut call = Walk::empty();
        call.address = address;
        call.pid = pid;
        self.call::<WALK, _>(&mut call)?;
        Ok(call)
    }

    pub(super) fn call<const CODE: Opcode, T: Plain>(&self, value: &mut T) -> Result<(), Refusal> {
        // SAFETY: The module takes a structure of this layout for CODE (see `Plain`) and writes no
        // more than the size in it. The addresses within it are of buffers that live longer than
        // this call and have at least the room that is said beside them.
        let done = unsafe { ioctl(&self.0, Updater::<CODE, T>::new(value)) };
        done.map_err(|errno| Refusal {
            error: errno.into(),
            message: text(value.message()),
        })
    }
}

/// Text with a NUL behind it; what does not fit is left out, and the module refuses what is no name.
pub(super) fn put(to: &mut [u8], text: &str) {
    let most = to.len() - 1;
    for (slot, byte) in to.iter_mut().take(most).zip(text.bytes()) {
        *slot = byte;
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_one_says_its_size_first() {
        assert_eq!(Line::empty().size, 264);
        assert_eq!(Run::empty().size, 424);
        assert_eq!(Line::empty().message, [0; MESSAGE]);
    }

    #[test]
    fn a_name_has_its_nul() {
        let mut name = [0xff; 4];
        name.fill(0);
        put(&mut name, "abcdef");
        assert_eq!(&name, b"abc\0");
        assert_eq!(text(&name), "abc");
        assert_eq!(text(b"full"), "full");
    }

    #[test]
    fn the_layout_is_the_headers() {
        use std::mem::offset_of;
        assert_eq!(offset_of!(Run, sync), 144);
        assert_eq!(offset_of!(Run, message), 168);
        assert_eq!(offset_of!(Run, line), 408);
        assert_eq!(offset_of!(Snapshot, text), 40);
        assert_eq!(offset_of!(Device, mask), 88);
        assert_eq!(offset_of!(Device, domain), 192);
        assert_eq!(offset_of!(Progress, done), 24);
        assert_eq!(offset_of!(Walk, phys), 312);
        assert_eq!(offset_of!(Walk, message), 376);
        assert_eq!(offset_of!(Level, at), 24);
    }
}
