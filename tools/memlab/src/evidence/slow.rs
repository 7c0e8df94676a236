// SPDX-License-Identifier: GPL-2.0

//! What the kernel did during the first operation of a run that took longer than a limit.

use super::{
    trace::{head, lost, Instance},
    Machine,
};
use crate::error::{Error, Kind, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What makes getting memory and mapping it slow. Those that a kernel has not are left out.
pub const EVENTS: [&str; 10] = [
    "cma",
    "compaction",
    "migrate",
    "vmscan",
    "oom",
    "swiotlb",
    "iommu",
    "irq",
    "sched/sched_switch",
    "kmem/mm_page_alloc_extfrag",
];
/// The module's own event, behind the timed window.
const ABOVE: &str = "events/memlab/memlab_above";

/// The operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slow {
    /// The phase.
    pub phase: String,
    /// How long it took, with the clock's cost, in ns.
    pub ns: u64,
    /// What the kernel did meanwhile on the same CPU, in its order.
    pub events: Vec<Event>,
    /// Events that the kernel had no room for.
    pub lost: u64,
}

/// One event of the kernel's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Since the operation began, in us, and some 20 too much.
    pub us: u64,
    /// As the kernel says it.
    pub text: String,
}

/// A trace that stops with the first slow operation.
pub struct Watch {
    instance: Instance,
}

impl Watch {
    /// Begins to trace.
    pub fn begin(machine: &Machine) -> Result<Self> {
        if machine.is_copy() {
            return Err(Error::new(
                Kind::Usage,
                "a copy of another machine cannot be traced",
            ));
        }
        let instance = Instance::new(machine)?;
        if !instance.has(ABOVE) {
            return Err(Error::new(
                Kind::Version,
                "the module has no event memlab_above: the kernel is built without tracepoints",
            ));
        }
        instance.fit(machine)?;
        instance.set("trace_clock", "mono")?;
        for event in EVENTS {
            let file = format!("events/{event}/enable");
            if instance.has(&file) {
                instance.set(&file, "1")?;
            }
        }
        // The event itself is the last that is kept.
        instance.set(&format!("{ABOVE}/trigger"), "traceoff")?;
        instance.set(&format!("{ABOVE}/enable"), "1")?;
        Ok(Self { instance })
    }

    /// Ends it, and says what was seen; `None` where no operation was slow. `released` is how long the
    /// release took that followed, in ns: the event comes behind it.
    pub fn end(mut self, released: u64) -> Result<Option<Slow>> {
        self.instance.set("tracing_on", "0")?;
        let mut lines = Vec::new();
        loop {
            let more = self.instance.lines()?;
            if more.is_empty() {
                break;
            }
            lines.extend(more);
        }
        Ok(read(&lines, released))
    }
}

/// From the end of an operation to its event: what is counted and looked at in between.
const BETWEEN_US: u64 = 20;

/// What lies between the beginning of the slow operation and its end.
fn read(lines: &[String], released: u64) -> Option<Slow> {
    let at = lines
        .iter()
        .position(|line| line.contains(": memlab_above: "))?;
    let (end, words) = head(lines.get(at)?)?;
    let field = |name: &str| {
        let rest = words.split_whitespace();
        rest.filter_map(|word| word.split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    };
    let ns: u64 = field("ns")?.parse().ok()?;
    let phase = field("phase")?;
    let behind = if phase == "release" { 0 } else { released };
    let took = ns.saturating_add(behind).div_ceil(1000);
    let begin = end.us.saturating_sub(took + BETWEEN_US);
    let events = lines.iter().take(at).filter_map(|line| {
        let (head, text) = head(line)?;
        let inside = head.cpu == end.cpu && head.us >= begin;
        inside.then(|| Event {
            us: head.us - begin,
            text: text.to_owned(),
        })
    });
    Some(Slow {
        phase: phase.to_owned(),
        ns,
        events: events.collect(),
        lost: lines.iter().filter_map(|line| lost(line)).sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_within_the_operation_is_kept() {
        let lines = [
            "  memlab/0-9     [001] .....     7.000100: cma_alloc_start: before",
            "  memlab/0-9     [001] .....     7.000210: cma_alloc_start: inside",
            "  other-8        [000] .....     7.000220: cma_alloc_start: elsewhere",
            "  memlab/0-9     [001] .....     7.000350: memlab_above: experiment=contig \
             phase=acquire ns=100000 above=5000",
        ]
        .map(str::to_owned);
        // Thirty microseconds of release, and twenty until the event.
        let slow = read(&lines, 30_000).unwrap();
        assert_eq!((slow.phase.as_str(), slow.ns), ("acquire", 100_000));
        let event = Event {
            us: 10,
            text: "cma_alloc_start: inside".into(),
        };
        assert_eq!(slow.events, [event]);
        assert_eq!(read(&lines[..3], 0), None);
        // A release is the last that is done before the event.
        let released = lines.map(|line| line.replace("acquire", "release"));
        assert_eq!(read(&released, 30_000).unwrap().events, []);
    }
}
