// SPDX-License-Identifier: GPL-2.0

//! `claims`: what lectures say about Linux memory, checked on the kernel that runs here.

use super::{Context, Found};
use crate::{
    claims::{
        self,
        claim::{Need, Verdict},
        course, Shown,
    },
    error::{Error, Kind, Result},
    evidence::{kernel, lab::Lab, process::Seen, Machine},
    output::{self, progress, Cell, Check, Face, Table},
};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use std::{path::PathBuf, time::Duration};

/// About what a claim takes.
const EXPECTED: Duration = Duration::from_secs(1);

/// Checks what lectures say about Linux memory on the kernel that runs here
///
/// Without --system nothing is changed but processes and a cgroup of its own.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Chapters or ids, as page or page.cow; all of them where none is given
    which: Vec<String>,
    /// Say why it is so, and which file of the kernel to read
    #[arg(long)]
    explain: bool,
    /// Also change sysctls, swap and caches of the whole system for a while; they are put back
    #[arg(long)]
    system: bool,
    /// Put back what a run that was killed has left, and end
    #[arg(long, conflicts_with_all = ["which", "explain", "system", "self_test", "tour"])]
    restore: bool,
    /// Say which of them --system is for, an id each, and end
    #[arg(long, hide = true, requires = "system")]
    list_system: bool,
    /// Say what the readers of claims see of a process, in KiB, and end
    #[arg(long, hide = true, value_name = "PID")]
    process: Option<u32>,
    /// A folder on a disk for files; by default the one that the command lies in
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Fail (exit code 1) where a control does not come out otherwise
    #[arg(long)]
    self_test: bool,
    /// In the order of the course, a screen for each chapter
    #[arg(long)]
    tour: bool,
}

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    Lines,
    Evidence,
    SelfTest,
    Tour,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// The kernel.
    pub kernel: String,
    /// Each claim.
    pub claims: Vec<Shown>,
    /// What was put back, where that was asked.
    pub restored: Vec<String>,
    #[serde(skip)]
    explain: bool,
    #[serde(skip)]
    depth: Option<Depth>,
    #[serde(skip)]
    listed: bool,
}

fn chosen(which: &[String]) -> Result<Vec<&'static claims::claim::Claim>> {
    for word in which {
        let known = |id: &str| id == word || id.split('.').next() == Some(word);
        if claims::all().any(|claim| known(claim.id)) {
            continue;
        }
        let listed = course::ids().any(|id| known(&id));
        return Err(Error::new(
            Kind::Usage,
            match listed {
                true => format!("{word}: of the course, and not built yet"),
                false => format!("{word}: no chapter and no id; memlab claims lists them"),
            },
        ));
    }
    let asked = |id: &str| {
        which.is_empty()
            || which
                .iter()
                .any(|word| id == word || id.split('.').next() == Some(word))
    };
    Ok(claims::all().filter(|claim| asked(claim.id)).collect())
}

/// Looks.
pub fn claims(context: &Context, arguments: &Arguments) -> Result<Found<Report>> {
    let machine = &context.machine;
    if machine.is_copy() {
        return Err(Error::new(
            Kind::Usage,
            "claims asks the kernel that runs here: --root is of no use to it",
        ));
    }
    let chosen = chosen(&arguments.which)?;
    let scratch = match &arguments.scratch {
        Some(folder) if !folder.is_dir() => {
            return Err(Error::new(
                Kind::File,
                format!("--scratch {}: no folder", folder.display()),
            ))
        }
        Some(folder) => folder.clone(),
        None => Lab::home(),
    };
    let lab = Lab::new(machine, &scratch, arguments.system)?;
    if arguments.list_system {
        let of_system = |claim: &&&claims::claim::Claim| claim.needs.contains(&Need::System);
        let ids = chosen.iter().filter(of_system);
        return Ok(Report::list(ids.map(|claim| claim.id.to_owned())).into());
    }
    if let Some(pid) = arguments.process {
        return Ok(Report::list(process(machine, pid)?.into_iter()).into());
    }
    let kernel = kernel::release(machine).unwrap_or_else(|| "?".into());
    let mut report = Report {
        kernel,
        claims: Vec::new(),
        restored: Vec::new(),
        explain: arguments.explain,
        depth: None,
        listed: false,
    };
    // What another run left would be taken for what was there before.
    if arguments.restore || !lab.journal.borrow().is_empty() {
        let (done, failed) = lab.journal.borrow_mut().restore();
        report.restored = done;
        report.restored.extend(lab.sweep());
        if let Some(why) = failed.first() {
            return Err(Error::new(Kind::File, format!("not put back: {why}")));
        }
    }
    if arguments.restore {
        return Ok(report.into());
    }
    report.depth = Some(match () {
        () if arguments.self_test => Depth::SelfTest,
        () if arguments.tour => Depth::Tour,
        () if arguments.which.is_empty() => Depth::Lines,
        () => Depth::Evidence,
    });
    for claim in chosen {
        let shown = progress::during(claim.id, EXPECTED, None, || claims::show(&lab, claim));
        report.claims.push(shown);
    }
    let same: Vec<&str> = report
        .claims
        .iter()
        .filter(|shown| shown.control.differs == Some(false))
        .map(|shown| shown.id)
        .collect();
    let failed = (arguments.self_test && !same.is_empty()).then(|| {
        Error::new(
            Kind::Failed,
            format!("the control comes out the same: {}", same.join(", ")),
        )
    });
    Ok(Found {
        failed,
        ..report.into()
    })
}

