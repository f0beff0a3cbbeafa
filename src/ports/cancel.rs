//! A request to stop, shared between the one who asks and those at work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Cloned freely; once set it stays set.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    requested: AtomicBool,
    parent: Option<Cancel>,
}

impl Cancel {
    /// Asks everybody who holds a clone or a child to stop.
    pub fn request(&self) {
        self.0.requested.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked to stop, here or at a parent.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::SeqCst)
            || self.0.parent.as_ref().is_some_and(Self::is_requested)
    }

    /// One that stops when this one does, and can be stopped alone.
    #[must_use]
    pub fn child(&self) -> Self {
        let parent = Some(self.clone());
        Self(Arc::new(Flag { requested: AtomicBool::new(false), parent }))
    }
}

#[cfg(test)]
mod tests {
    use super::Cancel;

    #[test]
    fn a_child_stops_with_its_parent_and_not_the_other_way_round() {
        let parent = Cancel::default();
        let (one, other) = (parent.child(), parent.child());
        one.request();
        assert!(one.is_requested() && !parent.is_requested() && !other.is_requested());
        parent.request();
        assert!(other.is_requested());
    }
}
