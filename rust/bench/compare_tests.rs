// SPDX-License-Identifier: GPL-2.0

//! Comparisons that are stopped, or of which a part is refused.

#[kernel::macros::kunit_tests(memlab_compare)]
mod tests {
    use super::super::compare;
    use crate::{
        bench::limits::limits,
        experiment::CATALOGUE,
        model::{
            break_even::{
                BreakEven,
                Choice, //
            },
            compare_request::{
                CompareRequest,
                Places,
                Selection, //
            },
            outcome::Ending,
            request::{
                Direction,
                Directions,
                Errno, //
            },
            text::Text, //
        },
        settings,
    };

    /// A short comparison of experiments `names`, at 4 KiB.
    fn request(names: &[&str]) -> Option<CompareRequest> {
        let mut request = CompareRequest::new(&limits());
        let named = CATALOGUE.iter().enumerate();
        let mut places = Places::NONE;
        for (place, _) in named.filter(|(_, info)| names.contains(&info.name)) {
            assert!(places.insert(place));
        }
        request.experiments = Selection::Named(places);
        request.directions = Directions::NONE.with(Direction::ToDevice);
        request.set_time(200, &limits()).ok()?;
        request.set_sizes([Ok(4096)].into_iter()).ok()?;
        Some(request)
    }

    #[test]
    fn a_stop_leaves_no_figure_that_was_not_tried() {
        let request = request(&["dma-single", "dma-copy"]);
        let found = |stopped| compare(request.as_ref()?, &|| stopped).ok();
        assert!(found(true).is_some_and(|found| {
            let even = found.break_even.iter();
            let missing = |even: &BreakEven| {
                let mut runs = even.runs().iter();
                runs.all(|run| run.choice == Choice::Missing)
            };
            found.ending == Ending::Stopped
                && found.rows.is_empty()
                && found.largest.is_none()
                && even.clone().all(missing)
        }));
        // A whole one tries how much of the CMA area can be had: not in a kernel that somebody uses.
        if !settings::get().kunit {
            return;
        }
        assert!(found(false).is_some_and(|found| {
            let mut rounds = found.rows.iter().filter_map(|row| row.cost());
            found.ending == Ending::Complete
                && found.break_even.len() == 1
                && found.largest.is_some()
                && rounds.all(|cost| cost.is_enough())
        }));
    }

    #[test]
    fn what_is_refused_ends_nothing() {
        // Not in a kernel that somebody uses.
        if !settings::get().kunit {
            return;
        }
        // No IOMMU translates for the module's own device.
        let request = request(&["dma-iova", "dma-single"]);
        let found = request.and_then(|request| compare(&request, &|| false).ok());
        assert!(found.is_some());
        if let Some(found) = found {
            assert_eq!(found.ending, Ending::Complete);
            assert_eq!((found.rows.len(), found.refused.len()), (1, 1));
        }
    }

    #[test]
    fn a_device_that_is_not_lent_refuses_it_all() {
        let mut request = request(&["kmalloc"]);
        if let Some(request) = &mut request {
            request.device = Text::new("nowhere");
        }
        let refusal = request.and_then(|request| compare(&request, &|| false).err());
        assert_eq!(refusal.map(|refusal| refusal.errno), Some(Errno::NoDevice));
    }
}
