// SPDX-License-Identifier: GPL-2.0

//! Structures that travel between user space and the module.
//!
//! C headers: [`include/uapi/linux/memlab.h`](../../include/uapi/linux/memlab.h),
//! [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h) (`copy_struct_from_user()`)

use crate::{
    bindings as lab,
    model::request::Refusal, //
};
use kernel::{
    error::to_result,
    ffi::c_char,
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};
use pin_init::Zeroable;

pub(crate) use lab::{
    memlab_ending_MEMLAB_ABOVE as ABOVE,
    memlab_ending_MEMLAB_COMPLETE as COMPLETE,
    memlab_ending_MEMLAB_DEVICE_GONE as DEVICE_GONE,
    memlab_ending_MEMLAB_STOPPED as STOPPED,
    memlab_ending_MEMLAB_TIME as TIME,
    memlab_outcome as Outcome,
    memlab_phase as Phase,
    memlab_state_MEMLAB_BUSY as BUSY,
    memlab_state_MEMLAB_IDLE as IDLE,
    memlab_state_MEMLAB_STOPPING as STOPPING,
    memlab_tristate_MEMLAB_NO as NO,
    memlab_tristate_MEMLAB_UNKNOWN as UNKNOWN,
    memlab_tristate_MEMLAB_YES as YES,
    MEMLAB_ABI_VERSION as VERSION,
    MEMLAB_BUFFER_CLOEXEC as BUFFER_CLOEXEC,
    MEMLAB_IOC_MAGIC as IOC_MAGIC,
    MEMLAB_LINE_MAX as LINE_MAX,
    MEMLAB_NODE_ANY as NODE_ANY, //
};

/// `MEMLAB_NO_ADDRESS`, a cast that bindgen cannot read.
pub(crate) const NO_ADDRESS: u64 = u64::MAX;

/// A structure of the ABI.
///
/// # Safety
///
/// Every bit pattern is a value of the type, and it has no padding.
pub(crate) unsafe trait Plain: Zeroable {}

// SAFETY: An `Outcome` is of integers, of phases and failures that are of integers, and of arrays of
// them; the assertion below adds them up.
unsafe impl Plain for Outcome {}
const _: () = {
    assert!(size_of::<Phase>() == 40 + 8 * lab::MEMLAB_BUCKETS as usize);
    // What it was before it grew, and what has been added.
    let first = core::mem::offset_of!(Outcome, failed);
    assert!(first == 8 + 2 * size_of::<Phase>() + 8 * 16 + 6 * 8 + 8 + 24 + 24);
    assert!(size_of::<Outcome>() == first + 5 * size_of::<Phase>() + 16);
};

/// What a command is called with. Its first member is its size.
pub(crate) trait Argument: Plain {
    /// The smallest size that is taken, for ever.
    const LEAST: usize;

    /// As many bytes as are read, and written where nothing is refused: the sentence at the end is
    /// for refusals alone.
    const HEAD: usize;

