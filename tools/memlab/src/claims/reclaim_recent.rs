// SPDX-License-Identifier: GPL-2.0

//! Which pages are taken back first.

use super::claim::prelude::*;
use crate::evidence::{group::Group, system};

/// The rest of the chapter.
pub const CLAIMS: &[Claim] = &[Claim {
    id: "reclaim.recent",
    sentence: "what was used recently survives, what was not goes first",
    lecture: "A4, D",
    needs: &[Group, Scratch],
    gather: recent,
    judge: recent_judge,
    control: Control::Live("the first file is the one that is used again"),
    why: "mm/vmscan.c: by two lists (shrink_active_list) or by generations (sort_folio, \
              lru_gen_look_around): what the accessed bit of a mapping says moves a page up.",
}];

const FILE: u64 = 16 * MIB;

/// Whether pages are kept by generations, or on two lists.
fn kept_by(lab: &Lab) -> &'static str {
    match lab.text(system::GENERATIONS) {
        Ok(text) if text.trim() != "0x0000" => "generations",
        _ => "two lists",
    }
}

fn recent(lab: &Lab, side: Side) -> Gathered {
    let group = Group::make(lab, "recent")?;
    let mut child = group.child()?;
    let files = [lab.file("first", FILE)?, lab.file("second", FILE)?];
    let mut areas = Vec::new();
    for file in &files {
        file.evict()?;
        let area = child.ask(&format!("map {FILE} ro file={}", file.word()))?;
        areas.push(area.number("id"));
    }
    let mut read = |at: usize| {
        let id = areas[at];
        child.ask(&format!("read {id} 0 {FILE} {}", lab.page()))
    };
    read(0)?;
    read(1)?;
    let used = usize::from(side == Side::Claim);
    for _ in 0..4 {
        // Each is read as often before: what is looked at again differs.
        read(used)?;
        group.reclaim(FILE / 4)?;
        read(used)?;
    }
    let mut stays = [0; 2];
    for (stays, id) in stays.iter_mut().zip(&areas) {
        *stays = child.ask(&format!("resident {id}"))?.number("resident");
    }
    Ok(Evidence::new()
        .text("by", kept_by(lab), "lru_gen/enabled")
        .count("pages", FILE / lab.page(), "of each file")
        .count("first", stays[0], "mincore(): of the first, after reclaim")
        .count("second", stays[1], "mincore(): of the second, used again"))
}

fn recent_judge(e: &Evidence) -> Judged {
    let (pages, first, second) = (e.get("pages")?, e.get("first")?, e.get("second")?);
    let said = format!(
        "by {}: of {pages} pages each {first} stay of the first file, {second} of the second",
        e.words("by")?
    );
    if first + second > 1.8 * pages {
        return lacks("pages of files that are taken back");
    }
    whether(second > first, said)
}
