// SPDX-License-Identifier: GPL-2.0

//! A process that does to its memory what it is told, one line at a time, while another looks on.
//!
//! It is this very program, executed anew, so that nothing else happens in it. A line is a verb
//! and its words; the answer is a line, too: `ok` and `key=value ...`, or `error` and why.

use super::{
    busy::{self, Range},
    calls,
    pipes::Pipes,
    victim::{self, failed, pipe, Answer},
    ways,
};
use std::{
    io::{self, BufRead, Write},
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

/// No verb takes longer: whoever waits for the answer would wait for ever.
const LONGEST: u32 = 60; // s

/// A range of addresses that was mapped, or allocated, and is this process's own.
#[derive(Clone, Copy)]
struct Area {
    at: *mut u8,
    length: usize,
}

/// What the process has.
#[derive(Default)]
struct Puppet {
    areas: Vec<Area>,
    /// Objects of malloc(), a group for each time that it was asked for some.
    objects: Vec<Vec<*mut libc::c_void>>,
    pipes: Pipes,
    /// Tables of the kernel's that go when they are closed.
    tables: Vec<std::os::fd::OwnedFd>,
}

fn number(words: &[&str], at: usize) -> Result<usize, String> {
    let word = words
        .get(at)
        .ok_or_else(|| format!("word {at} is missing"))?;
    let parsed = match word.strip_prefix("0x") {
        Some(digits) => usize::from_str_radix(digits, 16),
        None => word.parse(),
    };
    parsed.map_err(|_| format!("{word}: no number"))
}

/// Answers lines until the input ends.
pub fn serve() -> io::Result<()> {
    // SAFETY: It takes integers only, and asks for the signal that ends this process when the
    // one that started it ends.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
    let mut puppet = Puppet::default();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        // SAFETY: It takes an integer only; the signal ends the process.
        unsafe { libc::alarm(LONGEST) };
        let answer = puppet.carry_out(&words);
        // SAFETY: It takes an integer only, and takes the alarm back.
        unsafe { libc::alarm(0) };
        let text = match answer {
            Ok(fields) => format!("ok {fields}\n"),
            Err(why) => format!("error {why}\n"),
        };
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
    }
    Ok(())
}

impl Puppet {
    fn carry_out(&mut self, words: &[&str]) -> Answer {
        match words.first().copied().unwrap_or("") {
            "map" => self.map(words),
            "read" => self.touch(words, false),
            "write" => self.touch(words, true),
            "unmap" => self.unmap(words),
            "advise" => self.advise(words),
            "protect" => self.protect(words),
            "resident" => self.resident(words),
            "chase" => self.chase(words),
            "malloc" => self.malloc(words),
            "free" => self.free(words),
            "trim" => {
                // SAFETY: It takes an integer only, and gives back what no object is in.
                let gave = unsafe { libc::malloc_trim(0) };
                Ok(format!("gave={gave}"))
            }
            "mallopt" => {
                let (what, to) = (number(words, 1)?, number(words, 2)?);
                // SAFETY: It takes integers only, and is called by the only thread there is.
                let done = unsafe { libc::mallopt(what as i32, to as i32) };
                Ok(format!("done={done}"))
            }
            "miss" => {
                let folder = words.get(2).copied().unwrap_or("/");
                let head = words.get(3).copied().unwrap_or("none");
                for number in 0..number(words, 1)? {
                    let _ = std::fs::symlink_metadata(format!("{folder}/{head}-{number}"));
                }
                Ok(String::new())
            }
            "noise" => self.noise(words),
            "pipes" => self.pipes.make(number(words, 1)?, words.contains(&"close")),
            "splice" => {
                let area = self.area(words)?;
                self.pipes.pin(area.at, area.length)
            }
            "churn" => busy::churn(self.range(words)?, number(words, 2)? as u64),
            "slurp" => ways::read(words.get(1).unwrap_or(&""), number(words, 2)?),
            "windows" => ways::mapped(
                words.get(1).unwrap_or(&""),
                number(words, 2)?,
                number(words, 3)?,
                number(words, 4)?,
            ),
            "table" => {
                self.tables.push(calls::table(number(words, 1)?)?);
                Ok(String::new())
            }
            "walk" => calls::walk(words.get(2).unwrap_or(&""), number(words, 1)? as u64),
            "faults" => calls::faults(),
            "delays" => calls::delays(),
            "fork" => self.fork(words.get(1..).unwrap_or(&[])),
            "fault" => victim::fault(number(words, 1)?, words.get(2).copied().unwrap_or("")),
            "shootdowns" => self.shootdowns(words),
            "shared" => calls::shared(words.get(1) == Some(&"remove"), number(words, 2)?),
            "become" => {
                let id = number(words, 1)? as libc::uid_t;
                // SAFETY: It takes integers only; the only thread there is gives up its rights.
                match unsafe { libc::setresuid(id, id, id) } {
                    0 => Ok(String::new()),
                    _ => Err(failed("setresuid")),
                }
            }
            other => Err(format!("{other}: no such verb")),
        }
    }

