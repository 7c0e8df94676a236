// SPDX-License-Identifier: GPL-2.0

//! Settings of the whole system that are changed for a while, and the journal of what has to be put
//! back, which outlives this process: it is written before anything is changed.

use super::{look::Look, Machine};
use crate::output::replace;
use serde::{Deserialize, Serialize};
use std::{fs, io, path::Path};

const FILE: &str = "/run/memlab-claims.json";

/// One thing to put back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// What a file of the kernel's said.
    Write {
        /// Its path.
        file: String,
        /// What is written to have it say so again.
        text: String,
    },
    /// A file or device that is swapped to.
    SwapOff {
        /// Its path.
        file: String,
    },
    /// A file of ours.
    Remove {
        /// Its path.
        file: String,
    },
    /// A cgroup of ours, and who is in it.
    Group {
        /// Its folder.
        folder: String,
    },
}

impl Undo {
    fn words(&self) -> String {
        match self {
            Self::Write { file, text } => format!("{file} says {text} again"),
            Self::SwapOff { file } => format!("{file} is no swap any more"),
            Self::Remove { file } => format!("{file} is removed"),
            Self::Group { folder } => format!("{folder} is removed"),
        }
    }

    fn carry_out(&self, machine: &Machine) -> Look<()> {
        let said = |path: &str, done: io::Result<()>| match done {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(format!("{path}: {}", crate::error::reason(&error)))
            }
            _ => Ok(()),
        };
        match self {
            Self::Write { file, text } => {
                // Some refuse to be told what they say already.
                let says = machine
                    .look(file)
                    .is_some_and(|said| chosen(&said) == *text);
                match says {
                    true => Ok(()),
                    false => said(file, fs::write(machine.path(file), text)),
                }
            }
            Self::SwapOff { file } => {
                let on = machine.look("/proc/swaps").unwrap_or_default();
                let listed = on.lines().any(|line| line.starts_with(&format!("{file} ")));
                match listed {
                    true => said(file, crate::sys::swap::off(Path::new(file))),
                    false => Ok(()),
                }
            }
            Self::Remove { file } => said(file, fs::remove_file(file)),
            Self::Group { folder } => {
                let path = machine.path(folder);
                let _ = fs::write(path.join("cgroup.kill"), "1"); // It may be empty or gone.
                let mut last = Ok(());
                for _ in 0..100 {
                    last = fs::remove_dir(&path);
                    match &last {
                        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                            std::thread::sleep(std::time::Duration::from_millis(20));
                        }
                        _ => break,
                    }
                }
                said(folder, last)
            }
        }
    }
}

/// What is chosen in a text like `always [madvise] never`, or the whole text.
pub fn chosen(text: &str) -> String {
    let inside = text
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'));
    inside.map_or(text.trim(), |(word, _)| word).to_owned()
}

/// The journal.
#[derive(Debug)]
pub struct Journal {
    machine: Machine,
    entries: Vec<Undo>,
}

impl Journal {
    /// Of a machine: with what another process may have left.
    pub fn at(machine: &Machine) -> Self {
        let text = machine.look(FILE).unwrap_or_default();
        Self {
            machine: machine.clone(),
            entries: serde_json::from_str(&text).unwrap_or_default(),
        }
    }

    /// Whether nothing has to be put back.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn keep(&self) -> Look<()> {
        let path = self.machine.path(FILE);
        let kept = match self.entries.is_empty() {
            true => match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => return Ok(()),
            },
            false => {
                let text = serde_json::to_string(&self.entries).unwrap_or_default();
                return replace(&path, text.as_bytes()).map_err(|error| error.message);
            }
        };
        kept.map_err(|error| format!("{FILE}: {}", crate::error::reason(&error)))
    }

    /// Notes what has to be put back, before it is changed.
    pub fn note(&mut self, undo: Undo) -> Look<()> {
        self.entries.push(undo);
        self.keep()
    }

    /// Puts one thing back, and takes it out.
    pub fn undo(&mut self, undo: &Undo) -> Look<()> {
        undo.carry_out(&self.machine)?;
        if let Some(at) = self.entries.iter().rposition(|entry| entry == undo) {
            self.entries.remove(at);
        }
        self.keep()
    }

    /// Puts everything back, the last first; what was done, and what could not be.
    pub fn restore(&mut self) -> (Vec<String>, Vec<String>) {
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for undo in self.entries.clone().iter().rev() {
            match self.undo(undo) {
                Ok(()) => done.push(undo.words()),
                Err(why) => failed.push(why),
            }
        }
        (done, failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_is_put_back_the_last_first_also_by_another_process() {
        let root = std::env::temp_dir().join(format!("memlab-tuning-{}", std::process::id()));
        fs::create_dir_all(root.join("run")).unwrap();
        fs::write(root.join("setting"), "60\n").unwrap();
        let machine = Machine::at(Some(&root));
        let note = |text: &str| Undo::Write {
            file: "/setting".into(),
            text: text.into(),
        };
        let mut journal = Journal::at(&machine);
        journal.note(note("60")).unwrap();
        fs::write(root.join("setting"), "0").unwrap();
        journal.note(note("0")).unwrap();
        fs::write(root.join("setting"), "100").unwrap();
        // The first process was killed.
        let mut other = Journal::at(&machine);
        let (done, failed) = other.restore();
        assert_eq!((done.len(), failed.len()), (2, 0));
        assert_eq!(fs::read_to_string(root.join("setting")).unwrap(), "60");
        assert!(Journal::at(&machine).is_empty());
        assert!(!root.join("run/memlab-claims.json").exists());
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn of_several_words_the_one_in_brackets_is_chosen() {
        assert_eq!(chosen("always [madvise] never\n"), "madvise");
        assert_eq!(chosen("60\n"), "60");
    }
}
