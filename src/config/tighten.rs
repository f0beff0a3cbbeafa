//! Which way is stricter: what a workspace that nobody trusts may change.

use super::rate::is_slower;
use super::{Kind, Setting};
use crate::ports::begins_with;

/// Which way is stricter for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tighter {
    /// A smaller number.
    Lower,
    /// `true`.
    True,
    /// `false`.
    False,
    /// This word; changes between other words are not surely stricter.
    Only(&'static str),
    /// A word that stands earlier in the key's list.
    Earlier,
    /// More entries, none missing.
    Superset,
    /// Fewer entries, none new.
    Subset,
    /// Fewer beginnings of argument vectors, or longer ones; none at all stands for any.
    Narrower,
    /// A lower rate.
    Slower,
    /// No change is surely stricter.
    Never,
}

impl Tighter {
    /// Whether `new` is as strict as `old`, or stricter. Values of different kinds never are. With
    /// no value before, only what is switched off is surely stricter.
    #[must_use]
    pub fn holds(self, kind: Kind, old: Option<&Setting>, new: &Setting) -> bool {
        let Some(old) = old else {
            return self == Self::False && *new == Setting::Bool(false);
        };
        if old == new {
            return true;
        }
        match (self, old, new) {
            (Self::Lower, Setting::Whole(old), Setting::Whole(new)) => new <= old,
            (Self::Lower, Setting::Number(old), Setting::Number(new)) => new <= old,
            (Self::True, _, Setting::Bool(new)) => *new,
            (Self::False, _, Setting::Bool(new)) => !*new,
            // The default profile and mode are the loosest; from any other word no step is sure.
            (Self::Only(strict), Setting::Text(old), Setting::Text(new)) => {
                new == strict && first_word(kind) == Some(old.as_str())
            }
            (Self::Earlier, Setting::Text(old), Setting::Text(new)) => {
                matches!((rank(kind, old), rank(kind, new)), (Some(old), Some(new)) if new <= old)
            }
            (Self::Superset, Setting::Texts(old), Setting::Texts(new)) => {
                old.iter().all(|entry| new.contains(entry))
            }
            (Self::Subset, Setting::Texts(old), Setting::Texts(new)) => {
                new.iter().all(|entry| old.contains(entry))
            }
            (Self::Narrower, Setting::Texts(old), Setting::Texts(new)) => {
                old.is_empty()
                    || !new.is_empty()
                        && new.iter().all(|entry| old.iter().any(|old| continues(old, entry)))
            }
            (Self::Slower, Setting::Text(old), Setting::Text(new)) => is_slower(old, new),
            _ => false,
        }
    }
}

/// Whether every argument vector that begins like `new` begins like `old` as well.
fn continues(old: &str, new: &str) -> bool {
    let new: Vec<String> = new.split_whitespace().map(str::to_owned).collect();
    begins_with(&new, old)
}

fn first_word(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Word(words) => words.first().copied(),
        _ => None,
    }
}

fn rank(kind: Kind, word: &str) -> Option<usize> {
    match kind {
        Kind::Word(words) => words.iter().position(|known| *known == word),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Kind = Kind::Word(&["a", "b", "c"]);

    fn text(text: &str) -> Setting {
        Setting::Text(text.to_owned())
    }

    fn texts(texts: &[&str]) -> Setting {
        Setting::Texts(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn knows_which_change_is_stricter() {
        let count = Kind::Count(0, 9);
        let cases = [
            (Tighter::Lower, count, Setting::Whole(5), Setting::Whole(4), true),
            (Tighter::Lower, count, Setting::Whole(5), Setting::Whole(6), false),
            (Tighter::True, Kind::Bool, Setting::Bool(false), Setting::Bool(true), true),
            (Tighter::True, Kind::Bool, Setting::Bool(true), Setting::Bool(false), false),
            (Tighter::False, Kind::Bool, Setting::Bool(false), Setting::Bool(true), false),
            (Tighter::Only("b"), WORDS, text("a"), text("b"), true),
            (Tighter::Only("b"), WORDS, text("a"), text("c"), false),
            (Tighter::Only("b"), WORDS, text("c"), text("b"), false),
            (Tighter::Earlier, WORDS, text("b"), text("a"), true),
            (Tighter::Earlier, WORDS, text("b"), text("c"), false),
            (Tighter::Superset, Kind::Paths, texts(&["x"]), texts(&["y", "x"]), true),
            (Tighter::Superset, Kind::Paths, texts(&["x"]), texts(&["y"]), false),
            (Tighter::Subset, Kind::Paths, texts(&["x", "y"]), texts(&["y"]), true),
            (Tighter::Subset, Kind::Paths, texts(&["x"]), texts(&["x", "y"]), false),
            (Tighter::Narrower, Kind::Lines, texts(&[]), texts(&["git"]), true),
            (Tighter::Narrower, Kind::Lines, texts(&["git"]), texts(&[]), false),
            (Tighter::Narrower, Kind::Lines, texts(&["git", "a"]), texts(&["git log"]), true),
            (Tighter::Narrower, Kind::Lines, texts(&["git log"]), texts(&["git"]), false),
            (Tighter::Narrower, Kind::Lines, texts(&["git"]), texts(&["git", "sh"]), false),
            (Tighter::Narrower, Kind::Lines, texts(&["git"]), texts(&["gitk"]), false),
            (Tighter::Slower, Kind::Rate, text("30/min"), text("10/min"), true),
            (Tighter::Slower, Kind::Rate, text("30/min"), text("none"), false),
            (Tighter::Never, Kind::Path, text(""), text("/x"), false),
            (Tighter::Never, Kind::Path, text("/x"), text("/x"), true),
            (Tighter::Lower, count, text("5"), Setting::Whole(4), false),
        ];
        for (tighter, kind, old, new, expected) in cases {
            let holds = tighter.holds(kind, Some(&old), &new);
            assert_eq!(holds, expected, "{tighter:?} {old:?} {new:?}");
        }
        assert!(Tighter::False.holds(Kind::Bool, None, &Setting::Bool(false)));
        assert!(!Tighter::False.holds(Kind::Bool, None, &Setting::Bool(true)));
        assert!(!Tighter::Lower.holds(count, None, &Setting::Whole(0)));
    }
}