/// Lines of a name and a figure, for whoever compares them with another program's.
fn process(machine: &Machine, pid: u32) -> Result<Vec<String>> {
    let seen = Seen::new(machine, pid);
    let look = || -> std::result::Result<Vec<String>, String> {
        let areas = seen.areas()?;
        let spans = areas.iter().map(|area| area.address.1 - area.address.0);
        Ok(vec![
            format!("vsz {}", seen.status_of("VmSize")?),
            format!("rss {}", seen.rollup("Rss")?),
            format!("areas {}", spans.sum::<u64>() / 1024),
            format!("uss {}", seen.uss()?),
            format!("pss {}", seen.rollup("Pss")?),
        ])
    };
    look().map_err(|why| Error::new(Kind::File, why))
}

fn fold(text: &str, indent: usize) -> Vec<String> {
    output::fold(text, 80 - indent)
        .iter()
        .map(|line| format!("{:indent$}{}", "", line.trim_start()))
        .collect()
}

fn evidence(shown: &Shown) -> Vec<String> {
    let mut table = Table::new(["figure", "here", "control", "unit", "source"]);
    let of = |evidence: &claims::claim::Evidence, name: &str| {
        let found = evidence.0.iter().find(|figure| figure.name == name);
        found.map_or(Cell::None, |figure| Cell::text(figure.value.to_string()))
    };
    let mut names: Vec<&claims::claim::Figure> = shown.evidence.0.iter().collect();
    for figure in &shown.control.evidence.0 {
        if !names.iter().any(|other| other.name == figure.name) {
            names.push(figure);
        }
    }
    for figure in names {
        table.push([
            Cell::text(figure.name),
            of(&shown.evidence, figure.name),
            of(&shown.control.evidence, figure.name),
            match figure.unit {
                "" => Cell::None,
                unit => Cell::text(unit),
            },
            Cell::text(figure.source),
        ]);
    }
    let mut lines = Vec::new();
    let sources = table
        .rows
        .iter()
        .map(|row| row.last().and_then(Cell::word).unwrap_or(""));
    let text = table.text();
    for (line, source) in text.lines().zip(std::iter::once("source").chain(sources)) {
        match line.chars().count() + 2 > 80 {
            // The source then has a line of its own.
            true => {
                let head = line.strip_suffix(source).unwrap_or(line);
                lines.push(format!("  {}", head.trim_end()));
                lines.extend(fold(source, 6));
            }
            false => lines.push(format!("  {line}")),
        }
    }
    lines
}

impl Report {
    /// Lines alone.
    fn list(of: impl Iterator<Item = String>) -> Self {
        Self {
            kernel: String::new(),
            claims: Vec::new(),
            restored: of.collect(),
            explain: false,
            depth: None,
            listed: true,
        }
    }

    fn line(shown: &Shown) -> Vec<String> {
        let head = format!("{:<9} {:<20} ", shown.finding.verdict.name(), shown.id);
        let mut lines = output::fold(shown.sentence, 80 - head.len());
        for (at, line) in lines.iter_mut().enumerate() {
            *line = match at {
                0 => format!("{head}{}", line.trim_start()),
                _ => format!("{:indent$}{}", "", line.trim_start(), indent = head.len()),
            };
        }
        if shown.finding.verdict != Verdict::Holds {
            lines.extend(fold(&format!("- {}", shown.finding.because), head.len()));
        }
        lines
    }

