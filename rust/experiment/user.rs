// SPDX-License-Identifier: GPL-2.0

//! What a driver does with memory that a program hands it: it pins the pages and maps them for the
//! device, or it copies the bytes through a coherent buffer that it keeps.

use super::{
    prelude::*,
    target::CONTIGUOUS_MAX, //
};
use crate::{
    model::request::Backing,
    sys::{
        dma::{
            coherent::Coherent,
            DeviceMemory, //
        },
        user::{
            self,
            Pinned,
            Process,
            UserMemory, //
        }, //
    },
};

const USER: Info = Info {
    parameters: &[Parameter::Offset, Parameter::Backing, Parameter::Mask],
    may_sleep: true,
    ..Info::STREAMING
};

/// The memory that the program has.
struct Asked {
    process: Process,
    size: usize,
    offset: usize,
    huge: bool,
}

impl Asked {
    /// What `request` asks for. Refuses it where nobody asks, and what the kernel does not give now.
    fn of(request: &Request) -> Result<Self, Refusal> {
        let name = request.info().name;
        let process = Process::current().ok_or_else(|| {
            Refusal::unsupported(format_args!(
                "{name}: needs memory of the process that asks, and none does"
            ))
        })?;
        let this = Self {
            process,
            size: size_of(request)?,
            // CAST: An offset is within a page.
            offset: request.offset() as usize,
            huge: request.backing() == Backing::Huge,
        };
        match this.make() {
            Ok(_) => Ok(this),
            Err(ENOMEM) => {
                let size = Dec(request.size());
                Err(Refusal::no_memory(format_args!(
                    "size={size}: the process that asks cannot have so much memory now"
                )))
            }
            Err(_) if this.huge && user::huge_size() == 0 => Err(Refusal::unsupported(
                format_args!("backing=huge: this kernel has no transparent huge pages"),
            )),
            Err(_) if this.huge => Err(Refusal::unsupported(format_args!(
                "backing=huge: the kernel gave no huge page: none is free, or \
                 /sys/kernel/mm/transparent_hugepage/enabled is never"
            ))),
            Err(error) => {
                let errno = error.to_errno();
                Err(Refusal::no_memory(format_args!(
                    "{name}: errno {errno} while an area of the process was made"
                )))
            }
        }
    }

    fn make(&self) -> Result<UserMemory> {
        UserMemory::new(self.size, self.offset, self.huge)
    }
}

/// Pinning and mapping.
pub(crate) struct UserPin<'d> {
    target: Target<'d>,
    longest: u32,
    asked: Asked,
}

impl<'d> Listed<'d> for UserPin<'d> {
    const INFO: Info = Info {
        name: "user-pin",
        about: "pin_user_pages_fast() of a program's memory, a list of the pages and dma_map_sgtable(); and back",
        phases: ["pin+map", "unmap+unpin"],
        family: Family::Pinning,
        sizes: Range::new(1, 64 << 20),
        ..USER
    };

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let target = Target::of(request, device, true)?;
        let longest = user::longest_entry(target.dev);
        target.check_entry(request, request.size().min(u64::from(longest)))?;
        Ok(Self {
            target,
            longest,
            asked: Asked::of(request)?,
        })
    }
}

impl<'d> Experiment for UserPin<'d> {
    type Idle = UserMemory;
    type Held<'a>
        = Pinned<'d>
    where
        Self: 'a;

    fn within(&self, work: &mut dyn FnMut() -> Result) -> Result {
        self.asked.process.within(work)
    }

    fn idle(&self) -> Result<UserMemory> {
        self.asked.make()
    }

    fn touch(&self, idle: &mut UserMemory) {
        if self.target.cpu_writes() {
            // What the program has unmapped is found by the operation.
            let _ = idle.fill(0x5a);
        }
    }

    #[inline]
    fn acquire(&self, idle: UserMemory) -> Result<Pinned<'d>, (UserMemory, Error)> {
        idle.pin(self.target.dev, self.longest, self.target.direction)
    }

    #[inline]
    fn release(&self, held: Pinned<'d>) -> UserMemory {
        held.unpin()
    }

    fn describe(&self, held: &Pinned<'d>) -> Placement {
        let place = placement::of_user(held.pages(), self.asked.offset, self.asked.size);
        let (dma, _, _) = held.ranges();
        self.target.place(place, dma)
    }
}

/// What the program has, and what the device. It lies in a box, so that a timed operation hands on a
/// pointer and copies nothing but the program's bytes.
pub(crate) struct Pair<'d> {
    memory: UserMemory,
    bounce: Coherent<'d>,
    /// Whether the program's memory could not be written in the last operation.
    failed: bool,
}

/// Copying through a coherent buffer that is kept.
pub(crate) struct UserCopy<'d> {
    dev: &'d Device<Bound>,
    direction: Direction,
    asked: Asked,
}

impl<'d> Listed<'d> for UserCopy<'d> {
    const INFO: Info = Info {
        name: "user-copy",
        about: "copy_from_user() to a ready coherent buffer before a transfer, copy_to_user() from it after",
        phases: ["copy-in", "copy-out"],
        family: Family::UserCopying,
        sizes: Range::new(1, CONTIGUOUS_MAX),
        buffers: 2,
        ..USER
    };

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            dev: required(request, device)?,
            direction: request.direction(),
            asked: Asked::of(request)?,
        })
    }
}

impl<'d> Experiment for UserCopy<'d> {
    type Idle = KBox<Pair<'d>>;
    type Held<'a>
        = KBox<Pair<'d>>
    where
        Self: 'a;

    fn within(&self, work: &mut dyn FnMut() -> Result) -> Result {
        self.asked.process.within(work)
    }

    fn idle(&self) -> Result<KBox<Pair<'d>>> {
        let pair = Pair {
            memory: self.asked.make()?,
            bounce: Coherent::new(self.dev, self.asked.size)?,
            failed: false,
        };
        Ok(KBox::new(pair, GFP_KERNEL)?)
    }

    fn touch(&self, idle: &mut KBox<Pair<'d>>) {
        if self.direction != Direction::FromDevice {
            // What the program has unmapped is found by the operation.
            let _ = idle.memory.fill(0x5a);
        }
    }

    /// Nothing to do where only the device writes.
    #[inline]
    fn acquire(&self, mut idle: KBox<Pair<'d>>) -> Result<KBox<Pair<'d>>, (KBox<Pair<'d>>, Error)> {
        if self.direction == Direction::FromDevice {
            return Ok(idle);
        }
        let pair = &mut *idle;
        match pair.memory.copy_to_device(&mut pair.bounce) {
            Ok(()) => Ok(idle),
            Err(error) => Err((idle, error)),
        }
    }

    /// Nothing to do where only the program writes.
    #[inline]
    fn release(&self, mut held: KBox<Pair<'d>>) -> KBox<Pair<'d>> {
        if self.direction != Direction::ToDevice {
            let pair = &mut *held;
            pair.failed = pair.memory.copy_from_device(&pair.bounce).is_err();
        }
        held
    }

    fn check(&self, idle: &mut KBox<Pair<'d>>) -> Result {
        match core::mem::take(&mut idle.failed) {
            true => Err(EFAULT),
            false => Ok(()),
        }
    }

    fn describe(&self, held: &KBox<Pair<'d>>) -> Placement {
        Placement {
            dma: Some(held.bounce.dma()),
            bounced: Some(false),
            ..placement::of_address(held.bounce.as_ptr(), self.asked.size)
        }
    }
}
