// SPDX-License-Identifier: GPL-2.0

//! What a machine is, by what it says of itself.

use memlab_model::model::provenance::{
    Machine,
    Signs, //
};

const REAL: Signs<'static> = Signs {
    signature: "",
    product: "",
    virtual_board: false,
    emulated: false,
    cpu_id: 0x411f_d070,
};

#[test]
fn an_emulated_machine_says_so_by_cpu_or_firmware() {
    let acpi = Signs {
        product: "QEMU Virtual Machine",
        ..REAL
    };
    assert_eq!(acpi.machine(), (Machine::Tcg, "QEMU"));
    let max = Signs {
        emulated: true,
        virtual_board: true,
        cpu_id: 0x000f_0510,
        ..REAL
    };
    assert_eq!(max.machine(), (Machine::Tcg, "QEMU"));
    let x86 = Signs {
        signature: "TCGTCGTCGTCG",
        cpu_id: 0,
        ..REAL
    };
    assert_eq!(x86.machine().0, Machine::Tcg);
}

#[test]
fn a_hypervisor_is_none_of_them() {
    let mut guest = Signs {
        product: "KVM Virtual Machine",
        ..REAL
    };
    assert_eq!(guest.machine(), (Machine::Hypervisor, "KVM"));
    guest.product = "";
    guest.signature = "KVM";
    guest.virtual_board = true;
    assert_eq!(guest.machine(), (Machine::Hypervisor, "KVM"));
}

#[test]
fn what_says_too_little_is_not_known() {
    let board = Signs {
        virtual_board: true,
        ..REAL
    };
    assert_eq!(board.machine(), (Machine::Unknown, "qemu-virt"));
    // QEMU on macOS has the same firmware and runs on the CPU itself.
    let passed = Signs {
        product: "QEMU Virtual Machine",
        cpu_id: 0x610f_0000,
        ..REAL
    };
    assert_eq!(passed.machine().0, Machine::Unknown);
    assert_eq!(REAL.machine(), (Machine::Native, ""));
}
