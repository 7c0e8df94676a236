// SPDX-License-Identifier: GPL-2.0

//! `dma_map_sg()`: scattered memory lent to a device as one list.

use super::{
    prelude::*,
    target::check_offset, //
};
#[cfg(CONFIG_PCI)]
use crate::sys::dma::Segment;
use crate::{
    model::request::ENTRIES_MAX,
    sys::{
        dma::sg::{
            MappedScatter,
            Scatter, //
        },
        memory::PAGE_SIZE, //
    },
};

/// Mapping a list.
#[derive(Clone)]
pub(crate) struct DmaSg {
    size: usize,
    offset: usize,
    /// Entries of equal length; 0 for whole pages.
    entries: usize,
}

impl<'d> ListedLender<'d> for DmaSg {
    const INFO: Info = Info {
        name: "dma-sg",
        about: "dma_map_sg() of scattered pages, or of as many entries as are asked for, and dma_unmap_sg()",
        headline: true,
        sizes: Range::new(1, 64 << 20),
        parameters: &[Parameter::Offset, Parameter::Entries, Parameter::Mask, Parameter::Buffers],
        ..Info::STREAMING
    };
}

impl<'d> Lender<'d> for DmaSg {
    const MAPS: bool = true;

    type Own = Scatter;
    type Lent = MappedScatter<'d, Direction>;

    fn of(request: &Request, target: &Target<'d>) -> Result<Self, Refusal> {
        let size = size_of(request)?;
        // CAST: At most 1024.
        let entries = match request.entries() {
            // Where bytes are carried a list is to be one, however few there are.
            0 if request.info().needs_engine => (size as u64).min(4),
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
            size,
            // CAST: An offset is within a page.
            offset: request.offset() as usize,
            entries,
        })
    }

    fn make(&self, target: &Target<'d>) -> Result<Scatter> {
        let (size, offset) = (self.size, self.offset);
        target.handed(|reach| match self.entries {
            0 => Scatter::whole(PAGE_SIZE, size, offset, reach),
            entries => Scatter::new(entries, size, offset, reach),
        })
    }

    fn fill(own: &mut Scatter, byte: u8) {
        own.fill(byte);
    }

    #[inline]
    fn lend(
        &self,
        own: Scatter,
        target: &Target<'d>,
    ) -> Result<MappedScatter<'d, Direction>, (Scatter, Error)> {
        own.map(target.dev, target.direction)
    }

    #[inline]
    fn take_back(&self, lent: MappedScatter<'d, Direction>) -> Scatter {
        lent.unmap()
    }

    #[cfg(CONFIG_PCI)]
    fn pieces(lent: &Self::Lent, carry: &mut dyn FnMut(Segment<'_>) -> Result) -> Result {
        lent.entries().try_for_each(carry)
    }

    fn place(&self, lent: &MappedScatter<'d, Direction>) -> Placement {
        placement::of_scattered(lent.scatter().pieces())
    }
}
