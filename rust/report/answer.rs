// SPDX-License-Identifier: GPL-2.0

//! What a comparison says first, on one screen: what it ran on, what is cheapest at which size, and
//! how large a coherent buffer can be.

use super::{
    findings::{
        self,
        Findings, //
    },
    outcome::ending,
    provenance::{
        label,
        ran_on, //
    },
    rows::{
        memory,
        sizes,
        Names, //
    },
    table::{
        prose,
        Bytes, //
    },
    ways::{
        missing,
        Way,
        Ways, //
    },
};
use crate::model::{
    cost::Cost,
    outcome::{
        Ending,
        Outcome,
        Tally, //
    },
    provenance::Provenance,
    request::{
        Direction,
        Family, //
    },
};
use core::{
    fmt::{
        self,
        Display,
        Write, //
    },
    ops::Deref, //
};

/// The answer. `beside` has the same maps where nothing stands between memory and device.
pub(super) fn answer<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone + 'a,
    beside: impl Iterator<Item = &'a Outcome<T>> + Clone,
    found: &'a Findings<'_>,
    provenance: &Provenance,
) -> fmt::Result {
    let device = rows.clone().find_map(|o| o.device.as_ref());
    ran_on(out, provenance, device)?;
    if let Some(label) = label(provenance) {
        writeln!(out, "# {label}")?;
    }
    if matches!(found.ending, Ending::Stopped | Ending::DeviceGone) {
        let why = ending(found.ending);
        writeln!(
            out,
            "# cut short, {why}: what is not here was not looked at"
        )?;
    }
    writeln!(out, "#")?;
    transfers(out, rows.clone(), found)?;
    findings::break_even(out, rows.clone(), found)?;
    findings::bounce(out, rows.clone(), beside)?;
    memories(out, rows)?;
    findings::largest(out, found.largest)?;
    writeln!(out, "#")
}

/// One line for each size and direction.
#[inline(never)]
fn transfers<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone + 'a,
    found: &'a Findings<'_>,
) -> fmt::Result {
    let asked = |size, direction| Ways::of(rows.clone(), found, size, direction);
    let refused = || found.refused.iter().map(|refused| refused.size);
    // A size at which all was refused is an answer too.
    let all = || {
        core::iter::successors(Some(0), |last| {
            let rows = sizes(rows.clone()).chain(refused());
            rows.filter(|size| size > last).min()
        })
        .skip(1)
    };
    let any = |size| Direction::ALL.iter().any(|to| asked(size, *to).any());
    if !all().any(any) {
        return Ok(());
    }
    headline(
        out,
        all().flat_map(|size| Direction::ALL.iter().map(move |to| asked(size, *to))),
    )?;
    writeln!(
        out,
        "# For one transfer, ns: the mean of all that it costs, also seldom and later.\n\
         # map: a buffer that you are handed. keep: one of your own, mapped for good and\n\
         # synced. copy: through a coherent buffer that you keep."
    )?;
    if found.touch {
        writeln!(
            out,
            "# The CPU's own writing or reading of the bytes counts, too. in-place: in the\n\
             # coherent buffer itself."
        )?;
    }
    let shown = |way: &Way| *way != Way::InPlace || found.touch;
    write!(out, "# {:>5} {:<13}", "size", "direction")?;
    for (_, _, column) in Way::ALL.iter().filter(|(way, _, _)| shown(way)) {
        write!(out, " {column:>9}")?;
    }
    writeln!(out, "  cheapest")?;
    for size in all() {
        for &direction in Direction::ALL {
            let ways = asked(size, direction);
            if !ways.any() {
                continue;
            }
            write!(out, "# {:>5} {:<13}", Bytes(size), direction.name())?;
            for (_, figure) in ways.iter().filter(|(way, _)| shown(way)) {
                write!(out, " {figure:>9}")?;
            }
            writeln!(out, "  {}", ways.verdict())?;
            let names = Names(|| missing(rows.clone(), found, size, direction));
            if !names.is_empty() {
                prose(out, format_args!("#       not measured: {names}"))?;
            }
        }
    }
    writeln!(out, "#")
}

/// The way that is cheaper than all others, or not to be told from the cheapest, at most sizes.
#[inline(never)]
fn headline(out: &mut dyn Write, all: impl Iterator<Item = Ways> + Clone) -> fmt::Result {
    let judged = || all.clone().filter(Ways::can_be_judged);
    let won = |way| judged().filter(|ways| ways.is_unbeaten(way)).count();
    let of = judged().count();
    // The first of those that win as often is what asks least of a driver.
    let best = (Way::ALL.iter().rev())
        .map(|(way, _, _)| (won(*way), *way))
        .max_by_key(|(count, _)| *count);
    let Some((count, way)) = best.filter(|_| of > 1) else {
        return Ok(());
    };
    let advice = way.advice();
    match count == of {
        true => prose(out, format_args!("# {advice}: nothing was cheaper.")),
        false => prose(
            out,
            format_args!("# {advice}: nothing was cheaper in {count} of {of} rows."),
        ),
    }
}

/// The cheapest way to get memory at each size, for the CPU and for the device.
fn memories<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone + 'a,
) -> fmt::Result {
    let mut title = true;
    for size in sizes(rows.clone()) {
        let [cpu, device] =
            [Family::Allocator, Family::Coherent].map(|family| Best(family, size, rows.clone()));
        // One alone is no choice.
        if cpu.count() + device.count() < 2 {
            continue;
        }
        if title {
            writeln!(
                out,
                "# To get memory and give it back, ns: the cheapest, ~ what is like it;\n\
                 # for the CPU, and for the device"
            )?;
            title = false;
        }
        let size = Bytes(size);
        prose(out, format_args!("# {size:>5} {cpu}; {device}"))?;
    }
    Ok(())
}

/// The cheapest memory of a family and a size, and what cannot be told from it.
struct Best<I>(Family, u64, I);

impl<'a, T: Deref<Target = Tally> + 'a, I: Iterator<Item = &'a Outcome<T>> + Clone + 'a> Best<I> {
    fn all(&self) -> impl Iterator<Item = (&'static str, Cost)> + 'a {
        let (family, rows) = (self.0, memory(self.2.clone(), self.1));
        rows.filter(move |o| o.request.info().family == family)
            .filter_map(|o| Some((o.request.info().name, o.cost()?)))
    }

    #[inline(never)]
    fn count(&self) -> usize {
        self.all().count()
    }

    #[inline(never)]
    fn first(&self) -> Option<(&'static str, Cost)> {
        self.all().min_by_key(|(_, cost)| cost.ns)
    }

    #[inline(never)]
    fn others(&self, f: &mut fmt::Formatter<'_>, name: &str, cost: &Cost) -> fmt::Result {
        let others = self.all().filter(|(other, _)| *other != name);
        for (other, _) in others.filter(|(_, other)| !other.differs(cost)) {
            write!(f, " ~ {other}")?;
        }
        Ok(())
    }
}

impl<'a, T: Deref<Target = Tally> + 'a, I: Iterator<Item = &'a Outcome<T>> + Clone + 'a> Display
    for Best<I>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((name, cost)) = self.first() else {
            return f.write_str("-");
        };
        write!(f, "{name} {cost}")?;
        self.others(f, name, &cost)
    }
}
