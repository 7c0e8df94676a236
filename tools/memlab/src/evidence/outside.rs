// SPDX-License-Identifier: GPL-2.0

//! Programs that are not ours, asked about a sample that leaks.

use super::{lab::Lab, look::Look};
use crate::error::reason;
use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::Instant,
};

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Nobody: how long it takes otherwise.
    None,
    /// valgrind's memcheck.
    Valgrind,
    /// The sanitizer that the sample was built with.
    Sanitizer,
}

/// What was said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Leak {
    /// Bytes that nobody can free any more.
    pub bytes: u64,
    /// The file and line that asked for them, or `-`.
    pub line: String,
    /// How long the sample ran, in ms.
    pub ms: f64,
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(name));
    places.find(|file| file.is_file())
}

/// Has a sample leak, or, as it is mended, not leak, under a tool.
pub fn leak(lab: &Lab, tool: Tool, sample: &str, word: &str) -> Look<Leak> {
    let binary = match tool {
        Tool::Sanitizer => format!("{sample}-asan"),
        _ => sample.to_owned(),
    };
    let needs = |name: &str| find(name).ok_or_else(|| format!("the program {name} in PATH"));
    let path = needs(&binary)?;
    let mut command = match tool {
        Tool::Valgrind => {
            let mut command = Command::new(needs("valgrind")?);
            command.args(["--leak-check=full", "--show-leak-kinds=definite"]);
            command.arg(&path);
            command
        }
        _ => Command::new(&path),
    };
    let began = Instant::now();
    let done = command
        .arg(word)
        .current_dir(lab.folder())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {}", path.display(), reason(&error)))?;
    let ms = began.elapsed().as_secs_f64() * 1e3;
    let text = String::from_utf8_lossy(&done.stderr);
    let told = match tool {
        Tool::None => true,
        Tool::Valgrind => text.contains("ERROR SUMMARY"),
        Tool::Sanitizer => !text.contains("fatal error"),
    };
    if !told {
        let first = text.lines().next().unwrap_or("it said nothing");
        return Err(format!(
            "{sample}: the tool did not come to its end: {first}"
        ));
    }
    let (bytes, line) = match tool {
        Tool::None => (0, "-".into()),
        _ => said(&text, sample),
    };
    Ok(Leak { bytes, line, ms })
}

/// The bytes that are lost, and the line of the sample's source in the stack below that sentence.
fn said(text: &str, sample: &str) -> (u64, String) {
    let source = format!("{sample}.c:");
    let mut lines = text.lines();
    let Some(head) = lines
        .find(|line| line.contains("definitely lost in") || line.starts_with("Direct leak of"))
    else {
        return (0, "-".into());
    };
    let bytes = head
        .split_whitespace()
        .map(|word| word.replace(',', ""))
        .find_map(|word| word.parse().ok());
    let line = lines.find_map(|line| {
        let at = line.find(&source)?;
        let rest = line[at..].split([')', ' ']).next()?;
        // The sanitizer names the column as well.
        let mut parts = rest.split(':');
        Some(format!("{}:{}", parts.next()?, parts.next()?))
    });
    (bytes.unwrap_or(0), line.unwrap_or_else(|| "-".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tools_name_bytes_and_line() {
        let valgrind =
            "==7== 49,152 bytes in 12 blocks are definitely lost in loss record 1 of 1\n\
                        ==7==    at 0x48: malloc (vg_replace_malloc.c:446)\n\
                        ==7==    by 0x10: grow (leak.c:31)\n==7==    by 0x10: main (leak.c:50)\n";
        let sanitizer = "Direct leak of 49152 byte(s) in 12 object(s) allocated from:\n    \
                         #0 0x7f in malloc\n    #1 0x56 in grow /src/samples/leak.c:31:16\n";
        // What valgrind begins its lines with is a number, too.
        assert_eq!(said(sanitizer, "leak"), (49152, "leak.c:31".into()));
        assert_eq!(said(valgrind, "leak"), (49152, "leak.c:31".into()));
        assert_eq!(said("All heap blocks were freed", "leak"), (0, "-".into()));
    }
}
