//! Many short lists of numbers in two long ones.

/// Lists, known by their place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lists {
    ends: Vec<u32>,
    all: Vec<u32>,
}

impl Lists {
    /// Adds a list at the end.
    pub(super) fn push(&mut self, list: impl IntoIterator<Item = u32>) {
        self.all.extend(list);
        // More than 2^32 numbers are refused when they are written; here the rest is cut.
        self.ends.push(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
    }

    /// How many lists there are.
    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// The list at `place`; an empty one when there is none.
    pub(super) fn get(&self, place: usize) -> &[u32] {
        let from = match place.checked_sub(1) {
            None => 0,
            Some(before) => self.ends.get(before).map_or(u32::MAX, |end| *end),
        };
        let to = self.ends.get(place).copied().unwrap_or(0);
        self.all.get(from as usize..to as usize).unwrap_or_default()
    }

    /// Both long lists, to be written.
    pub(super) fn parts(&self) -> (&[u32], &[u32]) {
        (&self.ends, &self.all)
    }

    /// Of what was read; nothing unless the ends rise to the last number and every number is below `limit`.
    pub(super) fn of_parts(ends: Vec<u32>, all: Vec<u32>, limit: u32) -> Option<Self> {
        let whole = ends.last().map_or(0, |end| *end as usize) == all.len();
        let sound = whole && ends.is_sorted() && all.iter().all(|it| *it < limit);
        sound.then_some(Self { ends, all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_back_by_their_place_and_wrong_ones_are_refused() {
        let mut lists = Lists::default();
        for list in [vec![1, 2], vec![], vec![0]] {
            lists.push(list);
        }
        assert_eq!((lists.get(0), lists.get(1), lists.get(2)), (&[1, 2][..], &[][..], &[0][..]));
        assert_eq!((lists.get(3), lists.len()), (&[][..], 3));
        let (ends, all) = (lists.parts().0.to_vec(), lists.parts().1.to_vec());
        assert_eq!(Lists::of_parts(ends.clone(), all.clone(), 3), Some(lists));
        for (ends, all, limit) in
            [(ends.clone(), all.clone(), 2), (vec![3, 2, 3], all.clone(), 3), (vec![2], all, 3)]
        {
            assert_eq!(Lists::of_parts(ends, all, limit), None);
        }
    }
}
