// SPDX-License-Identifier: GPL-2.0

//! The signals that end a watch, which then still says what it has seen.

use crate::error::{reason, Error, Kind, Result};
use std::sync::{atomic::AtomicBool, Arc};

/// Becomes true with the first of them.
pub fn first() -> Result<Arc<AtomicBool>> {
    let came = Arc::new(AtomicBool::new(false));
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&came))
            .map_err(|error| Error::new(Kind::File, format!("signals: {}", reason(&error))))?;
    }
    Ok(came)
}
