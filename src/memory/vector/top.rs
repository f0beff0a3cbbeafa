//! The best of many scores, without sorting them all.

/// Keeps the `count` highest scores with their places.
#[derive(Debug)]
pub(super) struct Top {
    count: usize,
    least: f32,
    kept: Vec<(f32, usize)>,
}

impl Top {
    /// Keeps nothing yet.
    pub(super) fn new(count: usize) -> Self {
        Self { count: count.max(1), least: f32::NEG_INFINITY, kept: Vec::new() }
    }

    /// A score that is not above this need not be handed in.
    pub(super) const fn least(&self) -> f32 {
        self.least
    }

    /// Keeps it, until enough are better.
    pub(super) fn push(&mut self, score: f32, place: usize) {
        self.kept.push((score, place));
        if self.kept.len() >= self.count.saturating_mul(2) {
            self.shrink();
        }
    }

    /// The places, in no order.
    pub(super) fn into_places(mut self) -> impl Iterator<Item = usize> {
        self.shrink();
        self.kept.into_iter().map(|(_, place)| place)
    }

    fn shrink(&mut self) {
        if self.kept.len() <= self.count {
            return;
        }
        self.kept.select_nth_unstable_by(self.count - 1, |a, b| b.0.total_cmp(&a.0));
        self.kept.truncate(self.count);
        self.least = self.kept.last().map_or(self.least, |(score, _)| *score);
    }
}
