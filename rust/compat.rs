// SPDX-License-Identifier: GPL-2.0

//! What differs between the kernels that this is built for: 7.3, the base, and 7.2.
//!
//! Kbuild passes `memlab_linux_7_2`.

use kernel::{
    bindings,
    prelude::*, //
};

/// What a PCI driver's probe is told of the table's entry that matched.
#[cfg(all(CONFIG_PCI, not(memlab_linux_7_2)))]
pub(crate) type PciMatch<'a> = Option<&'a ()>;
/// What a PCI driver's probe is told of the table's entry that matched. 7.2 looks one up even where
/// `driver_override` matched: the table must have a first entry.
#[cfg(all(CONFIG_PCI, memlab_linux_7_2))]
pub(crate) type PciMatch<'a> = &'a ();

/// A table of PCI devices, without data of their own.
#[cfg(all(CONFIG_PCI, not(memlab_linux_7_2)))]
macro_rules! pci_table {
    ($name:ident, [$($id:expr),*]) => {
        kernel::pci_device_table!($name, (), [$(($id, ())),*]);
    };
}
/// A table of PCI devices, without data of their own.
#[cfg(all(CONFIG_PCI, memlab_linux_7_2))]
macro_rules! pci_table {
    ($name:ident, [$($id:expr),*]) => {
        kernel::pci_device_table!($name, MODULE_TABLE, (), [$(($id, ())),*]);
    };
}

#[cfg(CONFIG_PCI)]
pub(crate) use pci_table;

/// Initialises the memory behind a pointer by a pinned initialiser; as unsafe as the method is.
#[cfg(not(memlab_linux_7_2))]
macro_rules! init_pinned {
    ($init:expr, $slot:expr) => {
        $init.__init($slot)
    };
}
/// Initialises the memory behind a pointer by a pinned initialiser; as unsafe as the method is.
#[cfg(memlab_linux_7_2)]
macro_rules! init_pinned {
    ($init:expr, $slot:expr) => {
        $init.__pinned_init($slot)
    };
}

pub(crate) use init_pinned;

/// Registers of a PCI device, at hand until it is unbound.
#[cfg(all(CONFIG_PCI, not(memlab_linux_7_2)))]
pub(crate) type Registers<const SIZE: usize> = kernel::pci::DevresBar<SIZE>;
/// Registers of a PCI device, at hand until it is unbound.
#[cfg(all(CONFIG_PCI, memlab_linux_7_2))]
pub(crate) type Registers<const SIZE: usize> =
    kernel::devres::Devres<kernel::pci::Bar<'static, SIZE>>;

/// What an interrupt handler returns.
#[cfg(CONFIG_PCI)]
pub(crate) fn irq_return(handled: bool) -> bindings::irqreturn_t {
    #[cfg(memlab_linux_7_2)]
    return u32::from(handled);
    #[cfg(not(memlab_linux_7_2))]
    bindings::irqreturn(u32::from(handled))
}

/// `ECANCELED`, which not every kernel's Rust side has a constant for.
pub(crate) fn canceled() -> Error {
    // CAST: An errno is below 4096.
    Error::from_errno(-(bindings::ECANCELED as i32))
}

/// `EOPNOTSUPP`, likewise.
pub(crate) fn not_supported() -> Error {
    // CAST: An errno is below 4096.
    Error::from_errno(-(bindings::EOPNOTSUPP as i32))
}

/// `EBADMSG`, likewise.
#[cfg(CONFIG_PCI)]
pub(crate) fn bad_message() -> Error {
    // CAST: An errno is below 4096.
    Error::from_errno(-(bindings::EBADMSG as i32))
}
