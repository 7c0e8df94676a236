// SPDX-License-Identifier: GPL-2.0

//! Which DMA maps and allocations have not been given back, by the kernel's tracepoints of
//! include/trace/events/dma.h: an account for each device.

use super::trace::{self, Head};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What the memory of so many entries bounds.
const MOST_HELD: usize = 1 << 20;
/// So many maps that were given back are known still, of each device.
const MOST_PAST: usize = 1 << 10;

/// What the functions of a tracepoint are called, which stand on top of each call chain.
const TRACERS: [&str; 3] = ["trace_event_raw_event_", "__traceiter_", "__bpf_trace_"];

/// How a piece of memory was made known to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Map,
    List,
    Memory,
    Pieces,
}

/// The events, each with what it makes or gives back.
const EVENTS: [(&str, Kind, bool); 10] = [
    ("dma_map_phys", Kind::Map, true),
    ("dma_unmap_phys", Kind::Map, false),
    ("dma_map_sg", Kind::List, true),
    ("dma_unmap_sg", Kind::List, false),
    ("dma_alloc", Kind::Memory, true),
    ("dma_free", Kind::Memory, false),
    ("dma_alloc_pages", Kind::Memory, true),
    ("dma_free_pages", Kind::Memory, false),
    ("dma_alloc_sgt", Kind::Pieces, true),
    ("dma_free_sgt", Kind::Pieces, false),
];

/// The names of the events; those that make something are told apart.
pub fn events() -> impl Iterator<Item = (&'static str, bool)> {
    EVENTS.iter().map(|(name, _, makes)| (*name, *makes))
}

/// Something that was mapped or allocated.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// When, in us of the trace's clock.
    pub us: u64,
    /// How much.
    pub bytes: u64,
    /// Which way the bytes go, as the kernel says it.
    pub direction: String,
    /// Who asked, the innermost first: an index of [`Ledger::stacks`].
    pub stack: Option<usize>,
}

/// What one device has had and given back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// When each was made, in us.
    pub made: Vec<u64>,
    /// When each was given back, in us; also what was made before the ledger began.
    pub given_back: Vec<u64>,
    held: HashMap<(Kind, u64), Vec<Made>>,
    past: VecDeque<(u64, Made, u64)>,
}

/// A map that an address lies in.
pub struct Found<'a> {
    /// The map.
    pub made: &'a Made,
    /// When it was given back, in us; none while it is held.
    pub given_back: Option<u64>,
}

impl Account {
    /// All that is held, in no order.
    pub fn held(&self) -> impl Iterator<Item = &Made> + Clone {
        self.held.values().flatten()
    }
}

/// The accounts, and what is not in them.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By the name of the device.
    pub accounts: BTreeMap<String, Account>,
    /// Call chains, each once.
    pub stacks: Vec<Vec<String>>,
    /// Events that the kernel had no room for, or that were not understood.
    pub lost: u64,
    /// All that were seen.
    pub events: u64,
    /// The first and the last moment, in us.
    pub span: Option<(u64, u64)>,
    last: HashMap<u32, (String, Kind, u64)>,
    open: Option<(u32, Vec<String>)>,
    held: usize,
}

