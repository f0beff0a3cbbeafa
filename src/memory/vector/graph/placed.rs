//! A graph laid over the rows that are in memory, and searched.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::drawn::Drawn;
use crate::memory::vector::flat::Flat;
use crate::memory::vector::kernel::dot_bytes;

/// A point whose records all are gone: it is passed over.
const NOBODY: u32 = u32::MAX;

/// Which rows the graph reaches, and how.
#[derive(Debug)]
pub(in crate::memory::vector) struct Graph {
    drawn: Arc<Drawn>,
    /// The rows of the vectors in memory are counted anew when they are put together; see [`Flat::epoch`].
    epoch: u64,
    /// Rows from here on came later.
    until: usize,
    /// Earlier rows that the graph does not reach.
    loose: Vec<u32>,
    /// For each record of the graph its row, or [`NOBODY`].
    rows: Vec<u32>,
    /// For each point the row that it goes by, or [`NOBODY`].
    by: Vec<u32>,
}

/// A point and how near it is to the question.
#[derive(Debug, Clone, Copy)]
struct Near(f32, u32);

impl PartialEq for Near {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Near {}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Near {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

/// Which points were seen.
struct Seen(Vec<u64>);

impl Seen {
    fn new(points: usize) -> Self {
        Self(vec![0; points / 64 + 1])
    }

    /// Whether this is the first time.
    fn first(&mut self, point: u32) -> bool {
        let Some(word) = self.0.get_mut(point as usize / 64) else { return false };
        let bit = 1 << (point % 64);
        let first = *word & bit == 0;
        *word |= bit;
        first
    }
}

impl Graph {
    /// Lays a graph over these rows: a record is where its number and stamp are, and what the graph does not
    /// reach from its entry is loose.
    pub(in crate::memory::vector) fn over(drawn: Arc<Drawn>, flat: &Flat) -> Self {
        let rows: Vec<u32> = drawn
            .records
            .iter()
            .map(|(number, stamp)| flat.place_of(*number, *stamp).unwrap_or(NOBODY))
            .collect();
        let row_of = |record: &u32| rows.get(*record as usize).copied().unwrap_or(NOBODY);
        let by: Vec<u32> = (0..drawn.points())
            .map(|point| drawn.members.get(point).iter().map(row_of).min().unwrap_or(NOBODY))
            .collect();
        let until = flat.places();
        let mut graph = Self { drawn, epoch: flat.epoch(), until, loose: Vec::new(), rows, by };
        let mut reached = vec![false; until];
        for point in graph.reached() {
            for row in graph.members(point) {
                if let Some(reached) = reached.get_mut(row as usize) {
                    *reached = true;
                }
            }
        }
        let loose = reached.iter().zip(0_u32..).filter(|(reached, _)| !**reached);
        // A row of nothing is near nobody, with a graph or without.
        let found = |row: &u32| {
            let row = *row as usize;
            flat.is_alive(row) && flat.bytes(row).is_some_and(|(_, scale)| scale > 0.0)
        };
        graph.loose = loose.map(|it| it.1).filter(found).collect();
        graph
    }

    /// What it was laid over with.
    pub(in crate::memory::vector) const fn drawn(&self) -> &Arc<Drawn> {
        &self.drawn
    }

    /// Whether its rows are still counted as they were.
    pub(in crate::memory::vector) fn fits(&self, flat: &Flat) -> bool {
        self.epoch == flat.epoch()
    }

    /// How many rows have to be looked at beside it, and how many of its own are nobody's.
    pub(in crate::memory::vector) fn stale(&self, flat: &Flat) -> usize {
        let gone = self.rows.iter().filter(|row| !flat.is_alive(**row as usize)).count();
        flat.places().saturating_sub(self.until) + self.loose.len() + gone
    }

    /// The rows that it does not reach.
    pub(in crate::memory::vector) fn beside<'a>(
        &'a self,
        flat: &Flat,
    ) -> impl Iterator<Item = usize> + use<'a> {
        self.loose.iter().map(|row| *row as usize).chain(self.until..flat.places())
    }

    /// The rows of about the `wide` points nearest to a question of bytes, in no order.
    pub(in crate::memory::vector) fn nearest(
        &self,
        flat: &Flat,
        question: &[i8],
        wide: usize,
    ) -> Vec<usize> {
        let near = |point: u32| self.near(flat, question, point);
        let Some(mut best) = self.entry().and_then(near) else { return Vec::new() };
        for layer in self.drawn.above.iter().rev() {
            loop {
                let next = layer.of(best.1).iter().filter_map(|point| near(*point)).max();
                match next {
                    Some(next) if next.0 > best.0 => best = next,
                    _ => break,
                }
            }
        }
        let found = self.spread(best, wide.max(1), near);
        found.into_iter().flat_map(|it| self.members(it.1)).map(|row| row as usize).collect()
    }

