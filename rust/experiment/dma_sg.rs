// SPDX-License-Identifier: GPL-2.0

//! `dma_map_sg()`: scattered memory lent to a device as one list.

use super::{
    target::{
        check_offset,
        Target, //
    },
    Experiment, //
};
use crate::{
    facts::placement,
    model::{
        num::Dec,
        placement::Placement,
        request::{
            Direction,
            Info,
            Parameter,
            Range,
            Refusal,
            Request,
            ENTRIES_MAX, //
        },
    },
    sys::{
        dma::{
            sg::{
                MappedScatter,
                Scatter, //
            },
            DeviceMemory, //
        },
        memory::PAGE_SIZE,
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

pub(crate) struct DmaSg<'d> {
    target: Target<'d>,
    size: usize,
    offset: usize,
    /// Entries of equal length; 0 for whole pages.
    entries: usize,
}

impl<'d> Experiment<'d> for DmaSg<'d> {
    const INFO: Info = Info {
        name: "dma-sg",
        about: "dma_map_sg() of scattered pages, or of as many entries as are asked for, and dma_unmap_sg()",
        headline: true,
        sizes: Range {
            min: 1,
            max: 64 << 20,
        },
        parameters: &[Parameter::Offset, Parameter::Entries, Parameter::Mask],
        ..Info::STREAMING
    };

    type Idle = Scatter;
    type Held<'a>
        = MappedScatter<'d, Direction>
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let target = Target::of(request, device)?;
        let size = super::size_of(request)?;
        // CAST: At most 1024.
        let entries = match request.entries() {
            0 if size.div_ceil(PAGE_SIZE) as u64 > ENTRIES_MAX => ENTRIES_MAX,
            entries => entries,
        } as usize;
        let longest = match entries {
            0 => size.min(PAGE_SIZE),
            entries => size.div_ceil(entries),
        } as u64;
        if entries > size {
            let (entries, size) = (Dec(entries as u64), Dec(size as u64));
            return Err(Refusal::beyond(format_args!(
                "entries={entries}: more than bytes, size={size}"
            )));
        }
        target.check_entry(request, longest)?;
        check_offset(request, longest)?;
        Ok(Self {
            target,
            size,
            // CAST: An offset is within a page.
            offset: request.offset() as usize,
            entries,
        })
    }

    fn idle(&self) -> Result<Scatter> {
        let (size, offset, highest) = (self.size, self.offset, self.target.highest);
        match self.entries {
            0 => Scatter::whole(PAGE_SIZE, size, offset, highest),
            entries => Scatter::new(entries, size, offset, highest),
        }
    }

    fn touch(&self, idle: &mut Scatter) {
        if self.target.stained() {
            idle.fill(0x5a);
        }
    }

    #[inline]
    fn acquire(&self, idle: Scatter) -> Result<MappedScatter<'d, Direction>, (Scatter, Error)> {
        idle.map(self.target.dev, self.target.direction)
    }

    #[inline]
    fn release(&self, held: MappedScatter<'d, Direction>) -> Scatter {
        held.unmap()
    }

    fn describe(&self, held: &MappedScatter<'d, Direction>) -> Placement {
        let placement = placement::of_scattered(held.scatter().pieces());
        self.target.place(placement, held.dma())
    }
}
