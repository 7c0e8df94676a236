// SPDX-License-Identifier: GPL-2.0

//! `dma_alloc_attrs()`: memory that CPU and device may use at the same time, as it comes and with
//! each attribute that a driver may pass.

use super::{
    required,
    Experiment, //
};
use crate::{
    facts::placement,
    model::{
        placement::Placement,
        request::{
            Family,
            Info,
            Parameter,
            Range,
            Refusal,
            Request, //
        },
    },
    sys::dma::{
        coherent::{
            self,
            Attr,
            Coherent, //
        },
        DeviceMemory, //
    },
};
use core::marker::PhantomData;
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

const COHERENT: Info = Info {
    family: Family::Coherent,
    // As much as CMA may have; what a run may hold is less.
    sizes: Range {
        min: 1,
        max: 1 << 30,
    },
    parameters: &[Parameter::Mask],
    needs_device: true,
    ..Info::PLAIN
};

/// One attribute, and the row that asks for it.
pub(crate) trait Asked: Sync {
    const ATTR: Attr;
    const INFO: Info;
}

macro_rules! asked {
    ($($kind:ident: $attr:ident, $name:literal, $about:literal, $headline:literal;)*) => {$(
        pub(crate) struct $kind;

        impl Asked for $kind {
            const ATTR: Attr = Attr::$attr;
            const INFO: Info = Info {
                name: $name,
                about: $about,
                headline: $headline,
                ..COHERENT
            };
        }
    )*};
}

asked! {
    Plain: None, "dma-coherent", "dma_alloc_coherent() and dma_free_coherent()", true;
    WriteCombine: WriteCombine, "dma-wc", "dma_alloc_wc() and dma_free_wc()", false;
    Contiguous: Contiguous, "dma-contiguous",
        "dma_alloc_attrs(DMA_ATTR_FORCE_CONTIGUOUS): in one piece behind an IOMMU too", false;
    SinglePages: SinglePages, "dma-single-pages",
        "dma_alloc_attrs(DMA_ATTR_ALLOC_SINGLE_PAGES): page by page behind an IOMMU", false;
}

pub(crate) struct DmaCoherent<'d, A> {
    dev: &'d Device<Bound>,
    size: usize,
    asked: PhantomData<A>,
}

impl<'d, A: Asked> Experiment<'d> for DmaCoherent<'d, A> {
    const INFO: Info = A::INFO;

    type Idle = ();
    type Held<'a>
        = Coherent<'d>
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            dev: required(request, device)?,
            size: super::size_of(request)?,
            asked: PhantomData,
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<Coherent<'d>, ((), Error)> {
        Coherent::with(self.dev, self.size, A::ATTR).map_err(|error| ((), error))
    }

    #[inline]
    fn release(&self, held: Coherent<'d>) {
        drop(held);
    }

    fn describe(&self, held: &Coherent<'d>) -> Placement {
        Placement {
            dma: Some(held.dma()),
            // Coherent memory is allocated where the device reaches it.
            bounced: Some(false),
            ..placement::of_address(held.as_ptr(), self.size)
        }
    }
}

pub(crate) struct DmaHidden<'d> {
    dev: &'d Device<Bound>,
    size: usize,
}

impl<'d> Experiment<'d> for DmaHidden<'d> {
    const INFO: Info = Info {
        name: "dma-no-mapping",
        about: "dma_alloc_attrs(DMA_ATTR_NO_KERNEL_MAPPING): memory that only the device sees",
        ..COHERENT
    };

    type Idle = ();
    type Held<'a>
        = coherent::Hidden<'d>
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            dev: required(request, device)?,
            size: super::size_of(request)?,
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<coherent::Hidden<'d>, ((), Error)> {
        coherent::Hidden::new(self.dev, self.size).map_err(|error| ((), error))
    }

    #[inline]
    fn release(&self, held: coherent::Hidden<'d>) {
        drop(held);
    }

    /// The CPU has no address to look its pages up by.
    fn describe(&self, held: &coherent::Hidden<'d>) -> Placement {
        Placement {
            dma: Some(held.dma()),
            bounced: Some(false),
            ..Placement::UNKNOWN
        }
    }
}