    /// Goes from point to point in the lowest layer as long as the next one may be among the `wide` best.
    fn spread(&self, from: Near, wide: usize, near: impl Fn(u32) -> Option<Near>) -> Vec<Near> {
        let mut seen = Seen::new(self.by.len());
        seen.first(from.1);
        let mut ahead = BinaryHeap::from([from]);
        let mut best = BinaryHeap::from([Reverse(from)]);
        while let Some(next) = ahead.pop() {
            let least = best.peek().map_or(f32::NEG_INFINITY, |it| it.0.0);
            if best.len() >= wide && next.0 < least {
                break;
            }
            for point in self.drawn.near.get(next.1 as usize) {
                if !seen.first(*point) {
                    continue;
                }
                let Some(found) = near(*point) else { continue };
                let least = best.peek().map_or(f32::NEG_INFINITY, |it| it.0.0);
                if best.len() < wide || found.0 > least {
                    ahead.push(found);
                    best.push(Reverse(found));
                    if best.len() > wide {
                        best.pop();
                    }
                }
            }
        }
        best.into_iter().map(|it| it.0).collect()
    }

    /// How near a point is; nothing when it is nobody's.
    fn near(&self, flat: &Flat, question: &[i8], point: u32) -> Option<Near> {
        let (bytes, scale) = flat.bytes(*self.by.get(point as usize)? as usize)?;
        #[allow(clippy::cast_precision_loss, reason = "at most 127 * 127 * the dimension")]
        Some(Near(dot_bytes(bytes, question) as f32 * scale, point))
    }

    /// Where a search begins: the entry, or a point of a layer as high as can be when that is nobody's.
    fn entry(&self) -> Option<u32> {
        let held = |point: &u32| self.by.get(*point as usize).is_some_and(|row| *row != NOBODY);
        let above = self.drawn.above.iter().rev().flat_map(|layer| layer.points.iter().copied());
        let all = std::iter::once(self.drawn.entry).chain(above);
        let lowest = (0..self.by.len()).map(|point| u32::try_from(point).unwrap_or(NOBODY));
        all.chain(lowest).find(held)
    }

    /// Every point to which a way leads from the entry through points that are somebody's.
    fn reached(&self) -> Vec<u32> {
        let mut seen = Seen::new(self.by.len());
        let mut ahead: Vec<u32> = self.entry().into_iter().filter(|it| seen.first(*it)).collect();
        let mut reached = Vec::new();
        while let Some(point) = ahead.pop() {
            reached.push(point);
            for next in self.drawn.near.get(point as usize) {
                if self.by.get(*next as usize).is_some_and(|row| *row != NOBODY)
                    && seen.first(*next)
                {
                    ahead.push(*next);
                }
            }
        }
        reached
    }

    /// The rows of a point that are somebody's.
    fn members(&self, point: u32) -> impl Iterator<Item = u32> + '_ {
        let own = self.drawn.members.get(point as usize).iter();
        own.filter_map(|record| self.rows.get(*record as usize)).copied().filter(|it| *it != NOBODY)
    }
}

/// The share of the nearest ten that searching with the graph finds, over some of the rows themselves.
pub(in crate::memory::vector) fn reaching(graph: &Graph, flat: &Flat) -> f32 {
    /// So many rows are asked with.
    const ASKED: usize = 48;
    const NEAREST: usize = 10;
    let step = (flat.places() / ASKED).max(1);
    let (mut found, mut all) = (0_usize, 0_usize);
    for place in (0..flat.places()).step_by(step).filter(|place| flat.is_alive(*place)) {
        let Some(question) = flat.floats(place) else { continue };
        let exact = flat.search(question, NEAREST, |_| true);
        let near = flat.search_with(graph, question, NEAREST, |_| true).unwrap_or_default();
        // Of equally near ones either may be among the ten.
        let least = exact.last().map_or(f32::NEG_INFINITY, |it| it.1 - 1e-6);
        found += near.iter().filter(|it| it.1 >= least).count().min(exact.len());
        all += exact.len();
    }
    #[allow(clippy::cast_precision_loss, reason = "a few hundred")]
    if all == 0 { 1.0 } else { found as f32 / all as f32 }
}
