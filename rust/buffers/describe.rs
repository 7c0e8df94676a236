// SPDX-License-Identifier: GPL-2.0

//! What a buffer is: where its pages lie, and how kernel, programs and device reach them.

use super::{
    About,
    Kind, //
};
use crate::{
    facts::placement as facts,
    model::{
        placement::{
            Attr,
            Placement, //
        },
        request::{
            Direction,
            DEVICE_NAME_MAX, //
        },
        text::Text, //
    },
    sys::{
        dma::bounce,
        export::{
            Export,
            Protection, //
        },
        memory::{
            self,
            PAGE_SIZE, //
        }, //
    },
};
use kernel::prelude::*;

/// What is told of a buffer.
pub(crate) struct Description {
    pub(crate) kind: Kind,
    pub(crate) direction: Direction,
    pub(crate) device: Text<DEVICE_NAME_MAX>,
    pub(crate) bytes: usize,
    /// Whether the device still has it.
    pub(crate) lent: bool,
    /// No extents where its pages are gone.
    pub(crate) placement: Placement,
    /// How programs reach it.
    pub(crate) user_attr: Attr,
    /// Ranges that the device sees.
    pub(crate) segments: u32,
}

/// Looks at the buffer behind a descriptor.
#[inline(never)]
pub(crate) fn describe(fd: i32) -> Result<Description> {
    let export = Export::behind(fd)?;
    let about = export.about::<About>().ok_or(EINVAL)?;
    let mut said = Description {
        kind: about.kind,
        direction: about.direction,
        device: about.device,
        bytes: about.bytes,
        lent: false,
        placement: Placement::UNKNOWN,
        user_attr: Attr::Unknown,
        segments: 0,
    };
    place(&export, &mut said.placement);
    let mut address = export.own().map(|own| own.address());
    let lent = export.with(|tenant| {
        (said.lent, said.segments) = (true, tenant.ranges());
        let dma = tenant.at(0).map(|segment| segment.dma());
        said.placement.dma = dma;
        let (dev, phys) = (tenant.lease().device(), said.placement.phys);
        let behind = dma.and_then(|dma| bounce::behind(dev, dma));
        said.placement.bounced = behind.map(|behind| behind != phys);
        // Looked up while it stands.
        let at = *address.get_or_insert_with(|| tenant.address());
        said.placement.window = facts::window(at);
        said.placement.attr = facts::attr(at);
    });
    if let (Err(_), Some(own)) = (lent, address) {
        said.placement.window = facts::window(own);
        said.placement.attr = facts::attr(own);
    }
    if said.placement.extents != 0 {
        // What is not as any memory is mapped as the kernel has mapped it.
        said.user_attr = match about.protection {
            Protection::Cached => Attr::Cached,
            Protection::Coherent | Protection::WriteCombined => said.placement.attr,
        };
    }
    Ok(said)
}

/// Where the pages lie.
fn place(export: &Export, placement: &mut Placement) {
    let (mut next_phys, mut extent) = (None, 0);
    export.for_each_page(|page| {
        let facts = memory::page_facts(page);
        if placement.extents == 0 {
            placement.zone = Text::new(facts.zone);
            placement.node = facts.node;
            placement.cma = facts.cma;
            placement.phys = facts.phys;
        }
        if next_phys != Some(facts.phys) {
            placement.extents += 1;
            extent = 0;
        }
        extent += PAGE_SIZE as u64;
        placement.largest_extent = placement.largest_extent.max(extent);
        next_phys = Some(facts.phys + PAGE_SIZE as u64);
    });
}
