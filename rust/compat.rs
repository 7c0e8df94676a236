// SPDX-License-Identifier: GPL-2.0

//! What differs between the kernels that this is built for: 7.3, the base, and 7.2.
//!
//! Kbuild passes `memlab_linux_7_2`.

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
