//! The walls of calls, made once for all calls that have the same: a run has few, and making them is
//! otherwise most of what a decision costs.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::bounds::confinement;
use super::{Permissions, Walls};
use crate::contracts::Confinement;

/// Most walls that are remembered; the ones made last stay.
const MADE_MAX: usize = 16;

/// Walls that were made before. They follow from the widest walls and the bounds alone, so what is
/// remembered is what would be made anew.
#[derive(Debug, Default)]
pub(super) struct MadeWalls(ArcSwap<Vec<Made>>);

#[derive(Debug, Clone)]
struct Made {
    widest: Walls,
    bounds: Vec<Permissions>,
    walls: Arc<Confinement>,
}

impl MadeWalls {
    /// `widest`, narrowed by every one of `bounds`.
    pub(super) fn of(&self, widest: &Walls, bounds: &[Permissions]) -> Arc<Confinement> {
        let known = self.0.load();
        let same = |made: &&Made| {
            made.widest.fs == widest.fs && made.widest == *widest && made.bounds == bounds
        };
        if let Some(made) = known.iter().find(same) {
            return Arc::clone(&made.walls);
        }
        let walls = Arc::new(confinement(widest, bounds));
        let made =
            Made { widest: widest.clone(), bounds: bounds.to_vec(), walls: Arc::clone(&walls) };
        let others = known.iter().take(MADE_MAX - 1).cloned();
        // Two threads at once: one of them forgets what the other made, and makes it again.
        self.0.store(Arc::new(std::iter::once(made).chain(others).collect()));
        walls
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::{MADE_MAX, MadeWalls};
    use crate::contracts::FsAccess;
    use crate::policy::bounds::confinement;
    use crate::policy::{Permissions, Places, Walls};

    fn widest(root: &str, fs: FsAccess) -> Walls {
        let places = Places { root: root.into(), ..Places::default() };
        let (root, protected) = (places.root.clone(), places.protected());
        Walls { root, protected, unreadable: places.unreadable(), fs, ..Walls::default() }
    }

    fn bound(write: &[&str]) -> Vec<Permissions> {
        let write = Some(write.iter().map(PathBuf::from).collect());
        vec![Permissions { write, ..Permissions::default() }]
    }

    #[test]
    fn walls_of_one_call_are_never_those_of_another() {
        let made = MadeWalls::default();
        let mut asked = Vec::new();
        for root in ["/a", "/b", "/c"] {
            for fs in [FsAccess::None, FsAccess::Read, FsAccess::Write] {
                for bounds in [Vec::new(), bound(&[]), bound(&["/a/src"]), bound(&["/b"])] {
                    asked.push((widest(root, fs), bounds));
                }
            }
        }
        assert!(asked.len() > MADE_MAX);
        for (widest, bounds) in asked.iter().chain(&asked) {
            assert_eq!(*made.of(widest, bounds), confinement(widest, bounds));
        }
    }

    #[test]
    fn the_same_walls_are_made_once_and_few_are_kept() {
        let made = MadeWalls::default();
        let (own, bounds) = (widest("/a", FsAccess::Write), bound(&["/a/src"]));
        let first = made.of(&own, &bounds);
        assert!(Arc::ptr_eq(&first, &made.of(&own, &bounds)));
        for number in 0..2 * MADE_MAX {
            made.of(&widest(&format!("/{number}"), FsAccess::Read), &[]);
        }
        assert_eq!(made.0.load().len(), MADE_MAX);
        assert!(!Arc::ptr_eq(&first, &made.of(&own, &bounds)));
    }
}
