//! All vectors of one embedder in memory, searched one after the other: bytes first, then the best by floats.

use std::collections::HashMap;

use super::graph::Graph;
use super::kernel::{dot, dot_bytes};
use super::top::Top;

/// Why a vector was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadVector {
    /// It has another number of dimensions.
    #[error("it has {found} dimensions, and the index has {expected}")]
    Dimension {
        /// What the index has.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// A number in it is none, or has no end.
    #[error("number {0} of it is not finite")]
    NotFinite(usize),
}

/// So many more than wanted are looked at again with floats.
const AGAIN: usize = 40;
/// So many points of a graph are kept in sight at least: .985 of the ten nearest of 100,000 rows are found then,
/// and .992 of 10,000; see `docs/benchmarks.md`.
const WIDE_MIN: usize = 400;
/// When more would have to be, looking at every row costs no more.
const WIDE_MAX: usize = 2_048;
/// So many rows are held against a filter to see how many it lets through.
const SAMPLED: usize = 128;
/// When more of the best than so many times those wanted have to be kept for a filter, it is asked of every row.
const REACH_MAX: usize = 4;
/// The vectors, in the order in which they came.
#[derive(Debug, Default)]
pub struct Flat {
    dimension: usize,
    numbers: Vec<u64>,
    stamps: Vec<u32>,
    alive: Vec<bool>,
    bytes: Vec<i8>,
    scales: Vec<f32>,
    floats: Vec<f32>,
    places: HashMap<u64, usize>,
    /// Changes whenever places are counted anew.
    epoch: u64,
}

impl Flat {
    /// No vectors yet, of `dimension` numbers each.
    #[must_use]
    pub fn new(dimension: usize) -> Self {
        Self { dimension, ..Self::default() }
    }

    /// How many numbers a vector has.
    #[must_use]
    pub const fn dimension(&self) -> usize {
        self.dimension
    }

    /// How many records have a vector.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether no record has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many places are held by vectors of nobody.
    #[must_use]
    pub fn dead(&self) -> usize {
        self.numbers.len() - self.places.len()
    }

    /// What the record's vector was made of, if it has one; see [`crate::memory::Entry`].
    #[must_use]
    pub fn stamp(&self, number: u64) -> Option<u32> {
        self.places.get(&number).and_then(|place| self.stamps.get(*place)).copied()
    }

    /// The record's vector.
    #[must_use]
    pub fn vector(&self, number: u64) -> Option<&[f32]> {
        self.places.get(&number).and_then(|place| self.floats(*place))
    }

