//! All vectors of one embedder in memory, searched one after the other: bytes first, then the best by floats.

use std::collections::HashMap;

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
        self.places.get(&number).and_then(|place| self.row(*place))
    }

    /// The numbers of all records that have a vector.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.places.keys().copied()
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
        if count == 0 || check(self.dimension, question).is_err() {
            return Vec::new();
        }
        let largest = question.iter().fold(0.0_f32, |most, it| most.max(it.abs()));
        if largest == 0.0 {
            return Vec::new();
        }
        let bytes: Vec<i8> = quantised(question, largest / 127.0).collect();
        let mut top = Top::new(count.saturating_add(AGAIN));
        let rows = self.bytes.chunks_exact(self.dimension).zip(&self.scales).zip(&self.alive);
        for (place, ((row, scale), alive)) in rows.enumerate() {
            #[allow(clippy::cast_precision_loss, reason = "at most 127 * 127 * the dimension")]
            let score = dot_bytes(row, &bytes) as f32 * scale;
            if score > top.least() && *alive && *scale > 0.0 && self.passes(place, &wanted) {
                top.push(score, place);
            }
        }
        self.again(question, top, count)
    }

    fn passes(&self, place: usize, wanted: &impl Fn(u64) -> bool) -> bool {
        self.numbers.get(place).is_some_and(|number| wanted(*number))
    }

    /// The best by floats among those that were best by bytes.
    fn again(&self, question: &[f32], top: Top, count: usize) -> Vec<(u64, f32)> {
        let exact = top
            .into_places()
            .filter_map(|place| Some((*self.numbers.get(place)?, dot(question, self.row(place)?))));
        let mut exact: Vec<(u64, f32)> = exact.collect();
        exact.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
        exact.truncate(count);
        exact
    }

    fn row(&self, place: usize) -> Option<&[f32]> {
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit(seed: u64, dimension: usize) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut row: Vec<f32> = (0..dimension)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 40) as f32 / (1 << 24) as f32 - 0.5
            })
            .collect();
        let length = row.iter().map(|it| it * it).sum::<f32>().sqrt();
        row.iter_mut().for_each(|it| *it /= length);
        row
    }

    #[test]
    fn bytes_and_floats_find_what_floats_alone_would() {
        let mut flat = Flat::new(64);
        for number in 1..=2_000 {
            flat.put(number, 0, &unit(number, 64)).unwrap();
        }
        let mut right = 0;
        for question in 0..40 {
            let question = unit(90_000 + question, 64);
            let mut all: Vec<(u64, f32)> =
                (1..=2_000).map(|it| (it, dot(&question, &unit(it, 64)))).collect();
            all.sort_by(|a, b| b.1.total_cmp(&a.1));
            let found = flat.search(&question, 10, |_| true);
            right += found.iter().filter(|it| all[..10].iter().any(|best| best.0 == it.0)).count();
        }
        assert!(right >= 398, "only {right} of 400 nearest were found");
    }

    #[test]
    fn a_filter_that_lets_few_through_still_gives_as_many_as_there_are() {
        let mut flat = Flat::new(16);
        for number in 1..=3_000 {
            flat.put(number, 0, &unit(number, 16)).unwrap();
        }
        let found = flat.search(&unit(5, 16), 50, |number| number % 100 == 0);
        assert_eq!(found.len(), 30);
        assert!(found.is_sorted_by(|a, b| a.1 >= b.1));
    }

    #[test]
    fn what_is_no_vector_is_refused_and_changes_nothing() {
        let mut flat = Flat::new(2);
        flat.put(1, 7, &[1.0, 0.0]).unwrap();
        for (vector, error) in [
            (vec![1.0], BadVector::Dimension { expected: 2, found: 1 }),
            (vec![1.0, f32::NAN], BadVector::NotFinite(1)),
            (vec![f32::INFINITY, 0.0], BadVector::NotFinite(0)),
        ] {
            assert_eq!(flat.put(1, 8, &vector), Err(error));
            assert!(flat.search(&vector, 1, |_| true).is_empty());
        }
        assert_eq!((flat.stamp(1), flat.len(), flat.dead()), (Some(7), 1, 0));
    }

    proptest! {
        #[test]
        fn only_the_last_vector_of_a_record_is_found(
            steps in proptest::collection::vec((1_u64..8, proptest::option::of(0_u64..100)), 1..60),
        ) {
            let mut flat = Flat::new(8);
            let mut model = std::collections::BTreeMap::new();
            for (number, seed) in steps {
                match seed {
                    Some(seed) => {
                        flat.put(number, seed as u32, &unit(seed, 8)).unwrap();
                        model.insert(number, seed);
                    }
                    None => {
                        flat.remove(number);
                        model.remove(&number);
                    }
                }
            }
            let found = flat.search(&unit(3, 8), 100, |_| true);
            let mut numbers: Vec<u64> = found.iter().map(|it| it.0).collect();
            numbers.sort_unstable();
            prop_assert_eq!(numbers, model.keys().copied().collect::<Vec<_>>());
            for (number, seed) in model {
                let held = flat.vector(number).map(<[f32]>::to_vec);
                prop_assert_eq!(held, Some(unit(seed, 8)));
            }
        }
    }
}
