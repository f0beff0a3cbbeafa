//! Texts in which values are looked up, each value in time that hardly depends on how long they are.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use super::token::{Kind, Token};
use super::words::{names_a_year, words, written_days};

/// Bytes by which places are found.
const KEY_BYTES: usize = 4;

/// Values at least so long count as themselves also where spaces part them, such as accounts.
const SPACED_BYTES_MIN: usize = 12;

/// Numbers shorter than this are not looked for across words: `4 29` is not 429.
const DIGITS_MIN: usize = 6;

/// How many comparisons one request may cost.
#[derive(Debug)]
pub(super) struct Work(Cell<u64>);

impl Work {
    pub(super) const fn new(most: u64) -> Self {
        Self(Cell::new(most))
    }

    /// Whether there is still work left after this.
    fn spend(&self, cost: usize) -> bool {
        let left = self.0.get().saturating_sub(u64::try_from(cost).unwrap_or(u64::MAX));
        self.0.set(left);
        left > 0
    }
}

/// How alike a place must be to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Word by word. What would cost too much is not there.
    Exactly,
    /// Also parted and joined otherwise. What would cost too much is there.
    Loosely,
}

/// Words of some texts, findable.
#[derive(Debug, Default)]
pub(super) struct Index {
    words: Vec<Token>,
    /// All words without spaces, and where each one begins.
    stream: String,
    starts: Vec<usize>,
    places: HashMap<[u8; KEY_BYTES], Vec<usize>>,
    short: HashSet<String>,
    hosts: HashSet<String>,
    days: Vec<(u8, u8, Option<u16>)>,
    has_year: bool,
}

impl Index {
    pub(super) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut index = Self::default();
        for text in texts {
            index.words.extend(words(text));
            index.words.push(Token::gap());
        }
        for word in &index.words {
            index.starts.push(index.stream.len());
            index.stream.push_str(&word.text);
            index.hosts.extend(word.host().map(str::to_owned));
            if word.text.len() < KEY_BYTES {
                index.short.insert(word.text.clone());
            }
        }
        for (word, start) in index.starts.iter().enumerate() {
            let key = index.stream.as_bytes().get(*start..).and_then(<[u8]>::first_chunk);
            if let Some(key) = key {
                index.places.entry(*key).or_default().push(word);
            }
        }
        index.days = written_days(&index.words);
        index.has_year = names_a_year(&index.words);
        index
    }

    /// Whether the words `value` stand here, one after the other.
    pub(super) fn has(&self, value: &[Token], how: How, work: &Work) -> bool {
        if let [one] = value
            && (one.text.len() < KEY_BYTES || one.kind == Kind::Date)
            && (self.short.contains(&one.text) || self.names_day(one))
        {
            return true;
        }
        let joined: String = value.iter().map(|word| word.text.as_str()).collect();
        let Some(key) = joined.as_bytes().first_chunk::<KEY_BYTES>() else {
            return value.len() > 1 && self.short_words(value, work, how);
        };
        for at in self.places.get(key).into_iter().flatten() {
            if !work.spend(1 + joined.len() / 16) {
                return how == How::Loosely;
            }
            if self.stands_at(*at, &joined) && self.fits(*at, value, &joined, how) {
                return true;
            }
        }
        false
    }

    /// Whether a URL or an address here is on `host`.
    pub(super) fn has_host(&self, host: &str) -> bool {
        self.hosts.contains(host)
    }

    /// Several words that are too short for a key even together, such as `a b`.
    fn short_words(&self, value: &[Token], work: &Work, how: How) -> bool {
        if !value.iter().all(|word| self.short.contains(&word.text)) {
            return false;
        }
        if !work.spend(self.words.len()) {
            return how == How::Loosely;
        }
        self.words.windows(value.len()).any(|found| found == value)
    }

    /// Whether `joined` begins at word `at` and ends where a word ends.
    fn stands_at(&self, at: usize, joined: &str) -> bool {
        let Some(start) = self.starts.get(at) else { return false };
        let end = start + joined.len();
        self.stream.as_bytes().get(*start..end) == Some(joined.as_bytes())
            && (end == self.stream.len() || self.starts.binary_search(&end).is_ok())
    }

    fn fits(&self, at: usize, value: &[Token], joined: &str, how: How) -> bool {
        let same = self.words.get(at..at + value.len()).is_some_and(|found| {
            found.iter().zip(value).all(|(found, wanted)| found.text == wanted.text)
        });
        let digits = joined.bytes().filter(u8::is_ascii_digit).count();
        let spaced = match how {
            How::Exactly => joined.len() >= SPACED_BYTES_MIN && 0 < digits && is_plain(value),
            How::Loosely => digits < joined.len() || digits >= DIGITS_MIN,
        };
        same || spaced
    }

    fn names_day(&self, date: &Token) -> bool {
        let mut parts = date.text.split('-').map(str::parse::<u16>);
        let (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) =
            (parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        self.days.iter().any(|(m, d, y)| {
            (u16::from(*m), u16::from(*d)) == (month, day)
                && y.map_or(!self.has_year || self.has_number(year), |named| named == year)
        })
    }

    fn has_number(&self, year: u16) -> bool {
        let text = year.to_string();
        self.words.iter().any(|word| word.kind == Kind::Number && word.text == text)
    }
}

fn is_plain(value: &[Token]) -> bool {
    value.iter().all(|word| matches!(word.kind, Kind::Word | Kind::Number))
}
