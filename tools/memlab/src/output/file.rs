// SPDX-License-Identifier: GPL-2.0

//! Files that are whole or not there.

use crate::error::{Error, Result};
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

/// Writes `bytes` to `path`: a disk that is full, or a kill, leaves what was there before.
pub fn replace(path: &Path, bytes: &[u8]) -> Result {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let pending: PathBuf = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = File::create(&pending).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written
        .and_then(|()| fs::rename(&pending, path))
        .map_err(|error| {
            let _ = fs::remove_file(&pending); // There may be none.
            Error::file(path, &error)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn nothing_half_written_is_left() {
        let dir = std::env::temp_dir().join(format!("memlab-file-{}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        let path = dir.join("kept");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        // A folder cannot be replaced by a file: the rename fails after all was written.
        let taken = dir.join("folder");
        fs::create_dir_all(taken.join("full")).unwrap();
        assert_eq!(replace(&taken, b"three").unwrap_err().kind, Kind::File);
        let mut left: Vec<_> = fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["folder", "kept"]);
        fs::remove_dir_all(&dir).unwrap();
    }
}
