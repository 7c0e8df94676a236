// SPDX-License-Identifier: GPL-2.0

//! What is said of a kernel that no guest here can be.

#[kernel::macros::kunit_tests(memlab_provenance)]
mod tests {
    use super::super::{
        distorting,
        string,
        Debug, //
    };

    /// Whether `name` is one of those that are said where `on` is what the kernel says.
    fn says(on: &Debug, name: &str) -> bool {
        distorting(on).as_str().split(',').any(|one| one == name)
    }

    #[test]
    fn a_confidential_guest_is_named() {
        // There each coherent buffer is decrypted page by page, and its pages are lost where that
        // fails (kernel/dma/direct.c).
        let mut on = pin_init::zeroed::<Debug>();
        assert!(!says(&on, "confidential-guest"));
        assert!(!says(&on, "memory-encryption"));
        on.confidential = true;
        assert!(says(&on, "confidential-guest"));
        assert!(!says(&on, "memory-encryption"));
        on.encryption = true;
        assert!(says(&on, "memory-encryption"));
    }

    #[test]
    fn what_is_on_is_named_and_nothing_that_is_off() {
        type Switch = fn(&mut Debug);
        let switches: [(&str, Switch); 6] = [
            ("DMA_API_DEBUG", |on| on.dma_debug = true),
            ("PROVE_LOCKING", |on| on.locks = true),
            ("slab_debug", |on| on.slab_debug = true),
            ("page_owner", |on| on.page_owner = true),
            ("function-tracing", |on| on.traced = true),
            ("kfence=100ms", |on| on.kfence_ms = 100),
        ];
        for (name, switch) in switches {
            let mut on = pin_init::zeroed::<Debug>();
            assert!(!says(&on, name));
            switch(&mut on);
            assert!(says(&on, name));
        }
    }

    #[test]
    fn a_string_of_c_ends_at_its_zero() {
        assert_eq!(string(b"acpi_pm\0rest\0"), "acpi_pm");
        assert_eq!(string(b"\0"), "");
    }
}
