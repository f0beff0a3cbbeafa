//! A text as statements: its words in one form each, and the facts among them.

use std::collections::BTreeSet;

use super::characters::plain;
use super::shapes::{Found, Shape, found};
use super::{dates, vocabulary};

/// What kind of fact a word or group of words is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactKind {
    /// A number with its unit.
    Number,
    /// A date, a time of day, a weekday, a time relative to when it was said.
    Time,
    /// A proper noun.
    Name,
    /// A file, a directory, a file's name.
    Path,
    /// A URL or an address of mail.
    Url,
    /// A version, flag, code, key, host or variable.
    Identifier,
    /// A colour.
    Colour,
    /// That something is not so.
    Negation,
    /// How far, how surely, when or for how many it is so.
    Qualifier,
}

impl FactKind {
    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Time => "date or time",
            Self::Name => "name",
            Self::Path => "path",
            Self::Url => "address",
            Self::Identifier => "identifier",
            Self::Colour => "colour",
            Self::Negation => "negation",
            Self::Qualifier => "qualifier",
        }
    }

    /// Whether a text that stands for another has to name it. Negations and qualifiers are held against
    /// each other as wholes instead.
    #[must_use]
    pub const fn must_survive(self) -> bool {
        !matches!(self, Self::Negation | Self::Qualifier)
    }
}

/// A fact of a text, in the form in which it is compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// What kind.
    pub kind: FactKind,
    /// What it is, such as `5 MB` or `2023-05-05`.
    pub value: String,
}

/// A word, or words that make one fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Option<FactKind>,
    /// The form in which it is compared.
    pub key: String,
    /// Without the ending that grammar gives it, or the word it means the same as.
    pub stem: String,
    /// Maybe a name: it has a capital because it begins a sentence, or its alphabet has none.
    pub weak: bool,
}

impl Token {
    fn fact(kind: FactKind, key: String) -> Self {
        Self { kind: Some(kind), stem: key.clone(), key, weak: false }
    }

    /// Whether it is surely a fact.
    pub(super) const fn is_fact(&self) -> bool {
        self.kind.is_some() && !self.weak
    }

    /// Whether both say the same.
    pub(super) fn means(&self, other: &Self) -> bool {
        let is_fact = self.is_fact() || other.is_fact();
        let both_weak = self.weak && other.weak;
        self.key == other.key || !is_fact && !both_weak && self.stem == other.stem
    }
}

/// A text as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// Sentence by sentence, without words that add nothing.
    pub(super) sentences: Vec<Vec<Token>>,
}

impl Reading {
    /// Reads a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let sentences = sentences(text).into_iter().map(|sentence| tokens(&plain(sentence)));
        Self { sentences: sentences.filter(|tokens| !tokens.is_empty()).collect() }
    }

    /// Every word and fact in its order.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &Token> + Clone {
        self.sentences.iter().flatten()
    }

    /// Every fact that is surely one, each once, in order.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let facts: BTreeSet<Fact> = self
            .tokens()
            .filter(|token| token.is_fact())
            .filter_map(|token| Some(Fact { kind: token.kind?, value: token.key.clone() }))
            .collect();
        facts.into_iter().collect()
    }
}

/// The sentences of a text as they stand in it, without the blanks around them. A cut at a wrong place does
/// no harm: sentences are kept or dropped as they are.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let ends = match c {
            '\n' => true,
            '.' | '!' | '?' | '…' => next.is_none_or(char::is_whitespace),
            '。' | '！' | '？' => true,
            _ => false,
        };
        if ends {
            let end = at + c.len_utf8();
            all.extend(text.get(start..end));
            start = end;
        }
    }
    all.extend(text.get(start..));
    all.into_iter().map(str::trim).filter(|sentence| !sentence.is_empty()).collect()
}

/// The tokens of one sentence in its plain form.
fn tokens(sentence: &str) -> Vec<Token> {
    let mut all: Vec<Token> = Vec::new();
    let (mut past, mut begun) = (0, false);
    for shape in found(sentence) {
        if shape.at.0 < past {
            continue;
        }
        if let Some((token, end)) = counted(&shape, sentence) {
            past = end;
            all.push(token);
        } else if shape.shape == Shape::Word {
            all.extend(words(shape.text, !begun));
        } else {
            all.push(shaped(&shape, sentence));
        }
        begun = true;
    }
    all.retain(|token| token.is_fact() || !vocabulary::is_free(&token.key));
    all
}

