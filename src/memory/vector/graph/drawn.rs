//! A graph as it is kept and written: which records are one point, and which points are near which.
//!
//! `"BWGRAPH1"`, then numbers (u32, little-endian): how many points, the entry, how many layers lie above; the
//! lists of members (by their place in the list of records that follows), the lists of neighbours, and for each
//! layer its points and lists. A list of lists is two counts, the ends, the numbers. Records are a u64 and a u32
//! each. Whether the file is whole is for the manifest to say; what the numbers point at is checked all the same.

use std::collections::HashSet;

use super::lists::Lists;

const MAGIC: &[u8; 8] = b"BWGRAPH1";
/// More layers than any graph has.
const LAYERS_MAX: u32 = 16;

/// A record and the stamp of what its vector was made of.
pub(in crate::memory::vector) type Known = (u64, u32);

/// One of the sparser layers above the lowest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Layer {
    /// Its points, in rising order.
    pub points: Vec<u32>,
    /// The neighbours of each of them, in the same order.
    pub near: Lists,
}

impl Layer {
    /// The neighbours of a point in this layer.
    pub(super) fn of(&self, point: u32) -> &[u32] {
        self.points.binary_search(&point).map_or(&[], |place| self.near.get(place))
    }
}

/// A graph, by record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::memory::vector) struct Drawn {
    /// The records that it was made of.
    pub(super) records: Vec<Known>,
    /// For each point the places of its records: those with the very same row.
    pub(super) members: Lists,
    /// For each point its neighbours in the lowest layer, where every point is.
    pub(super) near: Lists,
    /// From the lowest but one to the highest.
    pub(super) above: Vec<Layer>,
    /// Where a search begins.
    pub(super) entry: u32,
}

impl Drawn {
    /// How many points there are.
    pub(super) const fn points(&self) -> usize {
        self.near.len()
    }

    /// How many records it was made of.
    pub(in crate::memory::vector) const fn records(&self) -> usize {
        self.records.len()
    }

    /// The same with these records as if they had never been: their numbers and stamps are nowhere in it.
    pub(in crate::memory::vector) fn without(&self, numbers: &[u64]) -> Self {
        let numbers: HashSet<u64> = numbers.iter().copied().collect();
        self.clone().only(|known| (!numbers.contains(&known.0)).then_some(()))
    }

    /// The same with only those records for which `held` gives something.
    pub(in crate::memory::vector) fn only<T>(mut self, held: impl Fn(Known) -> Option<T>) -> Self {
        for known in &mut self.records {
            if held(*known).is_none() {
                *known = (0, 0);
            }
        }
        self
    }

    /// As bytes; nothing when there is too much for the format.
    pub(in crate::memory::vector) fn encode(&self) -> Option<Vec<u8>> {
        let mut out = MAGIC.to_vec();
        put(&mut out, &[narrow(self.records.len())?]);
        for (number, stamp) in &self.records {
            out.extend_from_slice(&number.to_le_bytes());
            out.extend_from_slice(&stamp.to_le_bytes());
        }
        put(&mut out, &[narrow(self.points())?, self.entry, narrow(self.above.len())?]);
        put_lists(&mut out, &self.members)?;
        put_lists(&mut out, &self.near)?;
        for layer in &self.above {
            put(&mut out, &[narrow(layer.points.len())?]);
            put(&mut out, &layer.points);
            put_lists(&mut out, &layer.near)?;
        }
        Some(out)
    }

    /// What [`Drawn::encode`] made; nothing when it is anything else, or points at what is not there.
    pub(in crate::memory::vector) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let count = take_one(&mut rest)?;
        let (records, after) = rest.split_at_checked((count as usize).checked_mul(12)?)?;
        rest = after;
        let records = records.as_chunks::<12>().0.iter().map(known).collect::<Option<Vec<_>>>()?;
        let (points, entry, layers) =
            (take_one(&mut rest)?, take_one(&mut rest)?, take_one(&mut rest)?);
        let members = take_lists(&mut rest, count)?;
        let near = take_lists(&mut rest, points)?;
        let whole = members.len() == points as usize && near.len() == points as usize;
        if !whole || entry >= points.max(1) || layers > LAYERS_MAX {
            return None;
        }
        let mut above = Vec::new();
        for _ in 0..layers {
            let held = take_one(&mut rest)?;
            let own = take(&mut rest, held)?;
            let near = take_lists(&mut rest, points)?;
            let sound = own.is_sorted_by(|a, b| a < b)
                && own.last().is_none_or(|last| *last < points)
                && near.len() == own.len();
            sound.then(|| above.push(Layer { points: own, near }))?;
        }
        rest.is_empty().then_some(Self { records, members, near, above, entry })
    }
}

