//! Whether two texts say the same, word for word or nearly so. Nearly: almost the same runs of three words, and every
//! number, name, date, colour and negation equal and in the same order. Whatever is left over can only be
//! spelling, spacing and small words.

use std::collections::HashSet;

use crate::contracts::Hash;
use crate::recall::calendar::{DAYS, MONTHS};

/// Words in a run.
const RUN: usize = 3;
/// Texts of fewer words are the same only letter by letter: one word more or less is too much of them.
pub(super) const WORDS_MIN: usize = 40;

/// Words that change what is said although they are neither numbers nor names.
const TELLING: &[&str] = &[
    // colours
    "black",
    "blue",
    "brown",
    "cyan",
    "gold",
    "golden",
    "gray",
    "green",
    "grey",
    "magenta",
    "orange",
    "pink",
    "purple",
    "red",
    "silver",
    "violet",
    "white",
    "yellow",
    // numbers in words
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "thousand",
    "million",
    "billion",
    "first",
    "second",
    "third",
    "half",
    "double",
    "once",
    "twice",
    // times
    "today",
    "tomorrow",
    "yesterday",
    "before",
    "after",
    // negations and bounds
    "not",
    "no",
    "never",
    "none",
    "neither",
    "nor",
    "without",
    "cannot",
    "always",
    "only",
    "except",
    "all",
    "any",
    "every",
    "must",
    "least",
    "most",
    "more",
    "less",
    "true",
    "false",
    "on",
    "off",
];

/// A text as it is compared.
pub(super) struct Compared {
    words: usize,
    runs: HashSet<Hash>,
    telling: Vec<String>,
}

impl Compared {
    /// Takes a text apart; nothing when it is too short to be nearly the same as another.
    pub(super) fn of(text: &str) -> Option<Self> {
        let words: Vec<&str> = words(text).collect();
        if words.len() < WORDS_MIN {
            return None;
        }
        let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
        let runs = lower.windows(RUN).map(|run| Hash::of(run.join(" ").as_bytes())).collect();
        let telling = words.iter().filter(|word| tells(word)).map(|word| (*word).to_owned());
        Some(Self { words: words.len(), runs, telling: telling.collect() })
    }

    /// Whether both say the same: the share of common runs among all of both is at least `from`, and what
    /// tells is equal.
    pub(super) fn same(&self, other: &Self, from: f32) -> bool {
        let common = self.runs.intersection(&other.runs).count();
        let all = self.runs.len() + other.runs.len() - common;
        self.words.abs_diff(other.words) <= self.words / 10
            && common as f32 >= from * all as f32
            && self.telling == other.telling
    }
}

/// Whether a word says which one, how many, when, or whether: it has a digit, a capital letter or a letter
/// of a script without capitals, or is one of [`TELLING`].
fn tells(word: &str) -> bool {
    let caseless = |c: char| c.is_alphabetic() && !c.is_lowercase();
    word.chars().any(|c| c.is_numeric() || caseless(c))
        || word.ends_with("n't")
        || MONTHS.contains(&word)
        || DAYS.contains(&word)
        || TELLING.contains(&word)
}

/// Words with what stands inside of them: `3.5`, `2026-05-01`, `a/b.rs`, `don't`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let outer = |c: char| !c.is_alphanumeric() && !"$€£%#@+-/_".contains(c);
    text.split_whitespace()
        .map(move |word| word.trim_matches(outer))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(about: &str) -> String {
        let rest = "and the notes go on in small words about how the work was done that day, who \
                    said what to whom, which of the parts were put back on the shelf and which were \
                    kept on the bench for later, how the door was left open to let the air in, and \
                    what was said over tea about the way in which such things are done in that shop \
                    by people who have been there for a long time and know where the tools are kept \
                    and how to sharpen them so that the edge lasts through a week of steady work, \
                    with the lamp lit and the radio playing low in the corner by the window";
        format!("{about} {rest}")
    }

    fn same(a: &str, b: &str) -> bool {
        match (Compared::of(a), Compared::of(b)) {
            (Some(a), Some(b)) => a.same(&b, 0.95),
            _ => false,
        }
    }

    #[test]
    fn one_number_name_date_or_colour_makes_another_memory() {
        let base = "the pump was set to 35 bar by Alice on 2026-05-01 and painted red";
        let others = [
            "the pump was set to 36 bar by Alice on 2026-05-01 and painted red",
            "the pump was set to 3.5 bar by Alice on 2026-05-01 and painted red",
            "the pump was set to 35 bar by Alicia on 2026-05-01 and painted red",
            "the pump was set to 35 bar by Alice on 2026-05-02 and painted red",
            "the pump was set to 35 bar by Alice on 2026-05-01 and painted green",
            "the pump was not set to 35 bar by Alice on 2026-05-01 and painted red",
            "the pump was set to 2026-05-01 bar by Alice on 35 and painted red",
        ];
        assert!(same(&long(base), &long(base)));
        for other in others {
            assert!(!same(&long(base), &long(other)), "{other}");
        }
    }

    #[test]
    fn spacing_and_marks_do_not_make_another_memory() {
        let base = long("the pump was set to 35 bar by Alice on 2026-05-01");
        let spaced = base.replace(", ", " ,  ").replace("week of", "week  of");
        assert!(same(&base, &spaced));
        assert!(!same("Yes!", "Yes"), "short texts are the same only letter by letter");
    }

    #[test]
    fn another_story_with_the_same_names_is_another_memory() {
        let base = long("Alice");
        let other: Vec<&str> = base.split(' ').rev().collect();
        assert!(!same(&base, &other.join(" ")));
    }
}
