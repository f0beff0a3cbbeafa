//! A set of small numbers.

/// A set of indexes of steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::playbook) struct Bits(Vec<u64>);

impl Bits {
    /// Adds `index`.
    pub(in crate::playbook) fn insert(&mut self, index: usize) {
        let word = index / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (index % 64);
        }
    }

    /// Whether `index` is in it.
    pub(in crate::playbook) fn contains(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word & (1 << (index % 64)) != 0)
    }

    /// Adds everything that is in `other`.
    pub(in crate::playbook) fn add(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_added() {
        let (mut one, mut two) = (Bits::default(), Bits::default());
        [0, 63, 64].into_iter().for_each(|index| one.insert(index));
        two.insert(700);
        two.add(&one);
        let held: Vec<usize> = (0..1_000).filter(|index| two.contains(*index)).collect();
        assert_eq!(held, [0, 63, 64, 700]);
        assert!(!one.contains(700));
    }
}