fn known(bytes: &[u8; 12]) -> Option<Known> {
    let (number, stamp) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*number), u32::from_le_bytes(*stamp.first_chunk::<4>()?)))
}

fn narrow(count: usize) -> Option<u32> {
    u32::try_from(count).ok()
}

fn put(out: &mut Vec<u8>, numbers: &[u32]) {
    out.extend(numbers.iter().flat_map(|it| it.to_le_bytes()));
}

fn put_lists(out: &mut Vec<u8>, lists: &Lists) -> Option<()> {
    let (ends, all) = lists.parts();
    put(out, &[narrow(ends.len())?, narrow(all.len())?]);
    put(out, ends);
    put(out, all);
    Some(())
}

fn take_one(rest: &mut &[u8]) -> Option<u32> {
    let (head, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(u32::from_le_bytes(*head))
}

fn take(rest: &mut &[u8], count: u32) -> Option<Vec<u32>> {
    let (head, after) = rest.split_at_checked((count as usize).checked_mul(4)?)?;
    *rest = after;
    Some(head.as_chunks().0.iter().map(|it| u32::from_le_bytes(*it)).collect())
}

fn take_lists(rest: &mut &[u8], limit: u32) -> Option<Lists> {
    let (ends, all) = (take_one(rest)?, take_one(rest)?);
    let ends = take(rest, ends)?;
    Lists::of_parts(ends, take(rest, all)?, limit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lists(all: &[Vec<u32>]) -> Lists {
        let mut lists = Lists::default();
        all.iter().for_each(|it| lists.push(it.iter().copied()));
        lists
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_and_no_part_of_it(
            records in proptest::collection::vec((any::<u64>(), any::<u32>()), 4),
            near in proptest::collection::vec(proptest::collection::vec(0_u32..4, 0..5), 4),
            cut in 1_usize..30,
        ) {
            let members = lists(&[vec![0], vec![1], vec![2], vec![3]]);
            let layer = Layer { points: vec![1, 3], near: lists(&[vec![3], vec![1]]) };
            let near = lists(&near);
            let drawn = Drawn { records, members, near, above: vec![layer], entry: 3 };
            let mut bytes = drawn.encode().unwrap();
            prop_assert_eq!(Drawn::decode(&bytes), Some(drawn));
            bytes.truncate(bytes.len().saturating_sub(cut));
            prop_assert_eq!(Drawn::decode(&bytes), None);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut whole = MAGIC.to_vec();
            whole.extend(bytes);
            let _: Option<Drawn> = Drawn::decode(&whole);
        }
    }

    #[test]
    fn what_points_at_nothing_is_refused() {
        let sound = Drawn {
            records: vec![(7, 1), (8, 2)],
            members: lists(&[vec![0], vec![1]]),
            near: lists(&[vec![1], vec![0]]),
            above: vec![Layer { points: vec![0, 1], near: lists(&[vec![1], vec![0]]) }],
            entry: 1,
        };
        let mut wrong = vec![sound.clone(); 5];
        wrong[0].entry = 2;
        wrong[1].members = lists(&[vec![0], vec![2]]);
        wrong[2].near = lists(&[vec![1], vec![2]]);
        wrong[3].above[0].points = vec![1, 0];
        wrong[4].above[0].points = vec![0];
        assert!(Drawn::decode(&sound.encode().unwrap()).is_some());
        for (place, wrong) in wrong.iter().enumerate() {
            assert_eq!(Drawn::decode(&wrong.encode().unwrap()), None, "{place}");
        }
    }

    #[test]
    fn a_forgotten_record_is_nowhere_in_it() {
        let drawn = Drawn {
            records: vec![(0x0123_4567_89ab, 0xdead_beef), (8, 2)],
            members: lists(&[vec![0], vec![1]]),
            near: lists(&[vec![1], vec![0]]),
            ..Drawn::default()
        };
        let bytes = drawn.without(&[0x0123_4567_89ab]).encode().unwrap();
        for gone in [&0x0123_4567_89ab_u64.to_le_bytes()[..], &0xdead_beef_u32.to_le_bytes()[..]] {
            assert!(!bytes.windows(gone.len()).any(|it| it == gone));
        }
        assert_eq!(bytes.len(), drawn.encode().unwrap().len());
    }
}
