//! The subjects that records have, to know them in questions.

use std::collections::{HashMap, HashSet};

use crate::recall::{carries_meaning, words};

/// All subjects, in small letters.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    whole: HashSet<String>,
    /// The subject that a word stands for; none when several have it.
    by_word: HashMap<String, Option<String>>,
}

impl Subjects {
    /// Takes one more.
    pub(super) fn add(&mut self, subject: &str) {
        let subject = plain(subject);
        if subject.is_empty() || self.whole.contains(&subject) {
            return;
        }
        let parts: Vec<&str> = subject.split(' ').collect();
        if parts.len() > 1 {
            for word in parts.into_iter().filter(|word| carries_meaning(word)) {
                let held = self.by_word.entry(word.to_owned());
                held.and_modify(|it| *it = None).or_insert_with(|| Some(subject.clone()));
            }
        }
        self.whole.insert(subject);
    }

    /// The subject that a name stands for.
    pub(super) fn find(&self, name: &str) -> Option<String> {
        if self.whole.contains(name) {
            return Some(name.to_owned());
        }
        self.by_word.get(name).cloned().flatten()
    }
}

/// A subject in small letters, its words one space apart.
pub(super) fn plain(subject: &str) -> String {
    let words: Vec<String> = words(subject).map(|(_, word)| word.to_lowercase()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_one_subject_or_none() {
        let mut subjects = Subjects::default();
        for subject in ["Grace Hopper", "Ada", "project Alpha", "project Beta"] {
            subjects.add(subject);
        }
        for (name, subject) in [
            ("ada", Some("ada")),
            ("hopper", Some("grace hopper")),
            ("grace hopper", Some("grace hopper")),
            ("project", None),
            ("beta", Some("project beta")),
            ("nobody", None),
        ] {
            assert_eq!(subjects.find(name).as_deref(), subject, "{name}");
        }
    }
}
