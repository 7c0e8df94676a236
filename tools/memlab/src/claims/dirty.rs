// SPDX-License-Identifier: GPL-2.0

//! When what was written goes to the disk.

use super::claim::prelude::*;
use crate::evidence::{
    events::{field, Watch},
    system,
};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "dirty.time",
        sentence: "what has been dirty for long is written",
        lecture: "A5",
        needs: &[System, Scratch],
        gather: time,
        judge: time_judge,
        control: Control::Live("dirty_expire_centisecs as it was: half a minute on most machines"),
        why: "fs/fs-writeback.c: wb_check_old_data_flush() looks each dirty_writeback_centisecs \
              for inodes that are older than dirty_expire_centisecs.",
    },
    Claim {
        id: "dirty.background",
        sentence: "above the background limit writing begins, and the writer goes on",
        lecture: "A5",
        needs: &[System, Scratch],
        gather: background,
        judge: background_judge,
        control: Control::Live("a background limit that is not reached"),
        why: "mm/page-writeback.c: balance_dirty_pages() wakes the flusher above \
              dirty_background_ratio of dirtyable memory, or dirty_background_bytes.",
    },
    Claim {
        id: "dirty.throttle",
        sentence: "the writer is blocked when dirty pages reach dirty_ratio, and not before",
        lecture: "A5",
        needs: &[Root, System, Scratch],
        gather: throttle,
        judge: throttle_judge,
        control: Control::Supposed("Linux 2.6.32, which blocked at the limit", || {
            Evidence::new()
                .count("paused", 40, "supposed")
                .count("limit", 8192, "supposed")
                .count("lowest", 8192, "supposed")
        }),
        why: "mm/page-writeback.c: above half-way between both limits each writer is paused a \
              little, so that it is as fast as the disk (wb_position_ratio).",
    },
];

const SIZE: u64 = 16 * MIB;

fn time(lab: &Lab, side: Side) -> Gathered {
    let expire = match side {
        Side::Claim => "50".to_owned(),
        Side::Control => system::number(lab, system::DIRTY_EXPIRE)?.to_string(),
    };
    let _expire = lab.set(system::DIRTY_EXPIRE, &expire)?;
    let _wake = lab.set(system::DIRTY_WRITEBACK, "50")?;
    // The timer that runs has the old period: what is dirtied arms it anew.
    lab.settle();
    let file = lab.file("time", 0)?;
    let before = system::vmstat(lab, "pgpgout")?;
    file.append(SIZE)?;
    lab.pause(4000);
    Ok(Evidence::new()
        .number(
            "expire",
            expire.parse::<u64>().unwrap_or(0),
            "cs",
            "dirty_expire_centisecs",
        )
        .kib("wrote", SIZE / KIB, "by write(), without fsync()")
        .kib(
            "written",
            system::vmstat(lab, "pgpgout")? - before,
            "vmstat: pgpgout grew by, after 4 s",
        ))
}

fn time_judge(e: &Evidence) -> Judged {
    let (wrote, written) = (e.get("wrote")?, e.get("written")?);
    whether(
        written >= 0.8 * wrote,
        format!(
            "expire after {} cs: of {wrote} KiB {written} written in 4 s",
            e.get("expire")?
        ),
    )
}

fn background(lab: &Lab, side: Side) -> Gathered {
    let limit = if side.is_control() {
        256 * MIB
    } else {
        4 * MIB
    };
    let _hard = lab.dirty("dirty", 512 * MIB)?;
    let _soft = lab.dirty("dirty_background", limit)?;
    lab.settle();
    let file = lab.file("background", 0)?;
    let before = system::vmstat(lab, "pgpgout")?;
    let began = std::time::Instant::now();
    file.append(2 * SIZE)?;
    let took = began.elapsed();
    lab.pause(3000);
    Ok(Evidence::new()
        .kib("limit", limit / KIB, "dirty_background_bytes")
        .kib("wrote", 2 * SIZE / KIB, "by write(), without fsync()")
        .number("took", took.as_millis() as u64, "ms", "write()")
        .kib(
            "written",
            system::vmstat(lab, "pgpgout")? - before,
            "vmstat: pgpgout grew by, 3 s later",
        ))
}

fn background_judge(e: &Evidence) -> Judged {
    let (limit, wrote, written) = (e.get("limit")?, e.get("wrote")?, e.get("written")?);
    whether(
        written >= 0.4 * wrote,
        format!(
            "limit {limit} KiB: {wrote} KiB written by the program in {} ms, {written} by the \
             flusher 3 s later",
            e.get("took")?
        ),
    )
}

fn throttle(lab: &Lab, _: Side) -> Gathered {
    let _hard = lab.dirty("dirty", 16 * MIB)?;
    let _soft = lab.dirty("dirty_background", 4 * MIB)?;
    lab.settle();
    let file = lab.file("throttle", 0)?;
    let events = ["writeback/balance_dirty_pages"];
    let mut watch = Watch::begin(lab, &events, Some(std::process::id()))?;
    file.append(4 * SIZE)?;
    let of = |words: &str, key: &str| field(words, key).and_then(|word| word.parse::<i64>().ok());
    let events = watch.events()?;
    let paused: Vec<(i64, i64)> = events
        .iter()
        .filter(|(_, words)| of(words, "pause").is_some_and(|pause| pause > 0))
        .filter_map(|(_, words)| Some((of(words, "dirty")?, of(words, "limit")?)))
        .collect();
    let least = paused.iter().min_by_key(|(dirty, _)| *dirty);
    Ok(Evidence::new()
        .count(
            "paused",
            paused.len(),
            "balance_dirty_pages: pauses of the writer",
        )
        .count("limit", least.map_or(0, |pair| pair.1), "pages: its limit")
        .count(
            "lowest",
            least.map_or(0, |pair| pair.0),
            "pages dirty at the earliest pause",
        ))
}

fn throttle_judge(e: &Evidence) -> Judged {
    let (paused, limit, lowest) = (e.get("paused")?, e.get("limit")?, e.get("lowest")?);
    if paused == 0.0 {
        return lacks("a disk that is slower than a writer");
    }
    let said = format!("paused {paused} times, from {lowest} dirty pages on, the limit is {limit}");
    match lowest < limit {
        true => holds_not(format!("{said}: it is paced before")),
        false => holds(said),
    }
}
