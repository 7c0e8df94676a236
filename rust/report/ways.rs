// SPDX-License-Identifier: GPL-2.0

//! The ways to get the bytes of one transfer to a device or from it, and which of them is cheapest.

use super::findings::Findings;
use crate::model::{
    cost::Cost,
    outcome::{
        Outcome,
        Tally, //
    },
    request::{
        Direction,
        Family,
        Info, //
    },
};
use core::{
    fmt::{
        self,
        Display, //
    },
    ops::Deref, //
};

/// What a driver chooses between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Maps the buffer that it was handed, and unmaps it.
    Map,
    /// Keeps a buffer of its own mapped, and syncs it.
    Keep,
    /// Copies through a coherent buffer that it keeps.
    Copy,
    /// Works in the coherent buffer itself.
    InPlace,
}

impl Way {
    /// Each with its name and the column that it has.
    pub(super) const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Map, "map", "map+unmap"),
        (Self::Keep, "keep", "keep+sync"),
        (Self::Copy, "copy", "copy"),
        (Self::InPlace, "in-place", "in-place"),
    ];

    /// What a driver does that takes it.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Map => "Map and unmap what you are handed",
            Self::Keep => "Keep one buffer mapped and sync it",
            Self::Copy => "Copy through a coherent buffer",
            Self::InPlace => "Work in a coherent buffer",
        }
    }

    fn family(self) -> Family {
        match self {
            Self::Map => Family::Streaming,
            Self::Keep => Family::Syncing,
            Self::Copy => Family::Copying,
            Self::InPlace => Family::Access,
        }
    }
}

/// What is known of one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    /// Nobody asked for it.
    NotAsked,
    /// It was asked for, and nothing was measured.
    Missing,
    /// What a transfer costs.
    Known(Cost),
}

impl Figure {
    pub(super) fn cost(&self) -> Option<&Cost> {
        match self {
            Self::Known(cost) => Some(cost),
            _ => None,
        }
    }
}

impl Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.pad("-"),
            Self::Missing => f.pad("none"),
            Self::Known(cost) => cost.fmt(f),
        }
    }
}

/// Whether it is all that a driver does to its memory for a transfer.
pub(super) fn is_transfer(info: &Info) -> bool {
    match info.family {
        Family::Streaming | Family::Copying | Family::Syncing => true,
        // What has a direction is synced for each transfer.
        Family::Coherent => info.directions.is_empty(),
        _ => false,
    }
}

/// The same of something that was measured: what the CPU has no address of takes no bytes from it.
fn for_transfer<T>(o: &Outcome<T>) -> bool {
    let seen = o.request.info().family != Family::Coherent || o.placement.virt != 0;
    is_transfer(o.request.info()) && o.placement.dma.is_some() && seen
}

