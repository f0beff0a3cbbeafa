//! Making a graph with `hnsw_rs`, whose hazards end here.
//!
//! It panics over distances that are no numbers, so ours is always one. It loses points behind many equal ones,
//! so equal rows are one point. Its filters, its dumps and its searches are not used. Inserting in parallel
//! gives another graph each time, so it is done one by one. A panic is caught by whoever calls this.

use std::collections::HashMap;

use hnsw_rs::prelude::{Distance, Hnsw};

use super::drawn::{Drawn, Known, Layer};
use super::lists::Lists;
use crate::memory::vector::kernel::dot_bytes;

/// How many neighbours a point has in the layers above, and half of those in the lowest.
const NEIGHBOURS: usize = 16;
/// How many candidates are looked at for them.
const LOOKED_AT: usize = 160;
/// How many neighbours a point may have in the lowest layer once both ends of each edge know of it.
const NEIGHBOURS_MAX: usize = 48;
/// As its format wants them.
const LAYERS: usize = 16;
/// The scale stands behind the bytes of a row.
const SCALE: usize = size_of::<f32>();
/// Nothing is farther away.
const FAR: f32 = 2.0;

/// The rows that a graph is made of, apart from the vectors that go on changing.
#[derive(Debug, Default)]
pub(in crate::memory::vector) struct Snapshot {
    width: usize,
    records: Vec<Known>,
    rows: Vec<i8>,
}

impl Snapshot {
    /// Of no rows yet, with `dimension` bytes each.
    pub(in crate::memory::vector) fn new(dimension: usize) -> Self {
        Self { width: dimension + SCALE, ..Self::default() }
    }

    /// Takes one in. A row of nothing has no direction and is near nobody: it is left out, as is one whose
    /// scale is no number.
    pub(in crate::memory::vector) fn push(&mut self, record: Known, bytes: &[i8], scale: f32) {
        if bytes.len() + SCALE == self.width && scale.is_finite() && scale > 0.0 {
            self.records.push(record);
            self.rows.extend_from_slice(bytes);
            self.rows.extend(scale.to_le_bytes().map(u8::cast_signed));
        }
    }
}

/// One less the cosine of two rows with their scales. Always a number between 0 and [`FAR`].
#[derive(Debug, Clone, Copy, Default)]
struct Apart;

impl Distance<i8> for Apart {
    fn eval(&self, a: &[i8], b: &[i8]) -> f32 {
        let product = split(a).zip(split(b)).map_or(f32::NAN, |((a, by_a), (b, by_b))| {
            #[allow(clippy::cast_precision_loss, reason = "at most 127 * 127 * the dimension")]
            let sum = dot_bytes(a, b) as f32;
            sum * by_a * by_b
        });
        let apart = 1.0 - product;
        if apart.is_nan() { FAR } else { apart.clamp(0.0, FAR) }
    }
}

fn split(row: &[i8]) -> Option<(&[i8], f32)> {
    let (bytes, scale) = row.split_last_chunk::<SCALE>()?;
    Some((bytes, f32::from_le_bytes(scale.map(i8::cast_unsigned))))
}

/// Draws the graph of a snapshot; nothing when `stop` says so, or there is no row. Takes about a millisecond
/// a row.
pub(in crate::memory::vector) fn draw(
    snapshot: &Snapshot,
    mut stop: impl FnMut() -> bool,
) -> Option<Drawn> {
    let (rows, members) = distinct(snapshot);
    if rows.is_empty() {
        return None;
    }
    let made = Hnsw::<i8, Apart>::new(NEIGHBOURS, rows.len(), LAYERS, LOOKED_AT, Apart);
    for (point, row) in rows.iter().enumerate() {
        if stop() {
            return None;
        }
        made.insert((row, point));
    }
    let (layers, entry) = flat(&made);
    let mut layers = layers.into_iter();
    let lowest = layers.next().unwrap_or_default();
    let near = both_ways(lowest, rows.len());
    Some(Drawn { records: snapshot.records.clone(), members, near, above: layers.collect(), entry })
}

/// The rows that differ, and for each the records that have it.
fn distinct(snapshot: &Snapshot) -> (Vec<&[i8]>, Lists) {
    let mut known: HashMap<&[i8], usize> = HashMap::new();
    let (mut rows, mut own): (Vec<&[i8]>, Vec<Vec<u32>>) = (Vec::new(), Vec::new());
    let all = snapshot.rows.chunks_exact(snapshot.width.max(1)).zip(0_u32..);
    for (row, record) in all {
        let point = *known.entry(row).or_insert(rows.len());
        match own.get_mut(point) {
            Some(own) => own.push(record),
            None => {
                rows.push(row);
                own.push(vec![record]);
            }
        }
    }
    let mut members = Lists::default();
    own.into_iter().for_each(|it| members.push(it));
    (rows, members)
}

