//! Cutting texts into the tokens of BERT's uncased vocabulary.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A longer word is one unknown token.
const WORD_CHARS_MAX: usize = 100;

/// The tokens and their numbers.
#[derive(Debug)]
pub(super) struct Vocabulary {
    whole: HashMap<&'static str, usize>,
    /// Those that go on a word, without the `##` they are written with.
    inner: HashMap<&'static str, usize>,
}

impl Vocabulary {
    /// The tokens of `text`, one per line.
    pub(super) fn new(text: &'static str) -> Self {
        let (mut whole, mut inner) = (HashMap::new(), HashMap::new());
        for (number, token) in text.split('\n').enumerate() {
            match token.strip_prefix("##") {
                Some(rest) if !rest.is_empty() => inner.insert(rest, number),
                _ => whole.insert(token, number),
            };
        }
        Self { whole, inner }
    }

    /// The numbers of the tokens of a text. A word that is made of no known ones is left out.
    pub(super) fn tokens(&self, text: &str) -> Vec<usize> {
        let mut found = Vec::new();
        for word in words(text) {
            let before = found.len();
            if !self.cut(&word, &mut found) {
                found.truncate(before);
            }
        }
        found
    }

    /// The longest token first, then the longest that goes on; whether the word came out even.
    fn cut(&self, word: &str, found: &mut Vec<usize>) -> bool {
        if word.chars().count() > WORD_CHARS_MAX {
            return false;
        }
        let mut rest = word;
        let mut known = &self.whole;
        while !rest.is_empty() {
            let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
            let longest = ends
                .filter_map(|end| rest.split_at_checked(end))
                .find_map(|(head, tail)| known.get(head).map(|number| (*number, tail)));
            let Some((number, tail)) = longest else { return false };
            found.push(number);
            rest = tail;
            known = &self.inner;
        }
        true
    }
}

/// Words in small letters and without accents; each punctuation mark and each Chinese character alone.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let lowered = text.chars().filter(|c| !is_control(*c)).flat_map(char::to_lowercase);
    for c in lowered.nfd().filter(|c| !is_combining_mark(*c)) {
        let alone = is_punctuation(c) || is_chinese(c);
        if (alone || c.is_whitespace()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if alone {
            words.push(c.to_string());
        } else if !c.is_whitespace() {
            word.push(c);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn is_control(c: char) -> bool {
    c == '\u{fffd}' || (c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(c, '¡' | '§' | '«' | '¶' | '·' | '»' | '¿')
        || matches!(u32::from(c), 0x2010..=0x2027 | 0x2030..=0x205e | 0x3001..=0x3003 | 0x3008..=0x3011)
}

fn is_chinese(c: char) -> bool {
    matches!(u32::from(c), 0x4e00..=0x9fff | 0x3400..=0x4dbf | 0xf900..=0xfaff | 0x2_0000..=0x2_ceaf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_as_bert_cuts_them() {
        let vocabulary = Vocabulary::new("[UNK]\nun\n##aff\n##able\ncafe\n,\n!\n日\nthe");
        for (text, tokens) in [
            ("unaffable", vec![1, 2, 3]),
            ("The CAFÉ, unaffable!", vec![8, 4, 5, 1, 2, 3, 6]),
            ("日the", vec![7, 8]),
            ("xyz", vec![]),
            ("unxyz the", vec![8]),
            ("", vec![]),
        ] {
            assert_eq!(vocabulary.tokens(text), tokens, "{text}");
        }
    }
}
