// SPDX-License-Identifier: GPL-2.0

//! What tracepoints say while something is done: lines, each an event.

use super::{lab::Lab, look::Look, trace};
use std::collections::BTreeSet;

/// Tracepoints that are on.
pub struct Watch {
    instance: trace::Instance,
}

impl Watch {
    /// Has events of these names (`group/event`) recorded, of one process or of all.
    pub fn begin(lab: &Lab, events: &[&str], pid: Option<u32>) -> Look<Self> {
        let instance = trace::Instance::new(&lab.machine).map_err(|error| error.message)?;
        let set = |file: &str, line: &str| {
            let done = instance.set(file, line);
            done.map_err(|error| error.message)
        };
        for event in events {
            let folder = format!("events/{event}");
            if !instance.has(&folder) {
                return Err(format!("the tracepoint {event}"));
            }
            if let Some(pid) = pid {
                set(&format!("{folder}/filter"), &format!("common_pid == {pid}"))?;
            }
            set(&format!("{folder}/enable"), "1")?;
        }
        instance.fit(&lab.machine).map_err(|error| error.message)?;
        Ok(Self { instance })
    }

    /// What was recorded since it began, or since it was asked the last time: name and words.
    pub fn events(&mut self) -> Look<Vec<(String, String)>> {
        let lines = self.instance.lines().map_err(|error| error.message)?;
        Ok(lines.iter().filter_map(|line| event(line)).collect())
    }
}

fn event(line: &str) -> Option<(String, String)> {
    let (_, rest) = trace::head(line)?;
    let (name, words) = rest.split_once([':', '('])?;
    Some((name.to_owned(), words.trim().to_owned()))
}

/// The word behind `key=`.
pub fn field<'a>(words: &'a str, key: &str) -> Option<&'a str> {
    let found = words.split_whitespace().find_map(|word| {
        let (name, value) = word.split_once('=')?;
        (name == key).then_some(value)
    });
    found.map(|value| value.trim_end_matches(','))
}

/// The addresses in a list like `dma_addrs={0x1,0x2}`.
pub fn list(words: &str, key: &str) -> Vec<u64> {
    let Some((_, rest)) = words.split_once(&format!("{key}={{")) else {
        return Vec::new();
    };
    let inside = rest.split('}').next().unwrap_or("");
    let numbers = inside.split(',').filter_map(|word| {
        let digits = word.trim().trim_start_matches("0x");
        u64::from_str_radix(digits, 16).ok()
    });
    numbers.collect()
}

/// The pages that were taken and not given back, by events of kmem.
pub fn kept(events: &[(String, String)]) -> usize {
    let mut pages = BTreeSet::new();
    for (name, words) in events {
        let (Some(pfn), order) = (field(words, "pfn"), field(words, "order")) else {
            continue;
        };
        let Ok(first) = u64::from_str_radix(pfn.trim_start_matches("0x"), 16) else {
            continue;
        };
        let order: u32 = order.and_then(|word| word.parse().ok()).unwrap_or(0);
        for page in first..first + (1 << order.min(20)) {
            match name.as_str() {
                "mm_page_alloc" => pages.insert(page),
                _ => pages.remove(&page),
            };
        }
    }
    pages.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_a_name_and_words() {
        let line =
            " memlab-12    [003] d..1.    17.000042: mm_page_alloc: page=00 pfn=0x10 order=1";
        let (name, words) = event(line).unwrap();
        assert_eq!(
            (&*name, field(&words, "order")),
            ("mm_page_alloc", Some("1"))
        );
        let line = " memlab-12    [003] .....    17.000042: sys_shmget(key: 0, size: 1000)";
        assert_eq!(event(line).unwrap().0, "sys_shmget");
        let words = "dev dir=TO_DEVICE dma_addrs={0x1000, 0x2000} phys_addrs={0x5000}";
        assert_eq!(list(words, "dma_addrs"), [0x1000, 0x2000]);
        assert_eq!(list(words, "sizes"), [0; 0]);
    }

    #[test]
    fn what_is_freed_is_not_kept() {
        let of = |name: &str, words: &str| (name.to_owned(), words.to_owned());
        let mut events = vec![
            of("mm_page_alloc", "page=0 pfn=0x10 order=1 migratetype=1"),
            of("mm_page_alloc", "page=0 pfn=0x20 order=0 migratetype=1"),
            of("mm_page_free_batched", "page=0 pfn=0x20 order=0"),
        ];
        assert_eq!(kept(&events), 2);
        events.push(of("mm_page_free", "page=0 pfn=0x10 order=1"));
        assert_eq!(kept(&events), 0);
    }
}