/// Every layer from the lowest up, and a point of the highest.
fn flat(made: &Hnsw<'_, i8, Apart>) -> (Vec<Layer>, u32) {
    let points = made.get_point_indexation();
    let highest = usize::from(made.get_max_level_observed());
    let mut layers: Vec<Vec<(u32, Vec<u32>)>> = vec![Vec::new(); highest + 1];
    let mut entry = 0;
    for level in 0..=highest {
        for point in points.get_layer_iterator(level) {
            let own = narrow(point.get_origin_id());
            entry = own;
            let near = point.get_neighborhood_id();
            for (layer, near) in layers.iter_mut().zip(near).take(level + 1) {
                layer.push((own, near.iter().map(|it| narrow(it.get_origin_id())).collect()));
            }
        }
    }
    let sorted = layers.into_iter().map(|mut layer| {
        layer.sort_unstable_by_key(|it| it.0);
        let mut sorted = Layer::default();
        for (point, near) in layer {
            sorted.points.push(point);
            sorted.near.push(near);
        }
        sorted
    });
    (sorted.collect(), entry)
}

/// Both ends of an edge know of it, as long as there is room: `hnsw_rs` drops the far end of edges to points
/// that many are near to, and such points are then reached by luck.
fn both_ways(lowest: Layer, count: usize) -> Lists {
    let mut near: Vec<Vec<u32>> = vec![Vec::new(); count];
    for (place, point) in lowest.points.iter().enumerate() {
        if let Some(own) = near.get_mut(*point as usize) {
            own.extend(lowest.near.get(place));
        }
    }
    for (place, point) in lowest.points.iter().enumerate() {
        for other in lowest.near.get(place) {
            if let Some(others) = near.get_mut(*other as usize)
                && others.len() < NEIGHBOURS_MAX
                && !others.contains(point)
            {
                others.push(*point);
            }
        }
    }
    let mut lists = Lists::default();
    near.into_iter().for_each(|it| lists.push(it));
    lists
}

/// Points are counted by the rows of a snapshot, which a `u32` counts.
fn narrow(point: usize) -> u32 {
    u32::try_from(point).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bytes: &[i8], scale: f32) -> Vec<i8> {
        bytes.iter().copied().chain(scale.to_le_bytes().map(u8::cast_signed)).collect()
    }

    #[test]
    fn a_distance_is_always_a_number_between_near_and_far() {
        let one = 1.0 / 127.0;
        for (a, b, expect) in [
            (row(&[127, 0], one), row(&[127, 0], one), 0.0),
            (row(&[127, 0], one), row(&[0, 127], one), 1.0),
            (row(&[127, 0], one), row(&[-127, 0], one), 2.0),
            (row(&[127, 0], 9.0), row(&[127, 0], 9.0), 0.0),
            (row(&[127, 0], f32::NAN), row(&[127, 0], one), FAR),
            (row(&[127, 0], f32::INFINITY), row(&[-127, 0], one), FAR),
            (row(&[0, 0], f32::INFINITY), row(&[0, 0], one), FAR),
            (vec![1, 2], row(&[1], one), FAR),
            (row(&[127], one), row(&[127, 5], one), 0.0),
        ] {
            let found = Apart.eval(&a, &b);
            assert!((found - expect).abs() < 1e-5, "{a:?} {b:?}: {found}");
        }
    }

    #[test]
    fn equal_rows_are_one_point_and_rows_of_nothing_none() {
        let mut snapshot = Snapshot::new(2);
        for number in 0..500 {
            snapshot.push((number, 1), &[127, 0], 0.5);
        }
        snapshot.push((500, 1), &[0, 127], 0.5);
        snapshot.push((501, 1), &[0, 0], 0.0);
        snapshot.push((502, 1), &[1, 1], f32::NAN);
        snapshot.push((503, 1), &[1, 1, 1], 0.5);
        let drawn = draw(&snapshot, || false).unwrap();
        assert_eq!((drawn.points(), drawn.records()), (2, 501));
        assert_eq!((drawn.members.get(0).len(), drawn.members.get(1)), (500, &[500][..]));
    }

    #[test]
    fn it_stops_when_it_is_told_to_and_has_nothing_of_nothing() {
        let mut snapshot = Snapshot::new(2);
        assert!(draw(&snapshot, || false).is_none());
        snapshot.push((1, 1), &[127, 0], 0.5);
        assert!(draw(&snapshot, || true).is_none());
    }
}