    /// The first of the members that must be zero and is not, with its value.
    fn nonzero(&self) -> Option<(&'static str, u32)>;

    /// Where the sentence of a refusal goes.
    fn message(&mut self) -> &mut [c_char];
}

/// The bytes of a sentence.
const MESSAGE: usize = lab::MEMLAB_MESSAGE_MAX as usize;

/// The size is that of all members together: none has a hole before it, for 32-bit callers either.
macro_rules! arguments {
    ($($name:ident = $raw:ident, $size:literal, $least:ident, zero: [$($zero:ident),*];)*) => {$(
        pub(crate) use lab::$raw as $name;

        // SAFETY: Integers and arrays of them, as large as all of them together.
        unsafe impl Plain for $name {}

        const _: () = assert!(size_of::<$name>() == $size && lab::$least as usize <= $size);

        impl Argument for $name {
            // CAST: A structure is far smaller than 4 GiB.
            const LEAST: usize = lab::$least as usize;

            const HEAD: usize = match $size - core::mem::offset_of!($name, message) {
                MESSAGE => $size - MESSAGE,
                _ => $size,
            };

            fn nonzero(&self) -> Option<(&'static str, u32)> {
                let zero: &[(&'static str, u32)] = &[$((stringify!($zero), self.$zero)),*];
                zero.iter().find(|(_, value)| *value != 0).copied()
            }

            fn message(&mut self) -> &mut [c_char] {
                &mut self.message
            }
        }
    )*};
}

arguments! {
    Info = memlab_info, 328, MEMLAB_INFO_SIZE_LEAST, zero: [];
    Run = memlab_run, 424, MEMLAB_RUN_SIZE_LEAST, zero: [flags];
    Line = memlab_line, 264, MEMLAB_LINE_SIZE_LEAST, zero: [flags];
    Snapshot = memlab_snapshot, 296, MEMLAB_SNAPSHOT_SIZE_LEAST, zero: [flags];
    Device = memlab_device, 512, MEMLAB_DEVICE_SIZE_LEAST, zero: [flags, reserved];
    Progress = memlab_progress, 328, MEMLAB_PROGRESS_SIZE_LEAST, zero: [flags];
    Stop = memlab_stop, 248, MEMLAB_STOP_SIZE_LEAST, zero: [flags];
    Walk = memlab_walk, 616, MEMLAB_WALK_SIZE_LEAST, zero: [flags];
    BufferAlloc = memlab_buffer_alloc, 304, MEMLAB_BUFFER_ALLOC_SIZE_LEAST, zero: [reserved];
    BufferFacts = memlab_buffer_facts, 368, MEMLAB_BUFFER_FACTS_SIZE_LEAST, zero: [flags];
    BufferTransfer =
        memlab_buffer_transfer, 312, MEMLAB_BUFFER_TRANSFER_SIZE_LEAST, zero: [flags];
}

fn bytes_mut<T: Plain>(value: &mut T) -> &mut [u8] {
    // SAFETY: By the trait's requirement every byte is initialised and may become any other.
    unsafe { core::slice::from_raw_parts_mut(core::ptr::from_mut(value).cast(), size_of::<T>()) }
}

fn bytes<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: By the trait's requirement every byte is initialised.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(value).cast(), size_of::<T>()) }
}

/// The longest argument that is looked at, as `copy_struct_from_user()` has it.
const SIZE_MAX: usize = kernel::page::PAGE_SIZE;

/// What a caller knows and this module does not.
pub(crate) enum Foreign {
    /// More bytes than are looked at.
    Size(usize),
    /// A byte that is not zero, by its offset.
    Byte(usize),
}

/// An argument that was read from a caller, as far as both know it.
pub(crate) struct Taken<'a, T> {
    /// What the caller does not know is zero.
    pub(crate) value: &'a mut T,
    /// What only the caller knows.
    pub(crate) foreign: Option<Foreign>,
    from: UserPtr,
    known: usize,
}

/// A place for an argument, all zeroes, for those that are too large for a stack.
pub(crate) fn place<T: Argument>() -> Result<KBox<T>> {
    KBox::init(pin_init::init_zeroed::<T>(), GFP_KERNEL)
}

impl<'a, T: Argument> Taken<'a, T> {
    /// Reads one into a place that is all zeroes. A size that cannot hold what each caller has to
    /// know is `EINVAL`.
    pub(crate) fn read(from: UserPtr, value: &'a mut T) -> Result<Self> {
        let (known, foreign) = read(from, bytes_mut(value), T::HEAD, T::LEAST)?;
        Ok(Self {
            value,
            foreign,
            from,
            known,
        })
    }

    /// Writes it back, as far as the caller knows it.
    pub(crate) fn give_back(&self) -> Result {
        write(self.from, self.known.min(T::HEAD), bytes(self.value))
    }

