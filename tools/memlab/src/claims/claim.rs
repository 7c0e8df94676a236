// SPDX-License-Identifier: GPL-2.0

//! What a claim is: a sentence, what shows it, and a pure function from evidence to verdict.

use crate::evidence::lab::Lab;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// What the evidence says of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is so.
    Holds,
    /// It is not so.
    HoldsNot,
    /// It is so on some machines and not on others.
    Depends,
    /// What would show it is missing.
    NotShown,
}

impl Verdict {
    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::HoldsNot => "holds not",
            Self::Depends => "depends",
            Self::NotShown => "not shown",
        }
    }
}

/// A verdict, and the sentence with the figures that it is computed from.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    /// The verdict.
    pub verdict: Verdict,
    /// Of what depends: which of the ways it is here.
    pub branch: &'static str,
    /// What was seen, in one sentence.
    pub because: String,
}

/// It is so.
pub fn holds(because: impl Into<String>) -> Judged {
    Ok(finding(Verdict::Holds, "", because))
}

/// It is not so: the sentence says what is true instead.
pub fn holds_not(because: impl Into<String>) -> Judged {
    Ok(finding(Verdict::HoldsNot, "", because))
}

/// It depends, and is this way here.
pub fn depends(branch: &'static str, because: impl Into<String>) -> Judged {
    Ok(finding(Verdict::Depends, branch, because))
}

/// It is so, or it is not.
pub fn whether(so: bool, because: impl Into<String>) -> Judged {
    match so {
        true => holds(because),
        false => holds_not(because),
    }
}

/// A finding.
pub fn finding(verdict: Verdict, branch: &'static str, because: impl Into<String>) -> Finding {
    Finding {
        verdict,
        branch,
        because: because.into(),
    }
}

/// What is missing, so that a sentence is not shown: a right, a device, an option, a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Lack(pub String);

impl<T: fmt::Display> From<T> for Lack {
    fn from(what: T) -> Self {
        Self(what.to_string())
    }
}

/// A lack, by its name.
pub fn lacks<T>(what: impl Into<String>) -> Result<T, Lack> {
    Err(Lack(what.into()))
}

/// What a claim's function returns.
pub type Judged = Result<Finding, Lack>;
/// What looking returns.
pub type Gathered = Result<Evidence, Lack>;

/// One thing that was seen.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// A number, in the figure's unit.
    Number(f64),
    /// Words, or an address.
    Text(String),
    /// A number over time: pairs of ms and the figure's unit.
    Series(Vec<(f64, f64)>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) if number.fract() == 0.0 => write!(f, "{number:.0}"),
            Self::Number(number) => write!(f, "{number:.3}"),
            Self::Text(text) => f.write_str(text),
            Self::Series(points) => f.write_str(&line_of(points)),
        }
    }
}

/// A line of blocks, each as high as what is highest in its part of the time.
fn line_of(points: &[(f64, f64)]) -> String {
    const WIDTH: usize = 24;
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let Some((end, _)) = points.last().filter(|_| most > 0.0) else {
        return "-".into();
    };
    let mut heights = [None; WIDTH];
    for (at, value) in points {
        let column = (at / end.max(1e-9) * (WIDTH - 1) as f64) as usize;
        let height: &mut Option<f64> = &mut heights[column.min(WIDTH - 1)];
        *height = Some(height.map_or(*value, |old| old.max(*value)));
    }
    let mut last = 0.0;
    let columns = heights.iter().map(|height| {
        last = height.unwrap_or(last);
        BLOCKS[((last / most * 7.0).round() as usize).min(7)]
    });
    columns.collect()
}

/// A figure: what was seen, and where.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Figure {
    /// Its name, by which the claim's function asks for it.
    pub name: &'static str,
    /// What it is.
    pub value: Value,
    /// In what; empty for a plain number or words.
    pub unit: &'static str,
    /// The file, or the call, that said so.
    pub source: &'static str,
}

/// All that was seen, in the order in which it is to be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Evidence(pub Vec<Figure>);

impl Evidence {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(
        mut self,
        name: &'static str,
        value: Value,
        unit: &'static str,
        source: &'static str,
    ) -> Self {
        self.0.push(Figure {
            name,
            value,
            unit,
            source,
        });
        self
    }

    /// A number in a unit.
    pub fn number(
        self,
        name: &'static str,
        value: impl Num,
        unit: &'static str,
        source: &'static str,
    ) -> Self {
        self.with(name, Value::Number(value.real()), unit, source)
    }