    fn area(&self, words: &[&str]) -> Result<Area, String> {
        let area = self.areas.get(number(words, 1)?);
        area.copied().ok_or_else(|| "no such area".to_owned())
    }

    fn range(&self, words: &[&str]) -> Result<Range, String> {
        let Area { at, length } = self.area(words)?;
        Ok(Range { at, length })
    }

    /// `map LENGTH [shared] [none|ro|rx] [huge|small] [align] [file=PATH]`
    fn map(&mut self, words: &[&str]) -> Answer {
        let length = number(words, 1)?;
        let has = |word: &str| words.contains(&word);
        let prot = match () {
            () if has("none") => libc::PROT_NONE,
            () if has("ro") => libc::PROT_READ,
            () if has("rx") => libc::PROT_READ | libc::PROT_EXEC,
            () => libc::PROT_READ | libc::PROT_WRITE,
        };
        let mut flags = if has("shared") {
            libc::MAP_SHARED
        } else {
            libc::MAP_PRIVATE
        };
        let file = words.iter().find_map(|word| word.strip_prefix("file="));
        let file = match file {
            None => None,
            Some(path) => {
                let opened = std::fs::OpenOptions::new()
                    .read(true)
                    .write(prot & libc::PROT_WRITE != 0)
                    .open(path);
                Some(opened.map_err(|error| format!("{path}: {error}"))?)
            }
        };
        let descriptor = match &file {
            None => {
                flags |= libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
                -1
            }
            Some(file) => std::os::fd::AsRawFd::as_raw_fd(file),
        };
        // What is to be huge has to begin where a huge page can.
        const HUGE: usize = 2 << 20;
        let spare = if has("align") { HUGE } else { 0 };
        // SAFETY: A new mapping at an address that the kernel chooses hides none there is.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length + spare,
                prot,
                flags,
                descriptor,
                0,
            )
        };
        if at == libc::MAP_FAILED {
            return Err(failed("mmap"));
        }
        let skip = if spare == 0 {
            0
        } else {
            (at as usize).wrapping_neg() % HUGE
        };
        let area = Area {
            at: at.cast::<u8>().wrapping_add(skip),
            length,
        };
        for (word, advice) in [
            ("huge", libc::MADV_HUGEPAGE),
            ("small", libc::MADV_NOHUGEPAGE),
        ] {
            if has(word) {
                // SAFETY: The range is the mapping that was just made, and the advice changes
                // how it is filled, not what it holds.
                unsafe { libc::madvise(area.at.cast(), length, advice) };
            }
        }
        self.areas.push(area);
        Ok(format!(
            "id={} address={}",
            self.areas.len() - 1,
            area.at as usize
        ))
    }

    /// `read|write ID FROM LENGTH STRIDE`
    fn touch(&self, words: &[&str], write: bool) -> Answer {
        let area = self.area(words)?;
        let (from, length, stride) = (number(words, 2)?, number(words, 3)?, number(words, 4)?);
        let end = from
            .checked_add(length)
            .filter(|end| *end <= area.length && stride != 0)
            .ok_or("beyond the area")?;
        let (mut sum, mut at, began) = (0u64, from, Instant::now());
        while at < end {
            let byte = area.at.wrapping_add(at);
            // SAFETY: `at` is below the area's length. The area is mapped until `unmap` takes it
            // out of the list; whether it may be accessed is what is asked, and a signal ends
            // this process if not.
            unsafe {
                if write {
                    byte.write_volatile(at as u8 | 1);
                } else {
                    sum = sum.wrapping_add(u64::from(byte.read_volatile()));
                }
            }
            at += stride;
        }
        Ok(format!("ns={} sum={sum}", began.elapsed().as_nanos()))
    }

    /// `unmap ID`
    fn unmap(&mut self, words: &[&str]) -> Answer {
        let area = self.area(words)?;
        self.areas[number(words, 1)?].length = 0;
        // SAFETY: The range is one that `map` mapped, and nothing refers to it any more: the
        // verbs go through the list, where its length is 0 now.
        match unsafe { libc::munmap(area.at.cast(), area.length) } {
            0 => Ok(String::new()),
            _ => Err(failed("munmap")),
        }
    }

    /// `advise ID ADVICE`, as madvise() numbers it
    fn advise(&self, words: &[&str]) -> Answer {
        let (area, advice) = (self.area(words)?, number(words, 2)?);
        // SAFETY: The range is one of this process's own mappings, to whose contents no
        // reference exists: they are accessed as volatile bytes only.
        match unsafe { libc::madvise(area.at.cast(), area.length, advice as i32) } {
            0 => Ok(String::new()),
            _ => Err(failed("madvise")),
        }
    }

    /// `protect ID PROT`, as mprotect() numbers it
    fn protect(&self, words: &[&str]) -> Answer {
        let (area, prot) = (self.area(words)?, number(words, 2)?);
        // SAFETY: The range is one that `map` mapped, which holds neither this program nor
        // anything that it has a reference to.
        match unsafe { libc::mprotect(area.at.cast(), area.length, prot as i32) } {
            0 => Ok(String::new()),
            _ => Err(failed("mprotect")),
        }
    }

    /// `noise ID`: fills the area with bytes none of which follows from the one before
    fn noise(&self, words: &[&str]) -> Answer {
        let area = self.area(words)?;
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        for at in 0..area.length {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // SAFETY: `at` is below the length of the area, which is mapped while it is listed.
            unsafe { area.at.wrapping_add(at).write_volatile((state >> 32) as u8) };
        }
        Ok(String::new())
    }

    /// `resident ID`: how many pages mincore() finds in memory
    fn resident(&self, words: &[&str]) -> Answer {
        let area = self.area(words)?;
        let page = rustix::param::page_size();
        let mut pages = vec![0u8; area.length.div_ceil(page)];
        // SAFETY: The vector has a byte for each page of the range, which is all that is written.
        match unsafe { libc::mincore(area.at.cast(), area.length, pages.as_mut_ptr()) } {
            0 => {
                let count = pages.iter().filter(|page| **page & 1 != 0).count();
                Ok(format!("pages={} resident={count}", pages.len()))
            }
            _ => Err(failed("mincore")),
        }
    }

    /// `chase ID COUNT`: reads at addresses none of which follows from the one before
    fn chase(&self, words: &[&str]) -> Answer {
        let (area, count) = (self.area(words)?, number(words, 2)?);
        let (mut state, mut sum) = (0x9e37_79b9_7f4a_7c15u64, 0u64);
        let began = Instant::now();
        for _ in 0..count {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let at = (state as usize).wrapping_add(sum as usize) % area.length.max(1);
            // SAFETY: `at` is below the length of the area, which is mapped while it is listed.
            sum = sum.wrapping_add(u64::from(unsafe {
                area.at.wrapping_add(at).read_volatile()
            }));
        }
        let each = began.elapsed().as_nanos() as f64 / count.max(1) as f64;
        Ok(format!("ns={each} sum={sum}"))
    }

    /// `malloc SIZE COUNT [dirty]`
    fn malloc(&mut self, words: &[&str]) -> Answer {
        let (size, count) = (number(words, 1)?, number(words, 2)?);
        let mut group = Vec::with_capacity(count);
        for _ in 0..count {
            // SAFETY: Any size may be asked for, and the answer is looked at.
            let object = unsafe { libc::malloc(size) };
            if object.is_null() {
                return Err(failed("malloc"));
            }
            if words.contains(&"dirty") {
                // SAFETY: The object has `size` bytes, of which nobody else has a pointer.
                unsafe { std::ptr::write_bytes(object.cast::<u8>(), 1, size) };
            }
            group.push(object);
        }
        let ends = [group.first(), group.last()].map(|end| end.map_or(0, |at| *at as usize));
        self.objects.push(group);
        Ok(format!(
            "id={} address={} last={}",
            self.objects.len() - 1,
            ends[0],
            ends[1]
        ))
    }

    /// `free ID [keep=N] [last]`: all of a group but every Nth, or but the last one
    fn free(&mut self, words: &[&str]) -> Answer {
        let id = number(words, 1)?;
        let keep = words.iter().find_map(|word| word.strip_prefix("keep="));
        let keep = keep.map_or(Ok(0), str::parse::<usize>);
        let keep = keep.map_err(|_| "keep: no number")?;
        let group = self.objects.get_mut(id).ok_or("no such objects")?;
        let (whole, last) = (std::mem::take(group), words.contains(&"last"));
        let end = whole.len().saturating_sub(1);
        for (at, object) in whole.into_iter().enumerate() {
            if (keep != 0 && at % keep == 0) || (last && at == end) {
                group.push(object);
            } else {
                // SAFETY: malloc() gave it, and it has left the list, so that it is freed once.
                unsafe { libc::free(object) };
            }
        }
        Ok(format!("kept={}", group.len()))
    }

    /// `fork VERB ...`: a child that carries the verb out, and then stays as it is
    fn fork(&mut self, words: &[&str]) -> Answer {
        let (mut from, mut to) = pipe()?;
        // SAFETY: No other thread runs here, so that the child may do what this process may.
        match unsafe { libc::fork() } {
            -1 => Err(failed("fork")),
            0 => {
                // SAFETY: It takes integers only, as in `serve`.
                unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
                let text = match words.is_empty() {
                    true => Ok(String::new()),
                    false => self.carry_out(words),
                };
                let text = text.unwrap_or_else(|why| format!("failed={}", why.replace(' ', "_")));
                let _ = writeln!(to, "{text}"); // Who does not hear of it sees the end.
                drop((from, to));
                loop {
                    // SAFETY: It takes nothing, and comes back after a signal that does not end
                    // the process.
                    unsafe { libc::pause() };
                }
            }
            pid => {
                drop(to);
                let mut said = String::new();
                let read = io::Read::read_to_string(&mut from, &mut said);
                read.map_err(|error| error.to_string())?;
                Ok(format!("pid={pid} {}", said.trim()))
            }
        }
    }

    /// `shootdowns THREADS ROUNDS`: maps, writes, unmaps while that many other threads run
    fn shootdowns(&mut self, words: &[&str]) -> Answer {
        let (threads, rounds) = (number(words, 1)?, number(words, 2)?);
        let stop = AtomicBool::new(false);
        let page = rustix::param::page_size();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            // They are to run before it begins.
            std::thread::sleep(std::time::Duration::from_millis(50));
            let mut answer = Ok(String::new());
            for _ in 0..rounds {
                let id = self.areas.len().to_string();
                let length = (8 * page).to_string();
                answer = self.map(&["map", &length, "small"]).and_then(|_| {
                    self.touch(&["write", &id, "0", &length, &page.to_string()], true)?;
                    self.unmap(&["unmap", &id])
                });
                if answer.is_err() {
                    break;
                }
            }
            stop.store(true, Ordering::Relaxed);
            answer
        })
    }
}
