// SPDX-License-Identifier: GPL-2.0

//! What looking returns.

/// What was seen, or why it could not be looked at, in words.
pub type Look<T> = Result<T, String>;
