//! Sets of rules, compiled: an edit is looked at in several ways - by its tests, by the gate, for its
//! use -, and what is the same in them is made once.

use std::sync::Arc;

use crate::contracts::Diagnostic;
use crate::policy::{Options, PolicySet, ReadFiles, Source, compile_with};
use crate::ports::Vocabulary;

/// Most sets that are remembered: those of the rules in force and those of an edit, each alone, with the
/// others as it counts, and as if it were trusted.
const MADE_MAX: usize = 6;

/// Compiles for one vocabulary, and remembers.
pub(super) struct Sets {
    vocabulary: Vocabulary,
    /// What single files say, so that an edit of one reads no other again.
    read: ReadFiles,
    /// Those that were asked for last, latest first.
    made: Vec<Made>,
}

struct Made {
    sources: Vec<Source>,
    options: Options,
    set: Arc<PolicySet>,
}

impl Sets {
    pub(super) fn new(vocabulary: Vocabulary) -> Self {
        Self { vocabulary, read: ReadFiles::default(), made: Vec::new() }
    }

    /// The set that `sources` make under `options`.
    pub(super) fn of(
        &mut self,
        sources: Vec<Source>,
        options: &Options,
    ) -> Result<Arc<PolicySet>, Vec<Diagnostic>> {
        let same = |made: &Made| made.options == *options && made.sources == sources;
        let made = match self.made.iter().position(same) {
            Some(at) => self.made.remove(at),
            None => {
                let set = compile_with(&mut self.read, &sources, &self.vocabulary, options)?;
                Made { sources, options: options.clone(), set: Arc::new(set) }
            }
        };
        let set = Arc::clone(&made.set);
        self.made.insert(0, made);
        self.made.truncate(MADE_MAX);
        Ok(set)
    }

    /// Forgets every file but these: what was refused is read again when it comes again, for there may
    /// be no end of it.
    pub(super) fn keep<'a>(&mut self, sources: impl Iterator<Item = &'a Source>) {
        self.read.keep(sources);
    }

    /// Compiles for other tools from now on.
    pub(super) fn set_vocabulary(&mut self, vocabulary: Vocabulary) {
        *self = Self::new(vocabulary);
    }

    /// Forgets everything: files are read otherwise in another profile.
    pub(super) fn forget(&mut self) {
        *self = Self::new(std::mem::take(&mut self.vocabulary));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{MADE_MAX, Sets};
    use crate::live::tests::NO_REPORTS;
    use crate::policy::{Layer, Options, Source};
    use crate::ports::Vocabulary;

    fn sources(word: &str) -> Vec<Source> {
        let bytes = NO_REPORTS.replace("today", word).into_bytes();
        vec![Source { layer: Layer::User, path: "a.yaml".to_owned(), bytes }]
    }

    #[test]
    fn the_same_set_is_compiled_once_and_no_other_is_taken_for_it() {
        let (untrusted, trusted) =
            (Options::default(), Options { trusted: true, ..Options::default() });
        let mut sets = Sets::new(Vocabulary::default());
        let first = sets.of(sources("today"), &untrusted).unwrap();
        assert!(Arc::ptr_eq(&first, &sets.of(sources("today"), &untrusted).unwrap()));
        let others = [(sources("now"), &untrusted), (sources("today"), &trusted)];
        for (sources, options) in others {
            assert_ne!(sets.of(sources, options).unwrap().hash(), first.hash());
        }
        assert!(Arc::ptr_eq(&first, &sets.of(sources("today"), &untrusted).unwrap()));
        for number in 0..MADE_MAX {
            sets.of(sources(&number.to_string()), &untrusted).unwrap();
        }
        let again = sets.of(sources("today"), &untrusted).unwrap();
        assert!(!Arc::ptr_eq(&first, &again) && first.hash() == again.hash());
    }
}
