// SPDX-License-Identifier: GPL-2.0

//! Another process, which is told what to do to its memory: a puppet of `super::puppet`.

use std::{
    collections::BTreeMap,
    env, fmt,
    io::{self, BufRead, BufReader, Write},
    os::unix::process::ExitStatusExt,
    process::{self, ChildStdin, ChildStdout, Command, Stdio},
};

/// The hidden subcommand that is executed.
pub const VERB: &str = "act";

/// Why there is no answer.
#[derive(Debug)]
pub enum Silent {
    /// It was killed, by a signal of this number.
    Killed(i32),
    /// It refused, or could not be asked.
    Refused(String),
}

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed(signal) => write!(f, "its child was killed by signal {signal}"),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

impl From<io::Error> for Silent {
    fn from(error: io::Error) -> Self {
        Self::Refused(format!("child: {error}"))
    }
}

/// What it answered.
#[derive(Debug, Default)]
pub struct Reply(BTreeMap<String, String>);

impl Reply {
    fn parse(text: &str) -> Self {
        let pairs = text.split_whitespace().filter_map(|word| {
            let (key, value) = word.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        });
        Self(pairs.collect())
    }

    /// A field; 0 where there is none.
    pub fn number(&self, key: &str) -> u64 {
        self.0
            .get(key)
            .and_then(|word| word.parse().ok())
            .unwrap_or(0)
    }

    /// A field with a fraction; 0 where there is none.
    pub fn real(&self, key: &str) -> f64 {
        self.0
            .get(key)
            .and_then(|word| word.parse().ok())
            .unwrap_or(0.0)
    }
}

/// The process; dropping it ends it, and its children with it.
pub struct Child {
    process: process::Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Child {
    /// Starts one.
    pub fn start() -> io::Result<Self> {
        Self::of(&mut Command::new(env::current_exe()?))
    }

    fn of(command: &mut Command) -> io::Result<Self> {
        let mut process = command
            .arg(VERB)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (to, from) = (process.stdin.take(), process.stdout.take());
        let (Some(to), Some(from)) = (to, from) else {
            return Err(io::Error::other("no pipe"));
        };
        Ok(Self {
            process,
            to,
            from: BufReader::new(from),
        })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Has it do something, and waits for the answer.
    pub fn ask(&mut self, line: &str) -> Result<Reply, Silent> {
        self.tell(line)?;
        self.hear()
    }

    /// Has it do something, and does not wait.
    pub fn tell(&mut self, line: &str) -> Result<(), Silent> {
        match self.to.write_all(format!("{line}\n").as_bytes()) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.end()),
        }
    }

    /// The answer to what it was told.
    pub fn hear(&mut self) -> Result<Reply, Silent> {
        let mut text = String::new();
        self.from.read_line(&mut text)?;
        match text.split_once(' ') {
            Some(("ok", fields)) => Ok(Reply::parse(fields)),
            Some(("error", why)) => Err(Silent::Refused(why.trim().to_owned())),
            _ => Err(self.end()),
        }
    }

    fn end(&mut self) -> Silent {
        match self.process.wait() {
            Ok(status) => match status.signal() {
                Some(signal) => Silent::Killed(signal),
                None => Silent::Refused(format!("its child ended, {status}")),
            },
            Err(error) => error.into(),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill(); // It may have ended.
        let _ = self.process.wait(); // As above, and then there is nothing to wait for.
    }
}