impl Ledger {
    /// The map of a device that an address lies in, or the last one that did.
    pub fn at(&self, device: &str, address: u64) -> Option<Found<'_>> {
        let within = |first: u64, made: &Made| {
            let inside = address.checked_sub(first);
            inside.is_some_and(|inside| inside < made.bytes)
        };
        let account = self.accounts.get(device)?;
        let held = account.held.iter().find_map(|((kind, first), all)| {
            let made = all.last().filter(|made| within(*first, made))?;
            // A list is known by where its memory lies.
            (*kind != Kind::List).then_some(Found {
                made,
                given_back: None,
            })
        });
        held.or_else(|| {
            let mut past = account.past.iter().rev();
            let (_, made, us) = past.find(|(first, made, _)| within(*first, made))?;
            Some(Found {
                made,
                given_back: Some(*us),
            })
        })
    }

    /// Enters a line of a trace.
    pub fn enter(&mut self, line: &str) {
        if let Some(frame) = line.strip_prefix(" => ") {
            if let Some((_, frames)) = &mut self.open {
                frames.push(frame.trim().to_owned());
            }
            return;
        }
        self.close();
        if let Some(count) = trace::lost(line) {
            self.lost += count;
        }
        let Some((head, rest)) = trace::head(line) else {
            return;
        };
        if rest.starts_with("<stack trace>") {
            self.open = Some((head.cpu, Vec::new()));
            return;
        }
        let event = rest.split_once(": ").and_then(|(name, words)| {
            let event = EVENTS.iter().find(|(event, _, _)| *event == name)?;
            Some((event, words))
        });
        let Some(((_, kind, makes), words)) = event else {
            return;
        };
        self.events += 1;
        let first = self.span.map_or(head.us, |(first, _)| first);
        self.span = Some((first.min(head.us), head.us.max(first)));
        let entered = match makes {
            true => self.make(*kind, head, words),
            false => self.give_back(*kind, head, words),
        };
        if entered.is_none() {
            self.lost += 1;
        }
    }

    /// Enters what stands at the end.
    pub fn close(&mut self) {
        let Some((cpu, mut frames)) = self.open.take() else {
            return;
        };
        // The tracepoint's own come first, and asked for nothing.
        let own = |frame: &String| TRACERS.iter().any(|name| frame.starts_with(name));
        let asked = frames.iter().position(|frame| !own(frame));
        frames.drain(..asked.unwrap_or(0));
        let Some((device, kind, key)) = self.last.remove(&cpu) else {
            return;
        };
        let known = self.stacks.iter().position(|stack| *stack == frames);
        let at = known.unwrap_or_else(|| {
            self.stacks.push(frames);
            self.stacks.len() - 1
        });
        let account = self.accounts.get_mut(&device);
        let held = account.and_then(|account| account.held.get_mut(&(kind, key)));
        if let Some(made) = held.and_then(|held| held.last_mut()) {
            made.stack = Some(at);
        }
    }

    fn make(&mut self, kind: Kind, head: Head, words: &str) -> Option<()> {
        let (device, _) = words.split_once(" dir=")?;
        let key = key(kind, words)?;
        self.last.remove(&head.cpu);
        if !was_made(kind, key, words) {
            return Some(());
        }
        if self.held >= MOST_HELD {
            return None;
        }
        self.held += 1;
        let bytes = match kind {
            Kind::List => numbers(words, "sizes=")?.into_iter().sum(),
            _ => field(words, "size=")?.parse().ok()?,
        };
        let account = self.accounts.entry(device.to_owned()).or_default();
        account.made.push(head.us);
        account.held.entry((kind, key)).or_default().push(Made {
            us: head.us,
            bytes,
            direction: field(words, "dir=")?.to_owned(),
            stack: None,
        });
        self.last.insert(head.cpu, (device.to_owned(), kind, key));
        Some(())
    }

    fn give_back(&mut self, kind: Kind, head: Head, words: &str) -> Option<()> {
        let (device, _) = words.split_once(" dir=")?;
        let key = key(kind, words)?;
        if kind == Kind::Memory && key == 0 {
            return Some(()); // Nothing is freed, as kfree(NULL) does.
        }
        let account = self.accounts.entry(device.to_owned()).or_default();
        account.given_back.push(head.us);
        // One page may be mapped more than once, at one address where nothing translates.
        if let Some(held) = account.held.get_mut(&(kind, key)) {
            if let Some(made) = held.pop() {
                self.held -= 1;
                if account.past.len() == MOST_PAST {
                    account.past.pop_front();
                }
                if kind != Kind::List {
                    account.past.push_back((key, made, head.us));
                }
            }
            if held.is_empty() {
                account.held.remove(&(kind, key));
            }
        }
        Some(())
    }
}

/// By what the making and the giving back of a thing know each other.
fn key(kind: Kind, words: &str) -> Option<u64> {
    match kind {
        // What a list is given back by is where its memory lies.
        Kind::List => numbers(words, "phys_addrs=")?.first().copied(),
        _ => u64::from_str_radix(field(words, "dma_addr=")?, 16).ok(),
    }
}

/// Whether it came to be: a map that failed and memory that was not to be had are told, too.
fn was_made(kind: Kind, key: u64, words: &str) -> bool {
    match kind {
        // DMA_MAPPING_ERROR of a dma_addr_t of 64 or of 32 bits.
        Kind::Map => key != u64::MAX && key != u64::from(u32::MAX),
        Kind::Memory => {
            let virt = field(words, "virt_addr=").unwrap_or("");
            virt != "(null)" && !virt.trim_start_matches('0').is_empty()
        }
        Kind::List | Kind::Pieces => true,
    }
}