/// What has a shape and is neither a word nor a number.
fn shaped(found: &Found<'_>, sentence: &str) -> Token {
    let text = found.text;
    let kind = match found.shape {
        Shape::Url | Shape::Mail => FactKind::Url,
        Shape::Path => FactKind::Path,
        Shape::Date | Shape::Clock => FactKind::Time,
        _ => FactKind::Identifier,
    };
    let key = match found.shape {
        Shape::Date => dates::date(text),
        Shape::Clock => dates::clock(text),
        Shape::Version => text.trim_start_matches(['v', 'V']).to_owned(),
        Shape::Code => text.trim_matches('`').trim().to_owned(),
        // `well-known` has no flag in it.
        Shape::Flag if follows_word(sentence, found.at.0) => {
            return word(text.trim_start_matches('-'), false);
        }
        _ => text.to_owned(),
    };
    Token::fact(kind, key)
}

fn follows_word(sentence: &str, at: usize) -> bool {
    let before = sentence.get(..at).and_then(|before| before.chars().next_back());
    before.is_some_and(char::is_alphanumeric)
}

/// A number in digits or as a word, and where it ends with its unit.
fn counted(found: &Found<'_>, sentence: &str) -> Option<(Token, usize)> {
    match found.shape {
        Shape::Amount => Some(amount(found, sentence)),
        Shape::Word => {
            let number = vocabulary::number(&found.text.to_lowercase())?;
            let rest = sentence.get(found.at.1..).unwrap_or_default();
            let whole = number.bytes().all(|byte| byte.is_ascii_digit());
            let (unit, length) = if whole { unit_of(rest) } else { (None, 0) };
            let key = unit.map_or_else(|| number.to_owned(), |unit| format!("{number} {unit}"));
            Some((Token::fact(FactKind::Number, key), found.at.1 + length))
        }
        _ => None,
    }
}

/// A number with the unit that stands before or behind it, and where both end.
fn amount(found: &Found<'_>, sentence: &str) -> (Token, usize) {
    let text = found.text.trim();
    let coin = text.chars().next().filter(|c| !c.is_ascii_digit() && !matches!(c, '-' | '+' | '±'));
    let digits = coin.map_or(text, |coin| text.trim_start_matches(coin)).trim();
    let rest = sentence.get(found.at.1..).unwrap_or_default();
    let (behind, length) = unit_of(rest);
    let coin = coin.and_then(|coin| vocabulary::unit(&coin.to_string()));
    let units = [coin, behind].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let number = figure(digits);
    let key = if units.is_empty() { number } else { format!("{number} {units}") };
    (Token::fact(FactKind::Number, key), found.at.1 + length)
}

/// The unit that `rest` begins with, after at most one blank or hyphen, and how long that is.
fn unit_of(rest: &str) -> (Option<&'static str>, usize) {
    let blank = rest.chars().next().filter(|c| matches!(c, ' ' | '-')).map_or(0, char::len_utf8);
    let word = rest.get(blank..).unwrap_or_default();
    let ends =
        |c: char| !(c.is_alphanumeric() || matches!(c, '%' | '°' | '€' | '$' | '£' | '/' | '‰'));
    let word = word.get(..word.find(ends).unwrap_or(word.len())).unwrap_or_default();
    // `5 a` is no ampere in running text, and `5 I` no unit at all.
    let loose = blank > 0 && word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    let known = if loose && !matches!(word, "m" | "s" | "h" | "g" | "l" | "W" | "V" | "B") {
        None
    } else {
        vocabulary::unit(word)
    };
    (known, known.map_or(0, |_| blank + word.len()))
}

/// A number without what people put between its digits: `1,000` is `1000`.
fn figure(digits: &str) -> String {
    let ordinal = digits.trim_end_matches(|c: char| c.is_alphabetic());
    let groups: Vec<&str> = ordinal.split([',', '\'', '’', '_', ' ']).collect();
    let (first, rest) = groups.split_first().unwrap_or((&"", &[]));
    let grouped = !rest.is_empty()
        && first.len() <= 4
        && rest.iter().all(|part| part.split('.').next().is_some_and(|part| part.len() == 3));
    let plain = if grouped { groups.concat() } else { ordinal.to_owned() };
    format!("{plain}{}", digits.get(ordinal.len()..).unwrap_or_default())
}

/// The tokens of a word. Alphabets without blanks between words are read letter by letter.
fn words(text: &str, initial: bool) -> Vec<Token> {
    if text.chars().any(stands_alone) {
        return text.chars().map(|c| foreign(&c.to_string())).collect();
    }
    vec![word(text, initial)]
}