    /// The numbers of all records that have a vector.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.places.keys().copied()
    }

    /// How many places there are, those of nobody counted as well.
    pub(super) const fn places(&self) -> usize {
        self.numbers.len()
    }

    /// Where the record's vector is, if it was made of what the stamp says.
    pub(super) fn place_of(&self, number: u64, stamp: u32) -> Option<u32> {
        let place = *self.places.get(&number)?;
        (self.stamps.get(place) == Some(&stamp)).then(|| u32::try_from(place).ok()).flatten()
    }

    /// Whether the vector at a place is somebody's.
    pub(super) fn is_alive(&self, place: usize) -> bool {
        self.alive.get(place).is_some_and(|alive| *alive)
    }

    /// The bytes at a place, and what they are multiplied with.
    pub(super) fn bytes(&self, place: usize) -> Option<(&[i8], f32)> {
        let from = place.checked_mul(self.dimension)?;
        Some((self.bytes.get(from..from.checked_add(self.dimension)?)?, *self.scales.get(place)?))
    }

    /// Which way of counting places this is; another one when they were put together.
    pub(super) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The records, their stamps, bytes and scales, in the order of their places.
    pub(super) fn rows(&self) -> impl Iterator<Item = ((u64, u32), &[i8], f32)> {
        let known = self.numbers.iter().copied().zip(self.stamps.iter().copied());
        let bytes = self.bytes.chunks_exact(self.dimension.max(1)).zip(self.scales.iter().copied());
        let alive = known.zip(bytes).zip(&self.alive).filter(|(_, alive)| **alive);
        alive.map(|((known, (bytes, scale)), _)| (known, bytes, scale))
    }

    /// The same vectors close together, in the order of their records.
    pub(super) fn tidied(&self) -> Self {
        let mut close = Self { epoch: self.epoch + 1, ..Self::new(self.dimension) };
        let mut numbers: Vec<u64> = self.numbers().collect();
        numbers.sort_unstable();
        for number in numbers {
            if let (Some(stamp), Some(vector)) = (self.stamp(number), self.vector(number)) {
                // It was taken before, so it is taken again.
                let _: Result<(), BadVector> = close.put(number, stamp, vector);
            }
        }
        close
    }

    /// No vectors, where there were others.
    pub(super) fn emptied(&self) -> Self {
        Self { epoch: self.epoch + 1, ..Self::new(self.dimension) }
    }

    /// Gives the record this vector, instead of the one it may have had.
    ///
    /// # Errors
    /// When it is no vector of this index; then nothing changed.
    pub fn put(&mut self, number: u64, stamp: u32, vector: &[f32]) -> Result<(), BadVector> {
        check(self.dimension, vector)?;
        self.remove(number);
        let largest = vector.iter().fold(0.0_f32, |most, it| most.max(it.abs()));
        let scale = largest / 127.0;
        self.bytes.extend(quantised(vector, scale));
        self.scales.push(scale);
        self.floats.extend_from_slice(vector);
        self.places.insert(number, self.numbers.len());
        self.numbers.push(number);
        self.stamps.push(stamp);
        self.alive.push(true);
        Ok(())
    }

    /// Takes the record's vector away.
    pub fn remove(&mut self, number: u64) {
        if let Some(alive) = self.places.remove(&number).and_then(|at| self.alive.get_mut(at)) {
            *alive = false;
        }
    }

    /// The `count` records nearest to `question` among those that `wanted` lets through, with their cosines,
    /// nearest first. Fewer only when there are not so many.
    #[must_use]
    pub fn search(
        &self,
        question: &[f32],
        count: usize,
        wanted: impl Fn(u64) -> bool,
    ) -> Vec<(u64, f32)> {
        let Some(bytes) = self.asked(question, count) else { return Vec::new() };
        let all = || 0..self.places();
        let most = self.reach(count, &wanted).and_then(|reach| {
            let best = self.best(all(), &bytes, reach, |_| true);
            self.passing(question, best, count, &wanted)
        });
        most.unwrap_or_else(|| {
            let pass = |place| self.passes(place, &wanted);
            let best = self.best(all(), &bytes, count.saturating_add(AGAIN), pass);
            self.again(question, best.into_places(), count)
        })
    }

    /// As [`Flat::search`], looking only at rows to which a graph leads and at those beside it. Nothing when
    /// that would find too few: because the graph is of other places, or the filter lets few through.
    pub(super) fn search_with(
        &self,
        graph: &Graph,
        question: &[f32],
        count: usize,
        wanted: impl Fn(u64) -> bool,
    ) -> Option<Vec<(u64, f32)>> {
        if !graph.fits(self) {
            return None;
        }
        let Some(bytes) = self.asked(question, count) else { return Some(Vec::new()) };
        let reach = self.reach(count, &wanted).filter(|reach| *reach <= WIDE_MAX)?;
        let led = graph.nearest(self, &bytes, reach.max(WIDE_MIN));
        let places = led.into_iter().chain(graph.beside(self));
        self.passing(question, self.best(places, &bytes, reach, |_| true), count, &wanted)
    }

    /// So many of the best have to be kept that enough of them pass the filter, which is asked of these alone;
    /// nothing when few pass.
    fn reach(&self, count: usize, wanted: &impl Fn(u64) -> bool) -> Option<usize> {
        let step = (self.places() / SAMPLED).max(1);
        let places = (0..self.places()).step_by(step).filter(|place| self.is_alive(*place));
        let (alive, passing) = places.fold((0_usize, 0_usize), |(alive, passing), place| {
            (alive + 1, passing + usize::from(self.passes(place, wanted)))
        });
        // A sample is not exact: somewhat more.
        let kept = count.saturating_add(AGAIN).saturating_mul(9) / 8;
        let reach = kept.saturating_mul(alive).checked_div(passing)?;
        (reach <= kept.saturating_mul(REACH_MAX)).then_some(reach)
    }

    /// The best `count` by bytes of the rows at these places that are somebody's and pass.
    fn best(
        &self,
        places: impl Iterator<Item = usize>,
        question: &[i8],
        count: usize,
        pass: impl Fn(usize) -> bool,
    ) -> Top {
        let mut top = Top::new(count);
        for place in places {
            let Some((row, scale)) = self.bytes(place) else { continue };
            #[allow(clippy::cast_precision_loss, reason = "at most 127 * 127 * the dimension")]
            let score = dot_bytes(row, question) as f32 * scale;
            if score > top.least() && scale > 0.0 && self.is_alive(place) && pass(place) {
                top.push(score, place);
            }
        }
        top
    }

    /// Those of the best that pass, if these are enough.
    fn passing(
        &self,
        question: &[f32],
        best: Top,
        count: usize,
        wanted: &impl Fn(u64) -> bool,
    ) -> Option<Vec<(u64, f32)>> {
        let passing = best.into_places().filter(|place| self.passes(*place, wanted));
        let passing: Vec<usize> = passing.collect();
        (passing.len() >= count.min(self.len()))
            .then(|| self.again(question, passing.into_iter(), count))
    }

    /// A question as bytes; nothing when there is nothing to look for.
    fn asked(&self, question: &[f32], count: usize) -> Option<Vec<i8>> {
        if count == 0 || check(self.dimension, question).is_err() {
            return None;
        }
        let largest = question.iter().fold(0.0_f32, |most, it| most.max(it.abs()));
        (largest > 0.0).then(|| quantised(question, largest / 127.0).collect())
    }

    fn passes(&self, place: usize, wanted: &impl Fn(u64) -> bool) -> bool {
        self.numbers.get(place).is_some_and(|number| wanted(*number))
    }

    /// The best by floats among those that were best by bytes.
    fn again(
        &self,
        question: &[f32],
        places: impl Iterator<Item = usize>,
        count: usize,
    ) -> Vec<(u64, f32)> {
        let exact = places.filter_map(|place| {
            Some((*self.numbers.get(place)?, dot(question, self.floats(place)?)))
        });
        let mut exact: Vec<(u64, f32)> = exact.collect();
        exact.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
        exact.truncate(count);
        exact
    }

    /// The vector at a place.
    pub(super) fn floats(&self, place: usize) -> Option<&[f32]> {
        let from = place.checked_mul(self.dimension)?;
        self.floats.get(from..from.checked_add(self.dimension)?)
    }
}

/// Refuses what is no vector of `dimension` finite numbers.
pub(super) fn check(dimension: usize, vector: &[f32]) -> Result<(), BadVector> {
    if vector.len() != dimension {
        return Err(BadVector::Dimension { expected: dimension, found: vector.len() });
    }
    match vector.iter().position(|it| !it.is_finite()) {
        Some(place) => Err(BadVector::NotFinite(place)),
        None => Ok(()),
    }
}

fn quantised(vector: &[f32], scale: f32) -> impl Iterator<Item = i8> + '_ {
    let back = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    #[allow(clippy::cast_possible_truncation, reason = "it is held between -127 and 127")]
    vector.iter().map(move |it| (it * back).round().clamp(-127.0, 127.0) as i8)
}

#[cfg(test)]
mod tests;