    /// A size in KiB.
    pub fn kib(self, name: &'static str, value: impl Num, source: &'static str) -> Self {
        self.number(name, value, "KiB", source)
    }

    /// A count.
    pub fn count(self, name: &'static str, value: impl Num, source: &'static str) -> Self {
        self.number(name, value, "", source)
    }

    /// A number over time.
    pub fn series(
        self,
        name: &'static str,
        points: Vec<(f64, f64)>,
        unit: &'static str,
        source: &'static str,
    ) -> Self {
        self.with(name, Value::Series(points), unit, source)
    }

    /// Yes or no, as 1 or 0.
    pub fn flag(self, name: &'static str, value: bool, source: &'static str) -> Self {
        self.count(name, u64::from(value), source)
    }

    /// Words.
    pub fn text(self, name: &'static str, value: impl Into<String>, source: &'static str) -> Self {
        self.with(name, Value::Text(value.into()), "", source)
    }

    fn find(&self, name: &str) -> Result<&Value, Lack> {
        let found = self.0.iter().find(|figure| figure.name == name);
        found
            .map(|figure| &figure.value)
            .ok_or_else(|| Lack(format!("figure {name}")))
    }

    /// The number of that name.
    pub fn get(&self, name: &str) -> Result<f64, Lack> {
        match self.find(name)? {
            Value::Number(number) => Ok(*number),
            _ => lacks(format!("figure {name} as a number")),
        }
    }

    /// Whether the number of that name is not 0.
    pub fn is(&self, name: &str) -> Result<bool, Lack> {
        Ok(self.get(name)? != 0.0)
    }

    /// The words of that name.
    pub fn words(&self, name: &str) -> Result<&str, Lack> {
        match self.find(name)? {
            Value::Text(text) => Ok(text),
            _ => lacks(format!("figure {name} as words")),
        }
    }
}

/// What a figure may be given as.
pub trait Num {
    /// As the evidence keeps it: exact up to 2^53.
    fn real(self) -> f64;
}

macro_rules! num {
    ($($name:ty),*) => {$(
        impl Num for $name {
            fn real(self) -> f64 {
                self as f64
            }
        }
    )*};
}
num!(f64, u64, i64, u32, i32, usize);

/// On which side of the question one looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where the sentence speaks of.
    Claim,
    /// Where it must come out otherwise.
    Control,
}

impl Side {
    /// Whether it is the control.
    pub fn is_control(self) -> bool {
        self == Self::Control
    }
}

/// What must come out otherwise, so that the verdict says something.
pub enum Control {
    /// The same look at something else, on this machine, now: what else it is.
    Live(&'static str),
    /// Evidence of another machine: which, and what it said.
    Supposed(&'static str, fn() -> Evidence),
}

impl Control {
    /// What it is.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Live(words) | Self::Supposed(words, _) => words,
        }
    }
}

/// What a claim cannot be shown without; each has a name that people read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The rights of root: frames of pages, tracefs, limits.
    Root,
    /// A memory cgroup (v2) that may be given limits.
    Group,
    /// A folder on a file system with a device behind it.
    Scratch,
    /// That settings of the whole system are changed for a while.
    System,
    /// Two CPUs.
    Smp,
}

/// A row of the list.
pub struct Claim {
    /// Chapter and name.
    pub id: &'static str,
    /// What the lectures say, in our words.
    pub sentence: &'static str,
    /// Which of the lectures.
    pub lecture: &'static str,
    /// What it cannot be shown without.
    pub needs: &'static [Need],
    /// Looks.
    pub gather: fn(&Lab, Side) -> Gathered,
    /// Judges by nothing but what was seen.
    pub judge: fn(&Evidence) -> Judged,
    /// What must come out otherwise.
    pub control: Control,
    /// Why it is so, and which files of the kernel to read.
    pub why: &'static str,
}

impl Claim {
    /// The chapter's name.
    pub fn chapter(&self) -> &'static str {
        self.id.split('.').next().unwrap_or(self.id)
    }
}

/// What every chapter writes.
pub mod prelude {
    pub use super::{
        depends, holds, holds_not, lacks, whether, Claim, Control, Evidence, Gathered, Judged,
        Lack,
        Need::{Group, Root, Scratch, Smp, System},
        Side,
    };
    pub use crate::evidence::lab::{Lab, KIB, MIB};
}