/// What serves a transfer of `size` bytes in `direction`, with what each costs. What knows no
/// direction serves all.
pub(super) fn costs<'a, T: Deref<Target = Tally> + 'a>(
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone + 'a,
    size: u64,
    direction: Direction,
) -> impl Iterator<Item = (&'static Info, Cost)> + Clone + 'a {
    rows.filter(move |o| o.request.size() == size && for_transfer(o))
        .filter(move |o| {
            o.request.info().directions.is_empty() || o.request.direction() == direction
        })
        .filter_map(|o| Some((o.request.info(), o.cost()?)))
}

/// What was to serve such a transfer and has no figure: it was refused, or has no sample.
pub(super) fn missing<'a, T: Deref<Target = Tally> + 'a>(
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone + 'a,
    found: &'a Findings<'_>,
    size: u64,
    direction: Direction,
) -> impl Iterator<Item = &'static Info> + Clone + 'a {
    let empty = rows
        .filter(move |o| o.request.size() == size && o.cost().is_none())
        .map(|o| (o.request.info(), o.request.direction()));
    let refused = (found.refused.iter())
        .filter(move |refused| refused.size == size)
        .map(move |refused| (refused.info, refused.direction.unwrap_or(direction)));
    empty
        .chain(refused)
        .filter(move |(info, to)| info.directions.is_empty() || *to == direction)
        .map(|(info, _)| info)
        .filter(|info| is_transfer(info))
}

/// What is known of each way at one size and in one direction.
pub(super) struct Ways {
    figures: [Figure; 4],
}

impl Ways {
    /// What the rows say. Where the CPU's own accesses count, they are in every figure.
    #[inline(never)]
    pub(super) fn of<'a, T: Deref<Target = Tally> + 'a>(
        rows: impl Iterator<Item = &'a Outcome<T>> + Clone + 'a,
        found: &'a Findings<'_>,
        size: u64,
        direction: Direction,
    ) -> Self {
        let touched = |name: &str| {
            let mut rows = rows.clone();
            let row = rows.find(|o| o.request.size() == size && o.request.info().name == name)?;
            let counted = match direction {
                Direction::ToDevice => [true, false],
                Direction::FromDevice => [false, true],
                Direction::Bidirectional => [true; 2],
            };
            row.rounds.cost(counted)
        };
        let figures = Way::ALL.map(|(way, _, _)| {
            if way == Way::InPlace {
                return match (found.touch, touched("access-coherent")) {
                    (false, _) => Figure::NotAsked,
                    (true, Some(cost)) => Figure::Known(cost),
                    (true, None) => Figure::Missing,
                };
            }
            let like = |info: &Info| info.family == way.family();
            let best = costs(rows.clone(), size, direction)
                .filter(|(info, _)| like(info))
                .min_by_key(|(_, cost)| cost.ns);
            let mut missing = missing(rows.clone(), found, size, direction);
            match (best, found.touch) {
                (Some((_, cost)), false) => Figure::Known(cost),
                (Some((_, cost)), true) => match touched("access-cached") {
                    Some(touch) => Figure::Known(cost.plus(&touch)),
                    None => Figure::Missing,
                },
                (None, _) if missing.any(like) => Figure::Missing,
                (None, _) => Figure::NotAsked,
            }
        });
        Self { figures }
    }

    /// Each way with what is known of it.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Way, &Figure)> + Clone {
        Way::ALL.iter().map(|(way, _, _)| *way).zip(&self.figures)
    }

    /// What is known of one.
    pub(super) fn get(&self, way: Way) -> Figure {
        let mut all = self.iter();
        all.find(|(other, _)| *other == way)
            .map_or(Figure::NotAsked, |(_, figure)| *figure)
    }

    /// Whether any way was asked for.
    pub(super) fn any(&self) -> bool {
        self.iter().any(|(_, figure)| *figure != Figure::NotAsked)
    }

    /// Which is cheapest.
    pub(super) fn verdict(&self) -> Verdict<'_> {
        Verdict(self)
    }

    /// Whether there is a choice, and samples enough for one.
    pub(super) fn can_be_judged(&self) -> bool {
        let known = self.known();
        known.clone().count() >= 2 && known.clone().all(|(_, cost)| cost.is_enough())
    }

    /// Whether nothing that was measured is cheaper.
    pub(super) fn is_unbeaten(&self, way: Way) -> bool {
        let cost = self.get(way);
        (cost.cost()).is_some_and(|cost| !self.known().any(|(_, other)| other.beats(cost)))
    }

    fn known(&self) -> impl Iterator<Item = (Way, &Cost)> + Clone {
        self.iter()
            .filter_map(|(way, figure)| Some((way, figure.cost()?)))
    }
}

/// The cheapest way, with those that cannot be told from it; `-` where there was no choice.
pub(super) struct Verdict<'a>(&'a Ways);

impl Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ways) = self;
        let known = ways.known();
        if known.clone().any(|(_, cost)| !cost.is_enough()) {
            return f.write_str("too few samples");
        }
        if known.clone().count() < 2 {
            return f.write_str("-");
        }
        let mut lead = "";
        for (_, name, _) in Way::ALL.iter().filter(|(way, _, _)| ways.is_unbeaten(*way)) {
            write!(f, "{lead}{name}")?;
            lead = "~";
        }
        Ok(())
    }
}
