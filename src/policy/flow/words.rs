//! A text as words that compare alike: case, quotes, punctuation and spacing are gone, and addresses,
//! numbers, dates and times have one form.

use super::token::{Kind, Token, token};

/// Characters that part words wherever they stand.
const PARTING: [char; 26] = [
    '"', '`', '<', '>', '(', ')', '[', ']', '{', '}', ';', '|', '\\', '*', '“', '”', '‘', '’', '«',
    '»', '…', '·', '•', '—', '–', '!',
];

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The words of `text`, in their order.
pub(super) fn words(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    for chunk in text.split(|c: char| c.is_whitespace() || PARTING.contains(&c)) {
        token(chunk, &mut found);
    }
    found
}

/// The same text with the escapes of JSON, YAML and Python resolved, for answers that are dumped and
/// cannot be read as what they are.
pub(super) fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(rest.get(..at).unwrap_or_default());
        let escape = rest.get(at + 1..).unwrap_or_default();
        let (c, used) = escaped(escape);
        plain.push(c);
        rest = escape.get(used..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

/// What an escape stands for, and how many bytes after the backslash it takes.
fn escaped(escape: &str) -> (char, usize) {
    let digits = match escape.bytes().next() {
        Some(b'n' | b't' | b'r') => return (' ', 1),
        Some(b'x') => 2,
        Some(b'u') => 4,
        Some(b'U') => 8,
        _ => return (' ', 0),
    };
    let number = escape.get(1..=digits).and_then(|text| u32::from_str_radix(text, 16).ok());
    number.and_then(char::from_u32).map_or((' ', 0), |c| (c, digits + 1))
}

/// Days that are written with the month's name: `May 15th, 2024`, `15 May`. With the year where one
/// follows.
pub(super) fn written_days(words: &[Token]) -> Vec<(u8, u8, Option<u16>)> {
    let mut days = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let Some(month) = month(&word.text) else { continue };
        let number = |at: Option<usize>| at.and_then(|at| words.get(at)).map(|word| &*word.text);
        let after = number(Some(at + 1)).and_then(day);
        let before = number(at.checked_sub(1)).and_then(day);
        days.extend(after.map(|day| (month, day, number(Some(at + 2)).and_then(year))));
        days.extend(before.map(|day| (month, day, number(Some(at + 1)).and_then(year))));
    }
    days
}

fn month(word: &str) -> Option<u8> {
    let start = word.get(..3)?;
    let number = MONTHS.iter().position(|month| *month == start)?;
    let full = ["january", "february", "march", "april", "may", "june", "july", "august"];
    let full = full.into_iter().chain(["september", "october", "november", "december"]).nth(number);
    let sound = word.len() == 3 || word == "sept" || full == Some(word);
    sound.then(|| u8::try_from(number + 1).unwrap_or(0))
}

fn day(word: &str) -> Option<u8> {
    let ending = ["st", "nd", "rd", "th"].iter().find_map(|ending| word.strip_suffix(ending));
    ending.unwrap_or(word).parse().ok().filter(|day| (1..=31).contains(day))
}

fn year(word: &str) -> Option<u16> {
    word.parse().ok().filter(|year| (1900..=2200).contains(year))
}

/// Whether `words` name a year at all.
pub(super) fn names_a_year(words: &[Token]) -> bool {
    words.iter().any(|word| word.kind == Kind::Number && year(&word.text).is_some())
}
