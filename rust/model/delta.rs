// SPDX-License-Identifier: GPL-2.0

//! What one operation changed in the zones, their free lists and the event counters.

use super::{
    memory::{
        Zone,
        ORDERS_MAX, //
    },
    text::Text, //
};

/// The steps of an operation: acquiring, releasing, and emptying the per-CPU lists after that.
pub const STEPS: usize = 3;

/// How many zones are kept; more than one or two never change.
const ZONES: usize = 6;

/// How many events are kept.
const EVENTS: usize = 24;

/// One zone that changed.
#[derive(Clone, Copy, Debug)]
pub struct ZoneChange {
    /// Memory node.
    pub node: u32,
    /// The zone's name; empty in an entry that is not in use.
    pub zone: Text<8>,
    /// How many orders it has.
    pub orders: usize,
    /// Free pages (`NR_FREE_PAGES`), by step.
    pub free: [i64; STEPS],
    /// Pages on its per-CPU lists, by step.
    pub pcp: [i64; STEPS],
    /// Free blocks by order, by step.
    pub blocks: [[i64; ORDERS_MAX]; STEPS],
}

impl ZoneChange {
    /// What one step did to the free blocks of the orders that the zone has.
    pub fn step(&self, step: usize) -> &[i64] {
        let blocks = self.blocks.get(step).map_or(&[][..], |blocks| blocks);
        blocks.get(..self.orders).unwrap_or(blocks)
    }
}

/// One event counter that changed.
#[derive(Clone, Copy, Debug)]
pub struct EventChange {
    /// Its name in `/proc/vmstat`; empty in an entry that is not in use.
    pub name: Text<32>,
    /// How much it rose, by step.
    pub counts: [i64; STEPS],
}

/// What one operation changed. All bits zero is one that was not looked at.
#[derive(Clone, Copy)]
pub struct Delta {
    /// Whether an operation was looked at.
    pub taken: bool,
    /// Whether the per-CPU lists were emptied before the first step and in the last one.
    pub settled: bool,
    /// Why it failed, negative; 0 if it did not.
    pub errno: i32,
    /// What acquiring and releasing took, in ns: this once, with nothing warm.
    pub ns: [u64; 2],
    /// Changes of further zones, and of further events, for which there was no room.
    pub left_out: [u32; 2],
    zones: [ZoneChange; ZONES],
    events: [EventChange; EVENTS],
}

impl Delta {
    /// Nothing looked at.
    pub const NONE: Self = Self {
        taken: false,
        settled: false,
        errno: 0,
        ns: [0; 2],
        left_out: [0; 2],
        zones: [ZoneChange {
            node: 0,
            zone: Text::EMPTY,
            orders: 0,
            free: [0; STEPS],
            pcp: [0; STEPS],
            blocks: [[0; ORDERS_MAX]; STEPS],
        }; ZONES],
        events: [EventChange {
            name: Text::EMPTY,
            counts: [0; STEPS],
        }; EVENTS],
    };

    /// The zones that changed.
    pub fn zones(&self) -> impl Iterator<Item = &ZoneChange> {
        self.zones.iter().filter(|zone| zone.orders != 0)
    }

    /// The events that happened.
    pub fn events(&self) -> impl Iterator<Item = &EventChange> {
        let used = |event: &&EventChange| !event.name.as_str().is_empty();
        self.events.iter().filter(used)
    }

    /// How often the event `name` happened in `step`.
    pub fn event(&self, name: &str, step: usize) -> i64 {
        let mut found = self.events().filter(|event| event.name.as_str() == name);
        let counts = found.next().map(|event| event.counts);
        counts
            .and_then(|counts| counts.get(step).copied())
            .unwrap_or(0)
    }

    /// Adds what `step` changed in the zones that were there before and after it. One that was not has
    /// come or gone by hotplug, and not by the operation.
    pub fn add_zones(&mut self, step: usize, before: &[Zone], after: &[Zone]) {
        for after in after {
            let same = |before: &&Zone| (before.node, before.index) == (after.node, after.index);
            if let Some(before) = before.iter().find(same) {
                self.add_zone(step, before, after);
            }
        }
    }

    fn add_zone(&mut self, step: usize, before: &Zone, after: &Zone) {
        let differ =
            before.free != after.free || before.pcp != after.pcp || before.blocks != after.blocks;
        if !differ {
            return;
        }
        let mine = |zone: &&mut ZoneChange| {
            zone.orders == 0 || (zone.node, zone.zone) == (before.node, before.name)
        };
        let [left_out, _] = &mut self.left_out;
        let Some(entry) = self.zones.iter_mut().find(mine) else {
            *left_out = left_out.saturating_add(1);
            return;
        };
        entry.node = before.node;
        entry.zone = before.name;
        entry.orders = before.orders;
        let pairs = [
            (&mut entry.free, before.free, after.free),
            (&mut entry.pcp, before.pcp, after.pcp),
        ];
        for (change, before, after) in pairs {
            if let Some(change) = change.get_mut(step) {
                *change = difference(before, after);
            }
        }
        if let Some(blocks) = entry.blocks.get_mut(step) {
            let both = before.blocks.iter().zip(&after.blocks);
            for (change, (before, after)) in blocks.iter_mut().zip(both) {
                *change = difference(*before, *after);
            }
        }
    }

    /// Adds that an event's counter went from `before` to `after` in `step`.
    pub fn add_event(&mut self, step: usize, name: &str, before: u64, after: u64) {
        if before == after {
            return;
        }
        let mine = |event: &&mut EventChange| {
            event.name.as_str().is_empty() || event.name.as_str() == name
        };
        let [_, left_out] = &mut self.left_out;
        let Some(entry) = self.events.iter_mut().find(mine) else {
            *left_out = left_out.saturating_add(1);
            return;
        };
        entry.name = Text::new(name);
        if let Some(count) = entry.counts.get_mut(step) {
            *count = difference(before, after);
        }
    }
}

fn difference(before: u64, after: u64) -> i64 {
    // CAST: The two's complement of the distance is the signed distance.
    after.wrapping_sub(before) as i64
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_delta))]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_change_has_no_entry() {
        let mut delta = Delta::NONE;
        delta.add_event(0, "pgfree", 7, 7);
        assert_eq!(delta.events().count(), 0);
        assert_eq!(delta.zones().count(), 0);
    }

    #[test]
    fn steps_of_one_event_share_an_entry() {
        let mut delta = Delta::NONE;
        delta.add_event(0, "pgalloc_normal", 10, 12);
        delta.add_event(1, "pgfree", 5, 6);
        delta.add_event(1, "pgalloc_normal", 12, 11);
        assert_eq!(delta.events().count(), 2);
        assert_eq!(delta.event("pgalloc_normal", 0), 2);
        assert_eq!(delta.event("pgalloc_normal", 1), -1);
        assert_eq!(delta.event("pgfree", 1), 1);
        assert_eq!(delta.event("nosuch", 1), 0);
    }

    #[test]
    fn what_finds_no_room_is_counted_as_left_out() {
        let mut delta = Delta::NONE;
        for n in 0..2 * EVENTS {
            delta.add_event(0, Text::<8>::format(format_args!("e{n}")).as_str(), 0, 1);
        }
        assert_eq!(delta.events().count(), EVENTS);
        // CAST: A small constant.
        assert_eq!(delta.left_out, [0, EVENTS as u32]);
    }
}
