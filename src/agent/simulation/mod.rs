//! Seeded simulation: random programs in a scripted world, crashed after every event and continued.
//!
//! The world plays driver, tools, people and called runs. It remembers how often each effect really
//! happened, which the journal may not know: a crash between `call.started` and `call.finished` loses
//! the answer, not the effect.

mod checks;
mod driver;
pub(super) mod events;
mod programs;
mod scripts;

use std::sync::Arc;

use proptest::prelude::*;

use super::{RunState, fold, wanted};
use crate::contracts::{EventBody, Timestamp};

pub(super) use driver::{Driver, Signal};
use events::{interrupted, started};
use programs::Entropy;
pub(super) use scripts::{Child, Script, Scripts, World};

/// What a journal folds to.
pub(super) fn folded(program: &Arc<super::program::Program>, journal: &[EventBody]) -> RunState {
    let mut state = RunState::new(Arc::clone(program));
    for event in journal {
        fold(&mut state, Timestamp::from_ms(0), event).expect("the journal folds");
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn every_crash_point_leads_to_an_end_without_repeating_what_must_not_be(
        shape in proptest::collection::vec(any::<u8>(), 0..200),
        choices in proptest::collection::vec(any::<u8>(), 1..64),
    ) {
        let (program, scripts) = programs::arbitrary(&mut Entropy::new(&shape));
        let program = Arc::new(program);
        let signals = driver::signals(&choices);
        let world = World::new(&scripts);
        let mut whole = Driver::new(&program, world, vec![started()], &choices, signals);
        whole.keep_snapshots();
        whole.run();
        prop_assert!(whole.state.reported, "an uncrashed run ends: {:?}", wanted(&whole.state));
        checks::all(&folded(&program, &whole.journal).program, &whole.journal, &whole.world)?;
        for (length, world) in std::mem::take(&mut whole.snapshots) {
            let mut journal = whole.journal[..length].to_vec();
            let (before, again) = (folded(&program, &journal), folded(&program, &journal));
            prop_assert_eq!(wanted(&before), wanted(&again));
            prop_assert_eq!(&before.nodes, &again.nodes);
            if before.reported {
                continue;
            }
            journal.push(interrupted());
            let mut crashed = Driver::new(&program, world, journal, &choices, Vec::new());
            crashed.run();
            prop_assert!(
                crashed.state.reported,
                "crash after {length}: stuck with {:?} as {:?}",
                wanted(&crashed.state), crashed.state.status()
            );
            let went_by = folded(&program, &crashed.journal).program;
            checks::all(&went_by, &crashed.journal, &crashed.world)?;
        }
    }
}
