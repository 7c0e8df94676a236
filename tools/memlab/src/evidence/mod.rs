// SPDX-License-Identifier: GPL-2.0

//! What the machine says: the module, procfs, sysfs, tracefs and debugfs. No other room reads them.

pub mod area;
pub mod binding;
pub mod comparison;
pub mod debt;
pub mod device;
pub mod events;
pub mod fault;
pub mod group;
pub mod growth;
pub mod journal;
pub mod kernel;
pub mod lab;
pub mod ledger;
pub mod log;
pub mod login;
pub mod look;
pub mod lookups;
pub mod maps;
pub mod module;
pub mod outcome;
pub mod outside;
pub mod pages;
pub mod points;
pub mod probe;
pub mod process;
pub mod recording;
pub mod setting;
pub mod slow;
pub mod state;
pub mod swiotlb;
pub mod system;
pub mod text;
pub mod trace;
pub mod tuning;
pub mod view;
pub mod vmalloc;
pub mod walk;
pub mod zone;

use crate::error::{Error, Result};
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// The tree under which the kernel's file systems are mounted: `/`, or a copy of another machine's.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

impl Machine {
    /// The machine that this is, or the copy in a folder.
    pub fn at(root: Option<&Path>) -> Self {
        Self {
            root: root.unwrap_or(Path::new("/")).to_owned(),
        }
    }

    /// Whether it is a copy, which can be looked at and not asked.
    pub fn is_copy(&self) -> bool {
        self.root != Path::new("/")
    }

    /// Where a file of the kernel's is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name.trim_start_matches('/'))
    }

    /// A file's text without the newline at its end; `None` where there is no such file.
    pub fn look(&self, name: &str) -> Option<String> {
        let bytes = fs::read(self.path(name)).ok()?;
        Some(
            String::from_utf8_lossy(&bytes)
                .trim_end_matches('\n')
                .to_owned(),
        )
    }

    /// A file's text, or why it cannot be had.
    pub fn read(&self, name: &str) -> Result<String> {
        let path = self.path(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => Err(Error::file(&path, &error)),
        }
    }

    /// Whether a file or folder is there.
    pub fn has(&self, name: &str) -> bool {
        match fs::symlink_metadata(self.path(name)) {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::PermissionDenied,
        }
    }

    /// The names in a folder, sorted; none where there is no such folder.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// The last part of what a link points to.
    pub fn link(&self, name: &str) -> Option<String> {
        let target = fs::read_link(self.path(name)).ok()?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }
}
