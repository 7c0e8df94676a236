// SPDX-License-Identifier: GPL-2.0

//! What the module was loaded with. `memlab.rs` reads its parameters once, as the first thing that
//! it does, and leaves them here for everybody.

use kernel::sync::SetOnce;

/// The module's version and its parameters.
pub(crate) struct Settings {
    /// The module's version, in every result's provenance.
    pub(crate) version: &'static str,
    /// Most operations that a run may measure, per thread.
    pub(crate) max_iterations: u64,
    /// Longest run, in ms.
    pub(crate) max_time: u64,
    /// Most threads of a run; 0 for four times the CPUs.
    pub(crate) max_threads: u32,
    /// Most bytes that a run may hold at a time.
    pub(crate) max_memory: u64,
    /// DMA mask of an edu, in bits.
    pub(crate) edu_mask: u32,
    /// Whether the module's own device is coherent; `None` for what the first host bridge is.
    pub(crate) coherent: Option<bool>,
    /// Whether the machine may be made short of memory.
    pub(crate) allow_pressure: bool,
    /// Whether KUnit cases may take most of what there is.
    #[cfg_attr(not(CONFIG_KUNIT = "y"), expect(dead_code, reason = "there are none"))]
    pub(crate) kunit: bool,
}

static SETTINGS: SetOnce<Settings> = SetOnce::new();

/// Of a module that has set none.
static NONE: Settings = Settings {
    version: "",
    max_iterations: 0,
    max_time: 0,
    max_threads: 0,
    max_memory: 0,
    edu_mask: 0,
    coherent: None,
    allow_pressure: false,
    kunit: false,
};

/// Sets them, once.
pub(crate) fn set(settings: Settings) {
    SETTINGS.populate(settings);
}

/// What was set.
pub(crate) fn get() -> &'static Settings {
    SETTINGS.as_ref().unwrap_or(&NONE)
}