    fn whole(&self, shown: &Shown) -> Vec<String> {
        let mut lines = fold(&format!("{}: {}", shown.id, shown.sentence), 0);
        let word = match shown.finding.branch {
            "" => shown.finding.verdict.name().to_owned(),
            branch => format!("{}, here: {branch}", shown.finding.verdict.name()),
        };
        lines.extend(fold(&format!("{word} - {}", shown.finding.because), 2));
        let control = &shown.control;
        if shown.finding.verdict != Verdict::NotShown {
            let live = if control.live {
                "control"
            } else {
                "supposed control"
            };
            let said = match control.finding.branch {
                "" => control.finding.verdict.name().to_owned(),
                branch => format!("{}: {branch}", control.finding.verdict.name()),
            };
            lines.extend(fold(
                &format!(
                    "{live} ({}): {said} - {}",
                    control.what, control.finding.because
                ),
                2,
            ));
            lines.extend(evidence(shown));
        }
        if self.explain {
            lines.extend(fold(&format!("why: {}", shown.why), 2));
        }
        lines
    }

    fn count(&self, verdict: Verdict) -> usize {
        let same = |shown: &&Shown| shown.finding.verdict == verdict;
        self.claims.iter().filter(same).count()
    }

    fn summary(&self) -> String {
        format!(
            "Linux {}: of {} claims {} hold, {} do not, {} depend, {} are not shown",
            self.kernel,
            self.claims.len(),
            self.count(Verdict::Holds),
            self.count(Verdict::HoldsNot),
            self.count(Verdict::Depends),
            self.count(Verdict::NotShown)
        )
    }

    fn self_tested(&self) -> Vec<String> {
        let mut table = Table::new(["claim", "here", "control", "differs"]);
        let word = |finding: &claims::claim::Finding| match finding.branch {
            "" => finding.verdict.name().to_owned(),
            branch => format!("{}: {branch}", finding.verdict.name()),
        };
        for shown in &self.claims {
            table.push([
                Cell::text(shown.id),
                Cell::text(word(&shown.finding)),
                Cell::text(word(&shown.control.finding)),
                Cell::text(match shown.control.differs {
                    Some(true) => "yes",
                    Some(false) => "NO",
                    None => "not told",
                }),
            ]);
        }
        table.text().lines().map(str::to_owned).collect()
    }
}

impl Face for Report {
    fn text(&self) -> String {
        if self.listed {
            return self.restored.join("\n") + "\n";
        }
        let mut lines: Vec<String> = self
            .restored
            .iter()
            .map(|what| format!("put back: {what}"))
            .collect();
        let Some(depth) = self.depth else {
            if lines.is_empty() {
                lines.push("nothing to put back".into());
            }
            return lines.join("\n") + "\n";
        };
        if self.claims.len() > 1 {
            lines.extend(fold(&self.summary(), 0));
        }
        let mut chapter = "";
        if depth == Depth::SelfTest {
            lines.extend(self.self_tested());
        }
        for shown in &self.claims {
            let of = shown.id.split('.').next().unwrap_or("");
            if depth == Depth::Tour && of != chapter {
                chapter = of;
                let (what, next) = course::about(of);
                lines.push(String::new());
                lines.push(format!("== {of}: {what}"));
                lines.push(format!("   read next: {next}"));
            }
            match depth {
                Depth::SelfTest => {}
                Depth::Lines => lines.extend(Self::line(shown)),
                Depth::Tour => {
                    lines.extend(Self::line(shown));
                    lines.extend(fold(shown.why, 31));
                }
                Depth::Evidence => {
                    if self.claims.len() > 1 {
                        lines.push(String::new());
                    }
                    lines.extend(self.whole(shown));
                }
            }
        }
        lines.join("\n") + "\n"
    }

    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            "claim", "verdict", "branch", "control", "differs", "because", "ms",
        ]);
        for shown in &self.claims {
            table.push([
                Cell::text(shown.id),
                Cell::text(shown.finding.verdict.name()),
                Cell::text(shown.finding.branch),
                Cell::text(shown.control.finding.verdict.name()),
                Cell::from(shown.control.differs.map(|differs| differs.to_string())),
                Cell::text(&*shown.finding.because),
                Cell::Number(shown.ms),
            ]);
        }
        vec![table]
    }

    fn checks(&self) -> Vec<Check> {
        let check = |shown: &Shown| Check {
            name: shown.id.to_owned(),
            held: match shown.finding.verdict {
                Verdict::NotShown => None,
                _ => shown.control.differs,
            },
            because: match shown.control.differs {
                Some(false) => format!(
                    "the control does not differ: {}",
                    shown.control.finding.because
                ),
                None if shown.finding.verdict != Verdict::NotShown => {
                    format!("control not shown: {}", shown.control.finding.because)
                }
                _ => format!(
                    "{}: {}",
                    shown.finding.verdict.name(),
                    shown.finding.because
                ),
            },
        };
        self.claims.iter().map(check).collect()
    }
}
