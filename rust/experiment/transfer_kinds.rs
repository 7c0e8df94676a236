// SPDX-License-Identifier: GPL-2.0

//! The kinds of memory that a driver has carried: what is mapped for each transfer, what is synced
//! for each, and what is the device's as well as the CPU's all the time.

use super::{
    dma_iova::DmaIova,
    dma_sg::DmaSg,
    dma_streaming::DmaStreaming,
    dma_sync::NonCoherentSync,
    prelude::*,
    transfer::Transfer, //
};
use crate::{
    devices::edu,
    sys::dma::{
        buffer::{
            Page,
            Phys,
            Single, //
        },
        coherent::Coherent,
        noncontiguous::{
            Lent,
            NonContiguous, //
        },
        pool::OwnBlock,
        CpuMemory, //
    },
};

const TRANSFER: Info = Info {
    phases: ["transfer", "return"],
    family: Family::Streaming,
    // CAST: A few KiB.
    sizes: Range::new(1, edu::BUFFER as u64),
    held_max: 1,
    directions: &[Direction::ToDevice, Direction::FromDevice],
    parameters: &[Parameter::Mask],
    needs_device: true,
    needs_engine: true,
    allocates: false,
    ..Info::PLAIN
};

macro_rules! rows {
    ($($row:ident: $lender:ty, $name:literal, $about:literal, $more:expr;)*) => {$(
        pub(crate) struct $row;

        impl<'d> Row<'d> for $row {
            const INFO: Info = Info {
                name: $name,
                about: $about,
                ..$more
            };

            type Experiment = Transfer<'d>;

            fn prepare(
                request: &Request,
                device: Option<&'d Device<Bound>>,
            ) -> Result<Transfer<'d>, Refusal> {
                Transfer::of::<$lender>(request, device)
            }
        }
    )*};
}

const OFFSET: Info = Info {
    parameters: &[Parameter::Offset, Parameter::Mask],
    ..TRANSFER
};

rows! {
    TransferCoherent: BothCoherent, "transfer-coherent",
        "edu carries memory from dma_alloc_coherent(); each byte is checked", TRANSFER;
    TransferPool: BothPool, "transfer-pool",
        "edu carries a block from dma_pool_alloc(); each byte is checked", TRANSFER;
    TransferNonCoherent: NonCoherentSync, "transfer-noncoherent",
        "edu carries pages from dma_alloc_noncoherent(), synced each time; each byte is checked",
        TRANSFER;
    TransferNonContiguous: NonContiguousSync, "transfer-noncontiguous",
        "edu carries pages from dma_alloc_noncontiguous() with their vmap; each byte is checked",
        TRANSFER;
    TransferSingle: DmaStreaming<Single>, "transfer-single",
        "edu carries memory that dma_map_single() maps each time; each byte is checked", OFFSET;
    TransferPage: DmaStreaming<Page>, "transfer-page",
        "edu carries memory that dma_map_page() maps each time; each byte is checked", OFFSET;
    TransferPhys: DmaStreaming<Phys>, "transfer-phys",
        "edu carries memory that dma_map_phys() maps each time; each byte is checked", OFFSET;
    TransferSg: DmaSg, "transfer-sg",
        "edu carries a list of pieces that dma_map_sg() maps each time; each byte is checked",
        Info {
            parameters: &[Parameter::Entries, Parameter::Offset, Parameter::Mask],
            ..TRANSFER
        };
    TransferIova: DmaIova, "transfer-iova",
        "edu carries pages that dma_iova_link() links each time; each byte is checked", TRANSFER;
}

/// Declares lenders of memory that is both's: nothing is done to lend it.
macro_rules! both {
    ($($(#[$about:meta])* $lender:ident: $memory:ident;)*) => {$(
        $(#[$about])*
        #[derive(Clone)]
        struct $lender {
            size: usize,
        }

        impl<'d> Lender<'d> for $lender {
            const MAPS: bool = false;

            type Own = $memory<'d>;
            type Lent = $memory<'d>;

            fn of(request: &Request, _target: &Target<'d>) -> Result<Self, Refusal> {
                let size = size_of(request)?;
                Ok(Self { size })
            }

            fn make(&self, target: &Target<'d>) -> Result<$memory<'d>> {
                $memory::new(target.dev, self.size)
            }

            fn fill(own: &mut $memory<'d>, byte: u8) {
                own.write(|_| byte);
            }

            fn lend(
                &self,
                own: $memory<'d>,
                _target: &Target<'d>,
            ) -> Result<$memory<'d>, ($memory<'d>, Error)> {
                Ok(own)
            }

            fn take_back(&self, lent: $memory<'d>) -> $memory<'d> {
                lent
            }

            fn place(&self, lent: &$memory<'d>) -> Placement {
                placement::of_address(lent.as_ptr(), self.size)
            }
        }
    )*};
}

both! {
    /// Coherent memory.
    BothCoherent: Coherent;
    /// A block of a pool, coherent likewise.
    BothPool: OwnBlock;
}

/// Pages that need not be in one piece, seen through a vmap and synced.
#[derive(Clone)]
struct NonContiguousSync {
    size: usize,
}

impl<'d> Lender<'d> for NonContiguousSync {
    const MAPS: bool = false;

    type Own = NonContiguous<'d, Direction>;
    type Lent = Lent<'d, Direction>;

    fn of(request: &Request, _target: &Target<'d>) -> Result<Self, Refusal> {
        let size = size_of(request)?;
        Ok(Self { size })
    }

    fn make(&self, target: &Target<'d>) -> Result<NonContiguous<'d, Direction>> {
        NonContiguous::new(target.dev, self.size, target.direction)
    }

    fn fill(own: &mut NonContiguous<'d, Direction>, byte: u8) {
        own.write(|_| byte);
    }

    fn lend(
        &self,
        own: NonContiguous<'d, Direction>,
        _target: &Target<'d>,
    ) -> Result<Lent<'d, Direction>, (NonContiguous<'d, Direction>, Error)> {
        Ok(own.for_device())
    }

    fn take_back(&self, lent: Lent<'d, Direction>) -> NonContiguous<'d, Direction> {
        lent.for_cpu()
    }

    fn place(&self, lent: &Lent<'d, Direction>) -> Placement {
        placement::of_address(lent.as_ptr(), self.size)
    }
}
