//! Understanding a question: which words carry it, whom it names, what it quotes, which time it means.

use std::collections::BTreeSet;

use crate::contracts::Timestamp;

use super::when::{When, times_in};

/// Words that say how something is asked, not what.
const EMPTY: &[&str] = &[
    "a", "about", "an", "and", "are", "as", "at", "be", "been", "being", "by", "can", "could",
    "did", "do", "does", "done", "for", "from", "had", "has", "have", "he", "her", "here", "him",
    "his", "how", "i", "in", "is", "it", "its", "may", "me", "might", "my", "no", "not", "of",
    "on", "or", "our", "s", "shall", "she", "should", "t", "than", "that", "the", "their", "them",
    "then", "there", "these", "they", "this", "those", "to", "us", "was", "we", "were", "what",
    "when", "where", "which", "who", "whom", "whose", "why", "will", "with", "would", "you",
    "your",
];

/// What a question is made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Question {
    /// As it was asked.
    pub text: String,
    /// Its words that carry something, in small letters; all of them when none does.
    pub terms: Vec<String>,
    /// The question without the names of subjects, when it has any and something else.
    pub bare: Option<String>,
    /// The subjects it names, in small letters.
    pub subjects: BTreeSet<String>,
    /// What stands in quotation marks.
    pub phrases: Vec<String>,
    /// The times it names.
    pub times: Vec<When>,
}

/// Whether a word, in small letters, says what is asked and not only how.
#[must_use]
pub fn carries_meaning(word: &str) -> bool {
    EMPTY.binary_search(&word).is_err()
}

/// The words of a text with the places where they stand; an apostrophe ends a word.
pub fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = None;
    let ends = text.char_indices().chain([(text.len(), ' ')]);
    ends.filter_map(move |(at, c)| match (start, c.is_alphanumeric()) {
        (None, true) => {
            start = Some(at);
            None
        }
        (Some(from), false) => {
            start = None;
            text.get(from..at).map(|word| (from, word))
        }
        _ => None,
    })
}

/// Reads a question. `subject` answers which subject a name in small letters stands for, if any; `now` is
/// what "yesterday" counts from.
pub fn understand(
    text: &str,
    subject: impl Fn(&str) -> Option<String>,
    now: Timestamp,
) -> Question {
    let mut terms = Vec::new();
    let mut subjects = BTreeSet::new();
    let mut names = Vec::new();
    let all: Vec<(usize, &str)> = words(text).collect();
    let mut skip = 0;
    for (index, (at, word)) in all.iter().enumerate() {
        let small = word.to_lowercase();
        if carries_meaning(&small) && !terms.contains(&small) {
            terms.push(small);
        }
        if skip > 0 {
            skip -= 1;
            continue;
        }
        if let Some((count, end, found)) = named_at(&all, index, &subject) {
            subjects.insert(found);
            names.push((*at, end));
            skip = count - 1;
        }
    }
    if terms.is_empty() {
        terms = all.iter().map(|(_, word)| word.to_lowercase()).collect();
        terms.dedup();
    }
    Question {
        bare: without(text, &names),
        phrases: quoted(text),
        times: times_in(text, now),
        text: text.to_owned(),
        terms,
        subjects,
    }
}

/// The longest name that begins at word `index`: how many words, where it ends, and which subject.
fn named_at(
    all: &[(usize, &str)],
    index: usize,
    subject: &impl Fn(&str) -> Option<String>,
) -> Option<(usize, usize, String)> {
    (1..=3).rev().find_map(|count| {
        let part = all.get(index..index + count)?;
        let name: Vec<String> = part.iter().map(|(_, word)| word.to_lowercase()).collect();
        if count == 1 && !name.iter().all(|word| carries_meaning(word)) {
            return None;
        }
        let (at, last) = part.last()?;
        subject(&name.join(" ")).map(|found| (count, at + last.len(), found))
    })
}

/// `text` without the names at these places and the `'s` after them; nothing when no word is left that
/// carries something, or none was taken.
fn without(text: &str, names: &[(usize, usize)]) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let mut rest = String::with_capacity(text.len());
    let mut from = 0;
    for (start, end) in names {
        rest.push_str(text.get(from..*start)?);
        let after = text.get(*end..)?;
        let possessive = ["'s", "’s"].iter().find(|it| after.starts_with(**it));
        from = end + possessive.map_or(0, |it| it.len());
    }
    rest.push_str(text.get(from..)?);
    let carried = words(&rest).any(|(_, word)| carries_meaning(&word.to_lowercase()));
    carried.then_some(rest)
}

/// What stands between quotation marks, if it is at least a word.
fn quoted(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (open, close) in [('"', '"'), ('“', '”'), ('«', '»'), ('`', '`')] {
        let mut rest = text;
        while let Some((_, after)) = rest.split_once(open)
            && let Some((inside, after)) = after.split_once(close)
        {
            if words(inside).next().is_some() {
                found.push(inside.trim().to_owned());
            }
            rest = after;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str) -> Question {
        let known = |name: &str| match name {
            "ada" => Some("ada".to_owned()),
            "grace hopper" | "hopper" => Some("grace hopper".to_owned()),
            "will" => Some("will".to_owned()),
            _ => None,
        };
        understand(text, known, Timestamp::from_ms(1_780_000_000_000))
    }

    #[test]
    fn the_words_that_say_nothing_are_in_order_to_be_searched() {
        assert!(EMPTY.is_sorted());
    }

    #[test]
    fn a_question_is_taken_apart() {
        for (text, terms, bare, subjects) in [
            (
                "What did Ada's dog eat?",
                vec!["ada", "dog", "eat"],
                Some("What did  dog eat?"),
                vec!["ada"],
            ),
            (
                "Where was Grace Hopper born",
                vec!["grace", "hopper", "born"],
                Some("Where was  born"),
                vec!["grace hopper"],
            ),
            ("What is it?", vec!["what", "is", "it"], None, vec![]),
            ("Who is Ada?", vec!["ada"], None, vec!["ada"]),
            ("Will it rain?", vec!["rain"], None, vec![]),
            ("", vec![], None, vec![]),
        ] {
            let question = ask(text);
            assert_eq!(question.terms, terms, "{text}");
            assert_eq!(question.bare.as_deref(), bare, "{text}");
            assert_eq!(question.subjects.iter().collect::<Vec<_>>(), subjects, "{text}");
        }
    }

    #[test]
    fn quotations_are_phrases() {
        for (text, phrases) in [
            ("who said \"to be or not\" and `cargo test`?", vec!["to be or not", "cargo test"]),
            ("an open \" mark", vec![]),
            ("„“ and \"\"", vec![]),
        ] {
            assert_eq!(ask(text).phrases, phrases, "{text}");
        }
    }
}
