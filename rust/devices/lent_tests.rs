// SPDX-License-Identifier: GPL-2.0

//! Loans, leases and looks.

#[kernel::macros::kunit_tests(memlab_devices)]
mod tests {
    use crate::{
        devices::lent,
        model::{
            refusal::Errno,
            text::Text, //
        },
        sys::machine, //
    };

    #[test]
    fn the_module_lends_a_device_of_its_own() {
        let lease = lent::lease(Text::EMPTY);
        assert!(lease.is_ok());
        if let Ok(lease) = lease {
            assert!(!lease.recalled());
            assert_eq!(lease.device().name().to_bytes(), b"memlab".as_slice());
            // A second lease beside it is a matter of counting.
            assert!(lent::lease(Text::new("memlab")).is_ok());
        }
        let refused = lent::lease(Text::new("nowhere")).err();
        assert!(refused.is_some_and(|refusal| refusal.errno == Errno::NoDevice));
    }

    #[test]
    fn a_device_with_another_mask_has_one_user() {
        let masked = |bits| lent::lease(Text::EMPTY).ok()?.masked(bits).ok();
        let narrow = masked(33);
        assert!(narrow.is_some());
        if let Some(narrow) = narrow {
            assert_eq!(machine::dma(narrow.device()).mask, (1 << 33) - 1);
            assert!(lent::lease(Text::EMPTY).is_err());
            // A look at it disturbs nobody.
            let look = lent::look(Text::EMPTY);
            assert!(look.is_ok_and(|look| look.dma().mask == (1 << 33) - 1));
        }
        // Whoever has memory of the device keeps others from changing its mask.
        let other = lent::lease(Text::EMPTY);
        assert!(other.is_ok_and(|other| {
            machine::dma(other.device()).mask == u64::MAX && masked(33).is_none()
        }));
    }
}