    /// The same with the sentence.
    pub(crate) fn refuse(&self) -> Result {
        write(self.from, self.known, bytes(self.value))
    }
}

/// Reads a structure of at least `least` bytes, `head` of them into `value`; says how many both know,
/// and what only the caller does.
#[inline(never)]
fn read(
    from: UserPtr,
    value: &mut [u8],
    head: usize,
    least: usize,
) -> Result<(usize, Option<Foreign>)> {
    let size: u32 = UserSlice::new(from, size_of::<u32>()).reader().read()?;
    let size = usize::try_from(size)?;
    if size < least {
        return Err(EINVAL);
    }
    let known = size.min(value.len());
    let mut reader = UserSlice::new(from, size.min(SIZE_MAX)).reader();
    let head = known.min(head);
    reader.read_slice(value.get_mut(..head).ok_or(EINVAL)?)?;
    reader.skip(known - head)?;
    let mut foreign = (size > SIZE_MAX).then_some(Foreign::Size(size));
    while foreign.is_none() && !reader.is_empty() {
        let at = size - reader.len();
        if reader.read::<u8>()? != 0 {
            foreign = Some(Foreign::Byte(at));
        }
    }
    Ok((known, foreign))
}

/// Writes as much of `value` as the caller has room for.
#[inline(never)]
fn write(to: UserPtr, room: usize, value: &[u8]) -> Result {
    let fits = room.min(value.len());
    let head = value.get(..fits).ok_or(EINVAL)?;
    UserSlice::new(to, fits).writer().write_slice(head)
}

/// Writes as much of an outcome as there is room for.
pub(crate) fn write_outcome(to: u64, room: u64, outcome: &Outcome) -> Result {
    write_text(to, room, bytes(outcome))
}

/// An outcome of all zeroes, to be filled in; too large for a stack.
pub(crate) fn outcome() -> Result<KVBox<Outcome>> {
    KVBox::init(pin_init::init_zeroed::<Outcome>(), GFP_KERNEL)
}

/// Up to `most` of the `length` bytes of a line.
pub(crate) fn line(from: u64, length: u64, most: usize) -> Result<KVec<u8>> {
    let from = UserPtr::from_addr(usize::try_from(from)?);
    let length = usize::try_from(length)?.min(most);
    let mut line = KVec::new();
    UserSlice::new(from, length).read_all(&mut line, GFP_KERNEL)?;
    Ok(line)
}

/// Writes as much of `text` as there is room for.
pub(crate) fn write_text(to: u64, room: u64, text: &[u8]) -> Result {
    let to = UserPtr::from_addr(usize::try_from(to)?);
    write(to, usize::try_from(room).unwrap_or(usize::MAX), text)
}

/// Fills in what `device` names by bus and name. `ENODEV` where there is no such one, `EINTR` on a
/// signal.
pub(crate) fn describe(device: &mut Device) -> Result {
    text("bus", &device.bus)
        .and(text("device", &device.device))
        .map_err(|_| EINVAL)?;
    // SAFETY: Both names end, as was just seen, and all of `device` may be written; the function
    // waits for the lock of a device, which an ioctl may.
    to_result(unsafe { lab::memlab_describe(device) })
}

/// The text of the NUL-terminated member `name`; refused if it has no end or is not UTF-8.
pub(crate) fn text<'a>(name: &str, field: &'a [c_char]) -> Result<&'a str, Refusal> {
    // SAFETY: `char` and `u8` have the same size and every value of one is one of the other.
    let raw = unsafe { core::slice::from_raw_parts(field.as_ptr().cast::<u8>(), field.len()) };
    let room = raw.len();
    let end = raw
        .iter()
        .position(|byte| *byte == 0)
        .ok_or_else(|| Refusal::invalid(format_args!("{name}: no NUL in its {room} bytes")))?;
    raw.get(..end)
        .and_then(|text| core::str::from_utf8(text).ok())
        .ok_or_else(|| Refusal::invalid(format_args!("{name}: not UTF-8 text")))
}

/// Puts text into a field, cut so that a NUL remains; what was there is gone.
pub(crate) fn put(field: &mut [c_char], text: &str) {
    field.fill(0);
    let room = field.len().saturating_sub(1);
    for (slot, byte) in field.iter_mut().take(room).zip(text.bytes()) {
        // CAST: `char` has either sign.
        *slot = byte as c_char;
    }
}
