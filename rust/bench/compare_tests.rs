// SPDX-License-Identifier: GPL-2.0

//! Comparisons that are stopped, or of which a part is refused.

#[kernel::macros::kunit_tests(memlab_compare)]
mod tests {
    use super::super::{
        break_even,
        compare,
        largest,
        Comparison, //
    };
    use crate::{
        bench::limits::limits,
        experiment::CATALOGUE,
        model::{
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
        assert!(request.is_some());
        if let Some(request) = request {
            let found = compare(&request, &|| true).ok();
            assert!(found.is_some_and(|found| {
                found.ending == Ending::Stopped && found.rows.is_empty() && found.largest.is_none()
            }));
            // The same in its tail.
            let tail = |stopped| {
                let mut found = Comparison::NOTHING;
                let to = Direction::ToDevice;
                let asked = break_even(&mut found, &request, &limits(), to, 100, &|| stopped);
                let largest = largest(&request, &|| stopped).is_some();
                (asked.is_ok(), found.break_even.len(), largest)
            };
            assert_eq!(tail(true), (true, 0, false));
            assert_eq!(tail(false), (true, 1, true));
        }
    }

    #[test]
    fn what_is_refused_ends_nothing() {
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
