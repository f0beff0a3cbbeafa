//! Knowing content again without keeping it: keyed hashes of what looks like a secret in a text.
//!
//! What is kept are the hashes of words that look like secrets, and of overlapping pieces of long ones,
//! under a random key of their own. Whoever has them can tell that a text holds such a word, and
//! cannot read the word from them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::disguise::{TEXT_BYTES_MAX, undisguised};

/// Shorter words are not looked for: they would be found everywhere.
const WORD_MIN: usize = 6;

/// Words that are not given a name, as in `password=`, are looked for from this length on.
const NAMELESS_MIN: usize = 8;

/// Length of the pieces of long words, and how far one begins behind the other.
const PIECE: usize = 24;
const STRIDE: usize = 8;

/// Most hashes of one text.
const HASHES_MAX: usize = 65_536;

/// What content is known again by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprints {
    /// The key, in hexadecimal digits.
    key: String,
    /// The lengths of what was hashed, in bytes.
    lengths: BTreeSet<usize>,
    /// The first half of each keyed hash.
    hashes: BTreeSet<String>,
    /// Whether there was more than could be kept: then every longer text counts as holding it.
    cut: bool,
}

impl Fingerprints {
    /// The fingerprints of the texts in `value` under `key`, which is random.
    #[must_use]
    pub fn of(value: &Value, key: [u8; 32]) -> Self {
        let mut found = Self {
            key: blake3::Hash::from_bytes(key).to_hex().to_string(),
            lengths: BTreeSet::new(),
            hashes: BTreeSet::new(),
            cut: false,
        };
        found.add(value, &key);
        found
    }

    fn add(&mut self, value: &Value, key: &[u8; 32]) {
        match value {
            Value::String(text) => words(text).for_each(|word| self.add_word(word, key)),
            Value::Array(items) => items.iter().for_each(|item| self.add(item, key)),
            Value::Object(map) => map.values().for_each(|item| self.add(item, key)),
            _ => {}
        }
    }

    fn add_word(&mut self, word: &[u8], key: &[u8; 32]) {
        let size = word.len().min(PIECE);
        let last = word.len() - size;
        let starts = (0..last).step_by(STRIDE).chain([last]);
        for piece in starts.filter_map(|start| word.get(start..start + size)) {
            if self.hashes.len() >= HASHES_MAX {
                self.cut = true;
                return;
            }
            self.lengths.insert(size);
            self.hashes.insert(hash(piece, key));
        }
    }

    /// Whether a text in `value` holds one of the words, in any notation, or a long part of one.
    #[must_use]
    pub fn meet(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.meet_text(text),
            Value::Array(items) => items.iter().any(|item| self.meet(item)),
            Value::Object(map) => {
                map.iter().any(|(key, item)| self.meet_text(key) || self.meet(item))
            }
            _ => false,
        }
    }

    fn meet_text(&self, text: &str) -> bool {
        let Ok(key) = blake3::Hash::from_hex(&self.key) else { return true };
        if text.len() > TEXT_BYTES_MAX || (self.cut && text.len() >= PIECE) {
            return true;
        }
        let held = |plain: &[u8], size: &usize| {
            plain.windows(*size).any(|part| self.hashes.contains(&hash(part, key.as_bytes())))
        };
        let plain = undisguised(text);
        plain.iter().any(|plain| self.lengths.iter().any(|size| held(plain, size)))
    }
}

fn hash(word: &[u8], key: &[u8; 32]) -> String {
    let hex = blake3::keyed_hash(key, word).to_hex();
    hex.as_str().chars().take(32).collect()
}

/// The words of `text` that may be secrets: what stands behind a name and `=` or `:`, what looks like
/// neither a word nor a name, and a text of one line as a whole.
fn words(text: &str) -> impl Iterator<Item = &[u8]> {
    let whole = Some(text.trim()).filter(|text| !text.contains('\n') && text.len() <= PIECE * 4);
    let values = text.lines().filter_map(|line| line.split_once(['=', ':']));
    let values = values.map(|(_, value)| value.trim().trim_matches(['"', '\'']));
    let between = |c: char| c.is_whitespace() || "\"'`=:,;()[]{}<>".contains(c);
    let nameless = text.split(between).filter(|word| word.len() >= NAMELESS_MIN && is_odd(word));
    let all = whole.into_iter().chain(values).chain(nameless);
    all.map(str::as_bytes).filter(|word| word.len() >= WORD_MIN)
}

/// Whether nobody would write this in prose: letters with digits or of both cases, or very long.
fn is_odd(word: &str) -> bool {
    let has = |wanted: fn(&char) -> bool| word.chars().any(|c| wanted(&c));
    let upper = word.chars().skip(1).any(|c| c.is_ascii_uppercase());
    let (lower, digit) = (has(char::is_ascii_lowercase), has(char::is_ascii_digit));
    (digit && (lower || upper)) || (lower && upper) || word.len() >= PIECE
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE64, HEXLOWER};
    use serde_json::json;

    use super::*;

    const FILE: &str = "# where it lives\nDB_PASSWORD=correcthorse\napi: \"k9-Zq81LLx0\"\n\
        -----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n";

    fn prints() -> Fingerprints {
        Fingerprints::of(&json!({ "text": FILE, "bytes": 180 }), [7; 32])
    }

    #[test]
    fn knows_a_secret_again_in_longer_texts_and_other_notations() {
        let prints = prints();
        for text in [
            FILE.to_owned(),
            "the password is correcthorse!".to_owned(),
            "xxcorrecthorseyy".to_owned(),
            "key=k9-Zq81LLx0&x=1".to_owned(),
            BASE64.encode(b"user:correcthorse"),
            HEXLOWER.encode(b"..k9-Zq81LLx0"),
            "%63orrect%68orse".to_owned(),
            "part: DANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEA".to_owned(),
        ] {
            assert!(prints.meet(&json!({ "body": [text.clone()] })), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_taken_for_it() {
        let prints = prints();
        for text in ["", "where it lives", "DB_PASSWORD", "a correct horse", "MIIEvQIBADANBgkqh"] {
            assert!(!prints.meet(&json!(text)), "{text}");
        }
    }

    #[test]
    fn keeps_nothing_that_can_be_read_and_survives_being_stored() {
        let prints = prints();
        let stored = serde_json::to_string(&prints).unwrap();
        for part in ["correcthorse", "k9-Zq81LLx0", "MIIEvQ", "DB_PASSWORD"] {
            assert!(!stored.contains(part), "{stored}");
        }
        assert_eq!(serde_json::from_str::<Fingerprints>(&stored).unwrap(), prints);
        let other = Fingerprints::of(&json!(FILE), [8; 32]);
        assert!(other.hashes.is_disjoint(&prints.hashes), "each key gives other hashes");
    }

    #[test]
    fn more_than_can_be_kept_counts_as_everywhere() {
        let many: String = (0..HASHES_MAX + 1).map(|n| format!("word{n:08}\n")).collect();
        let prints = Fingerprints::of(&json!(many), [7; 32]);
        assert!(prints.meet(&json!("something of a certain length")));
        assert!(!prints.meet(&json!("short")));
    }
}