fn field<'a>(words: &'a str, name: &str) -> Option<&'a str> {
    let at = words.find(&format!(" {name}"))? + 1 + name.len();
    words.get(at..)?.split_whitespace().next()
}

/// A list such as `{0x1000,0x2000}`.
fn numbers(words: &str, name: &str) -> Option<Vec<u64>> {
    let list = field(words, name)?
        .trim_start_matches('{')
        .trim_end_matches('}');
    list.split(',')
        .map(|number| u64::from_str_radix(number.trim_start_matches("0x"), 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(us: u64, rest: &str) -> String {
        let (s, us) = (us / 1_000_000, us % 1_000_000);
        format!("        insmod-90      [000] .....  {s:6}.{us:06}: {rest}")
    }

    fn ledger(lines: &[String]) -> Ledger {
        let mut ledger = Ledger::default();
        for line in lines {
            ledger.enter(line);
        }
        ledger.close();
        ledger
    }

    const MAP: &str =
        "dma_map_phys: 0000:00:05.0 dir=TO_DEVICE dma_addr=f000 size=4096 phys_addr=f000 attrs=";
    const UNMAP: &str = "dma_unmap_phys: 0000:00:05.0 dir=TO_DEVICE dma_addr=f000 size=4096 attrs=";

    #[test]
    fn what_is_given_back_is_held_no_more() {
        let ledger = ledger(&[event(1, MAP), event(2, MAP), event(3, UNMAP)]);
        let account = &ledger.accounts["0000:00:05.0"];
        assert_eq!((account.made.len(), account.given_back.len()), (2, 1));
        let held: Vec<_> = account.held().collect();
        // The older of two at one address stays: who unmaps late is looked for.
        assert_eq!((held.len(), held[0].us, held[0].bytes), (1, 1, 4096));
        assert_eq!(ledger.span, Some((1, 3)));
    }

    #[test]
    fn what_was_made_before_is_no_debt() {
        let ledger = ledger(&[event(1, UNMAP), event(2, MAP)]);
        let account = &ledger.accounts["0000:00:05.0"];
        assert_eq!(account.given_back, [1]);
        assert_eq!(account.held().count(), 1);
    }

    #[test]
    fn a_list_is_known_by_its_memory() {
        let map = "dma_map_sg: nvme dir=FROM_DEVICE nents=2/2 ents=1/1 dma_addrs={0xffe00000} \
                   sizes={0x2000} phys_addrs={0x1000,0x5000} attrs=";
        let unmap = "dma_unmap_sg: nvme dir=FROM_DEVICE phys_addrs={0x1000,0x5000} attrs=";
        let made = ledger(&[event(1, map)]);
        assert_eq!(made.accounts["nvme"].held().next().unwrap().bytes, 0x2000);
        let both = ledger(&[event(1, map), event(2, unmap)]);
        assert_eq!(both.accounts["nvme"].held().count(), 0);
    }

    #[test]
    fn what_failed_is_not_held() {
        let failed = MAP.replace("dma_addr=f000", "dma_addr=ffffffffffffffff");
        let none = "dma_alloc: x dir=BIDIRECTIONAL dma_addr=0 size=64 virt_addr=0000000000000000 \
                    flags=GFP_KERNEL attrs=";
        let ledger = ledger(&[event(1, &failed), event(2, none)]);
        assert_eq!((ledger.events, ledger.lost), (2, 0));
        assert!(ledger.accounts.is_empty());
    }

    #[test]
    fn a_call_site_belongs_to_the_event_before_it_on_its_cpu() {
        let mut lines = vec![event(1, MAP), event(1, "<stack trace>")];
        lines.push(" => trace_event_raw_event_dma_map".into());
        lines.push(" => dma_map_phys".into());
        lines.push(" => misuse_probe [misuse]".into());
        lines.push(event(2, MAP));
        let ledger = ledger(&lines);
        assert_eq!(
            ledger.stacks,
            [["dma_map_phys", "misuse_probe [misuse]"]],
            "once"
        );
        let with = |made: &&Made| made.stack == Some(0);
        let account = &ledger.accounts["0000:00:05.0"];
        assert_eq!(account.held().filter(with).count(), 1);
    }

    #[test]
    fn what_is_lost_or_not_understood_is_counted() {
        let cut = MAP.split(" size").next().unwrap();
        let ledger = ledger(&["CPU:0 [LOST 7 EVENTS]".into(), event(1, cut)]);
        assert_eq!(ledger.lost, 8);
    }
}
