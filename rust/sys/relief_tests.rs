// SPDX-License-Identifier: GPL-2.0

//! What is held on purpose keeps to its cap, and is given back as far as the rule says.

#[kernel::macros::kunit_tests(memlab_relief)]
mod tests {
    use super::super::{
        Asks,
        Hoard,
        Holding,
        Holds,
        Piece,
        Rule,
        GO, //
    };
    use crate::sys::{
        alloc::Pages,
        memory::Spot, //
    };
    use kernel::prelude::*;

    /// So many pages are missing in one zone, and none in the others.
    struct Missing(Option<Spot>, u64);

    impl Rule for Missing {
        fn missing(&self, zone: Spot, _: Asks) -> u64 {
            if self.0 == Some(zone) {
                self.1
            } else {
                0
            }
        }
    }

    fn with_pages(pages: u64, missing: u64) -> Result<Hoard<Pages, Missing>> {
        let mut pieces = KVec::new();
        for _ in 0..pages {
            pieces.push(Pages::new(0)?, GFP_KERNEL)?;
        }
        let zone = pieces.first().map(|page: &Pages| page.zone());
        let hoard = Hoard::new((), pages, Missing(zone, missing))?;
        for piece in pieces {
            hoard.add(piece)?;
        }
        Ok(hoard)
    }

    #[test]
    fn no_more_is_held_than_the_cap_says() {
        let hoard = with_pages(3, 0);
        assert!(hoard.as_ref().is_ok_and(|hoard| hoard.held() == 3));
        if let (Ok(hoard), Ok(page)) = (&hoard, Pages::new(0)) {
            assert_eq!(hoard.add(page).err(), Some(ENOSPC));
            assert_eq!(hoard.held(), 3);
        }
    }

    #[test]
    fn to_hold_any_number_takes_no_memory_for_a_list() {
        assert!(Hoard::<Pages, _>::new((), u64::MAX, Missing(None, 0)).is_ok());
    }

    #[test]
    fn what_is_forgotten_is_called_no_more_when_the_module_goes() {
        let hoard = with_pages(1, 0);
        assert!(hoard.is_ok());
        if let Ok(hoard) = hoard {
            core::mem::forget(hoard);
            assert_eq!(Holding::end(), 1);
            assert!(with_pages(1, 0).is_err());
            drop(Holding::begin());
            // One that is dropped as it should be leaves nothing.
            assert!(with_pages(1, 0).is_ok());
            assert_eq!(Holding::end(), 0);
            drop(Holding::begin());
        }
    }

    #[test]
    fn what_is_missing_is_given_and_no_more() {
        let hoard = with_pages(8, 5);
        assert!(hoard.is_ok());
        if let Ok(hoard) = &hoard {
            assert_eq!(hoard.relief.inner().ask(Asks::Background, 2), 2);
            assert_eq!(hoard.relief.inner().ask(Asks::Caller, u64::MAX), 5);
            assert_eq!(hoard.held(), 1);
        }
        let hoard = with_pages(8, 0);
        assert!(
            hoard.is_ok_and(
                |hoard| hoard.relief.inner().ask(Asks::Caller, 8) == 0 && hoard.held() == 8
            )
        );
    }

    #[test]
    fn before_a_kill_a_part_is_given_whatever_the_rule_says() {
        let hoard = with_pages(8, 0);
        assert!(
            hoard.is_ok_and(|hoard| hoard.relief.inner().ask(Asks::BeforeKilling, u64::MAX) == 8)
        );
        let hoard = with_pages(GO + 8, 0);
        assert!(hoard.is_ok());
        if let Ok(hoard) = &hoard {
            assert_eq!(hoard.relief.inner().ask(Asks::BeforeKilling, u64::MAX), GO);
            assert_eq!(hoard.held(), 8);
        }
    }
}
