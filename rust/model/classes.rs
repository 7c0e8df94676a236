// SPDX-License-Identifier: GPL-2.0

//! What an allocation went through, and how long those took that went through the same.

use super::histogram::Histogram;

/// How many classes there are.
pub const CLASSES: usize = 4;

/// The most that the kernel went through for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nothing of what follows.
    Fast,
    /// It woke kswapd, and did not wait for it.
    Woken,
    /// It reclaimed memory itself (direct reclaim), from the machine's or its cgroup's.
    Reclaim,
    /// It moved memory itself to make room in one piece (direct compaction).
    Compaction,
}

impl Class {
    /// All of them, with what reports call them.
    pub const ALL: [(&'static str, Self); CLASSES] = [
        ("fast", Self::Fast),
        ("kswapd", Self::Woken),
        ("reclaim", Self::Reclaim),
        ("compact", Self::Compaction),
    ];
}

/// Raw latencies of what was acquired, in ns per operation, by class: that of the slowest operation
/// of a batch. All bits zero is an empty one.
#[derive(Clone)]
pub struct Classes {
    /// In the order of [`Class::ALL`].
    pub histograms: [Histogram; CLASSES],
}

impl Classes {
    /// Those of one class.
    pub fn of(&mut self, class: Class) -> &mut Histogram {
        let [fast, woken, reclaim, compaction] = &mut self.histograms;
        match class {
            Class::Fast => fast,
            Class::Woken => woken,
            Class::Reclaim => reclaim,
            Class::Compaction => compaction,
        }
    }

    /// Each with its name, the fastest first.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &Histogram)> + '_ {
        Class::ALL
            .into_iter()
            .zip(&self.histograms)
            .map(|((name, _), histogram)| (name, histogram))
    }

    /// Adds what another thread counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.histograms.iter_mut().zip(&other.histograms) {
            mine.merge(theirs);
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_classes))]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_place() {
        for (place, (_, class)) in Class::ALL.into_iter().enumerate() {
            assert_eq!(place, class as usize);
        }
    }
}
