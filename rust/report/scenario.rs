// SPDX-License-Identifier: GPL-2.0

//! The state of memory that was made on purpose, and what a CMA area said when it was probed.

use super::{
    delta::area,
    table::Bytes, //
};
use crate::model::{
    cma::Finding,
    num::Dec,
    scenario::{
        Held,
        State,
        MARKS, //
    }, //
};
use core::fmt::{
    self,
    Write, //
};

/// What is held now, or that nothing is.
pub fn scenario(out: &mut dyn Write, held: Option<&Held>, page_size: u32) -> fmt::Result {
    let Some(held) = held else {
        writeln!(
            out,
            "# nothing is held. Write one of these; any experiment can be run under it:"
        )?;
        writeln!(
            out,
            "#   fragment order=K [share=PCT]               no free block of 2^K pages or more"
        )?;
        writeln!(
            out,
            "#   fill-cma [order=K] [share=PCT] [device=D]  the CMA area's first pages, or every"
        )?;
        writeln!(
            out,
            "#                                              other piece of 2^K pages, held"
        )?;
        writeln!(
            out,
            "#   cache-in-cma [share=PCT] [device=D]        the CMA area's pages are a file's"
        )?;
        writeln!(
            out,
            "#   pressure [mark=min|low|high] [share=PCT]   as little free as the watermark says"
        )?;
        writeln!(
            out,
            "#   hold [mark=atomic|min|low|high] [share=PCT]  the same, and kswapd gets nothing:"
        )?;
        writeln!(
            out,
            "#                                              atomic: no page without waiting"
        )?;
        writeln!(
            out,
            "#   none                                       gives everything back"
        )?;
        return writeln!(out, "scenario      none");
    };
    let bytes = |pages: u64| Bytes(pages.saturating_mul(u64::from(page_size)));
    writeln!(out, "scenario      {}", held.wish.state.name())?;
    match held.wish.state {
        State::Fragment { order } | State::FillCma { order: Some(order) } => {
            writeln!(out, "order         {order}")?;
        }
        State::FillCma { order: None } | State::CacheInCma => {}
        State::Hold { mark: None } => writeln!(out, "mark          atomic")?,
        State::Pressure { mark } | State::Hold { mark: Some(mark) } => {
            writeln!(out, "mark          {}", MARKS.get(mark).unwrap_or(&"?"))?;
        }
    }
    writeln!(out, "share_pct     {}", Dec(held.wish.share))?;
    writeln!(out, "cap_pages     {}", Dec(held.cap))?;
    writeln!(out, "held_pages    {}", Dec(held.held))?;
    writeln!(out, "held_bytes    {}", bytes(held.held))?;
    writeln!(
        out,
        "given_back    {}",
        Dec(held.taken.saturating_sub(held.held))
    )?;
    writeln!(out, "ended_by      {}", held.end.name())?;
    writeln!(
        out,
        "# given_back: what the kernel was short of, by shrinker or before an OOM kill"
    )?;
    match held.wish.state {
        State::Fragment { .. } => {
            writeln!(
                out,
                "# one page of each block is held; the pageblocks it lies in became unmovable"
            )?;
            writeln!(out, "# ones, and may stay so when it has been given back")
        }
        State::FillCma { .. } => Ok(()),
        State::CacheInCma => writeln!(
            out,
            "# pages of a file in memory: an allocation from the area has to move them"
        ),
        State::Hold { .. } => writeln!(
            out,
            "# kswapd gets nothing of it; who waits for memory gets what is missing to min"
        ),
        State::Pressure { .. } => writeln!(
            out,
            "# kswapd, which would like to have more free, gets what is missing to the mark"
        ),
    }
}

/// What an area said when it was asked for all that it can give, or how to ask it.
pub fn probe(out: &mut dyn Write, found: Option<&Finding>, page_size: u32) -> fmt::Result {
    writeln!(
        out,
        "\n# a write (device=NAME, or an empty line) finds the longest run by having it, and why no more"
    )?;
    match found {
        Some(found) => area(out, found, page_size),
        None => Ok(()),
    }
}
