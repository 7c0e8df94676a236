// SPDX-License-Identifier: GPL-2.0

//! States of memory on the kernel that the module is loaded into: what is held, and that it goes.

#[kernel::macros::kunit_tests(memlab_scenario)]
mod tests {
    use super::super::Scenario;
    use crate::{
        model::{
            cma::{
                Cause,
                Finding, //
            },
            request::Refusal,
            scenario::{
                End,
                State,
                Wish, //
            },
            text::Text, //
        },
        probe,
        sys::cma::Area,
    };

    fn make(state: State, share: u64) -> Result<Scenario, Refusal> {
        let wish = Wish {
            state,
            share,
            device: Text::EMPTY,
        };
        Scenario::make(&wish, &|| false)
    }

    fn area() -> Option<Area> {
        probe::area::of_named(Text::EMPTY).ok()
    }

    fn cause(found: &Finding) -> Option<Cause> {
        found.attempt.cause()
    }

    #[test]
    fn fragment_keeps_to_its_cap() {
        let made = make(State::Fragment { order: 2 }, 1);
        assert!(made.is_ok());
        if let Ok(made) = &made {
            let held = made.held();
            assert!(held.held > 0);
            assert!(held.held <= held.cap);
            assert_eq!(held.held, held.taken);
            assert!(matches!(held.end, End::Cap | End::Exhausted));
        }
    }

    #[test]
    fn what_is_told_to_stop_holds_nothing_more() {
        let wish = Wish {
            state: State::Fragment { order: 1 },
            share: 1,
            device: Text::EMPTY,
        };
        let made = Scenario::make(&wish, &|| true);
        assert!(made.is_ok_and(|made| made.was_stopped() && made.held().held == 0));
    }

    #[test]
    fn pressure_needs_the_parameter() {
        let refusal = make(State::Pressure { mark: 1 }, 1).err();
        assert!(refusal.is_some_and(|no| no.message.as_str().contains("allow_pressure=1")));
    }

    #[test]
    fn a_full_area_says_so_and_is_given_back() {
        // Not in a kernel that somebody uses.
        if !crate::settings::get().kunit {
            return;
        }
        let area = area();
        let before = area.and_then(|area| probe::cma::probe(area, &|| false));
        assert!(area.is_some() && before.is_some());
        if let (Some(area), Some(before)) = (area, before) {
            // One page more than the longest run: what is left, or the area, has no more.
            let known = [Cause::Full, Cause::Fragmented, Cause::Larger];
            assert!(cause(&before).is_some_and(|cause| known.contains(&cause)));
            let total = before.attempt.seen.map_or(0, |seen| seen.total);
            assert!(before.largest > total / 2);
            // CAST: Pages of one area.
            let larger = probe::cma::find(area, total as usize + 1, 0, &|| false);
            assert_eq!(cause(&larger), Some(Cause::Larger));
            let made = make(State::FillCma { order: None }, 75);
            assert!(made.is_ok());
            if let Ok(made) = &made {
                let held = made.held();
                assert!(held.held <= held.cap);
                let half = probe::cma::find(area, total as usize / 2, 0, &|| false);
                assert_eq!(cause(&half), Some(Cause::Full));
            }
            drop(made);
            let again = probe::cma::find(area, before.largest as usize, 0, &|| false);
            assert_eq!(cause(&again), None);
        }
    }

    #[test]
    fn an_area_in_pieces_is_fragmented() {
        // Not in a kernel that somebody uses.
        if !crate::settings::get().kunit {
            return;
        }
        let area = area();
        assert!(area.is_some());
        if let Some(area) = area {
            let made = make(State::FillCma { order: Some(9) }, 80);
            assert!(made.is_ok());
            let found = probe::cma::find(area, 2 << 9, 0, &|| false);
            assert_eq!(cause(&found), Some(Cause::Fragmented));
            assert!(found.largest < 2 << 9);
            let fits = probe::cma::find(area, 1 << 9, 0, &|| false);
            assert_eq!(cause(&fits), None);
        }
    }
}