/// Han, Kana, Thai, Lao, Khmer and Burmese are written without blanks.
const fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

/// A word of an alphabet without capitals: it may be a name.
fn foreign(text: &str) -> Token {
    Token { kind: Some(FactKind::Name), key: text.to_owned(), stem: text.to_owned(), weak: true }
}

fn word(text: &str, initial: bool) -> Token {
    let lower = text.to_lowercase().replace('’', "'");
    let kind_of = |kind| Token::fact(kind, vocabulary::sense(&lower).to_owned());
    let capital = text.chars().next().is_some_and(char::is_uppercase);
    let inner = text.chars().skip(1).any(char::is_uppercase);
    if text.chars().all(|c| !c.is_lowercase() && !c.is_uppercase()) {
        return foreign(text);
    }
    if inner && text.chars().any(char::is_lowercase) && text.is_ascii() && !text.contains('\'') {
        return Token::fact(FactKind::Identifier, text.to_owned());
    }
    if let Some(day) = dates::weekday(&lower) {
        return Token::fact(FactKind::Time, day.to_owned());
    }
    if capital
        && !initial
        && let Some(month) = dates::month_of(&lower)
    {
        return Token::fact(FactKind::Time, format!("--{month:02}"));
    }
    if vocabulary::negates(&lower) {
        // Which word negates does not matter, but `cannot` narrows as well.
        return Token::fact(FactKind::Negation, "not".to_owned());
    }
    if let Some(colour) = vocabulary::colour(&lower) {
        return Token::fact(FactKind::Colour, colour.to_owned());
    }
    if vocabulary::relative_time(&lower) {
        return kind_of(FactKind::Time);
    }
    if vocabulary::narrows(&lower) {
        return kind_of(FactKind::Qualifier);
    }
    let stem = vocabulary::stem(&lower);
    let stem = vocabulary::sense(&stem).to_owned();
    if !capital || vocabulary::begins_sentences(&lower) {
        return Token { kind: None, key: lower, stem, weak: false };
    }
    let key = lower.trim_end_matches("'s").to_owned();
    let acronym = text.chars().count() > 1 && text.chars().all(char::is_uppercase);
    Token { kind: Some(FactKind::Name), key, stem, weak: initial && !acronym }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_found_in_one_form() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("It takes 5 minutes", &[("number", "5 min")]),
            ("It takes five min", &[("number", "5 min")]),
            ("It costs $1,000.50", &[("number", "1000.50 USD")]),
            ("It costs 1000 euros", &[("number", "1000 EUR")]),
            (
                "a limit of 5MB, not 5 Mb",
                &[("number", "5 MB"), ("number", "5 Mbit"), ("negation", "not")],
            ),
            (
                "on 5 May 2023 at 1:56 pm",
                &[("date or time", "13:56"), ("date or time", "2023-05-05")],
            ),
            ("every Monday", &[("date or time", "monday"), ("qualifier", "each")]),
            ("we met Alice and BBC", &[("name", "alice"), ("name", "bbc")]),
            ("Alice left", &[]),
            ("see /etc/hosts and src/main.rs", &[("path", "/etc/hosts"), ("path", "src/main.rs")]),
            ("see https://a.example/x.", &[("address", "https://a.example/x")]),
            ("run it with --force on db1", &[("identifier", "--force"), ("identifier", "db1")]),
            ("a well-known gray car", &[("colour", "grey")]),
            (
                "version 1.2.3, or v1.2.4",
                &[("identifier", "1.2.3"), ("identifier", "1.2.4"), ("qualifier", "or")],
            ),
            ("it doesn’t work", &[("negation", "not")]),
            (
                "use fooBar or MAX_SIZE",
                &[("identifier", "MAX_SIZE"), ("identifier", "fooBar"), ("qualifier", "or")],
            ),
        ];
        for (text, expected) in cases {
            let facts = Reading::of(text).facts();
            let found: Vec<_> =
                facts.iter().map(|it| (it.kind.name(), it.value.as_str())).collect();
            assert_eq!(found, *expected, "{text}");
        }
    }

    #[test]
    fn sentences_stand_as_they_were_written() {
        let text = "One. Two is v1.2, see a.txt!\nThree? 四。五";
        assert_eq!(sentences(text), ["One.", "Two is v1.2, see a.txt!", "Three?", "四。", "五"]);
    }
}
