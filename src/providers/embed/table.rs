//! The embedder that is built in: one row of bytes per token, and a text is the sum of its tokens' rows.
//!
//! The table was distilled from all-MiniLM-L6-v2 by `scripts/distil-static.py`. Its layout: `"BWTABLE1"`, how
//! many tokens, how many numbers a row has, how many bytes the tokens take (u32, little-endian), the tokens one
//! per line, a scale per row (f32), the rows (i8).

use std::sync::OnceLock;

use super::wordpiece::Vocabulary;
use crate::ports::{EmbedError, Embedder};

static BYTES: &[u8] = include_bytes!("static_table/minilm-256.bin");
const MAGIC: &[u8] = b"BWTABLE1";

/// The built-in embedder.
#[derive(Debug)]
pub struct Static {
    id: String,
    dimension: usize,
    vocabulary: Vocabulary,
    scales: Vec<f32>,
    rows: &'static [u8],
}

/// Longer texts count by their beginning. More than the longest memory has.
const TOKENS_MAX: usize = 1 << 20;

impl Static {
    /// The one there is. Reading the table takes some milliseconds, once.
    ///
    /// # Errors
    /// When the table that was compiled in is damaged.
    pub fn shared() -> Result<&'static Self, EmbedError> {
        static ONE: OnceLock<Option<Static>> = OnceLock::new();
        ONE.get_or_init(|| Self::read(BYTES)).as_ref().ok_or_else(|| EmbedError::Unavailable {
            embedder: "static".to_owned(),
            reason: "the table that was compiled in is damaged; build the program again".to_owned(),
        })
    }

    fn read(bytes: &'static [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (head, rest) = rest.split_first_chunk::<12>()?;
        let mut numbers = head.as_chunks::<4>().0.iter().map(|it| u32::from_le_bytes(*it) as usize);
        let (count, dimension, words) = (numbers.next()?, numbers.next()?, numbers.next()?);
        let (words, rest) = rest.split_at_checked(words)?;
        let (scales, rows) = rest.split_at_checked(count.checked_mul(4)?)?;
        if rows.len() != count.checked_mul(dimension)? || dimension == 0 {
            return None;
        }
        let digest = blake3::hash(bytes).to_hex();
        Some(Self {
            id: format!("static-minilm-{dimension}-{}", digest.get(..8)?),
            dimension,
            vocabulary: Vocabulary::new(std::str::from_utf8(words).ok()?),
            scales: scales.as_chunks().0.iter().map(|it| f32::from_le_bytes(*it)).collect(),
            rows,
        })
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        let mut sum = vec![0.0_f32; self.dimension];
        for token in self.vocabulary.tokens(text).into_iter().take(TOKENS_MAX) {
            let from = token * self.dimension;
            let row = self.rows.get(from..from + self.dimension).unwrap_or_default();
            let scale = self.scales.get(token).copied().unwrap_or(0.0);
            for (sum, byte) in sum.iter_mut().zip(row) {
                *sum += scale * f32::from(byte.cast_signed());
            }
        }
        let length = sum.iter().map(|it| it * it).sum::<f32>().sqrt();
        if length > 0.0 {
            sum.iter_mut().for_each(|it| *it /= length);
        }
        sum
    }
}

impl Embedder for &'static Static {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(texts.iter().map(|text| self.vector(text)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: &str, b: &str) -> f32 {
        let made = Static::shared().unwrap().embed(&[a, b]).unwrap();
        made[0].iter().zip(&made[1]).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn texts_of_like_meaning_are_near() {
        for (text, like, unlike) in [
            ("The cat sat on the mat", "a kitten rested on a rug", "quarterly revenue grew"),
            ("how do I restart the server", "rebooting the machine", "a recipe for apple cake"),
            (
                "my daughter's birthday party",
                "celebrating with the children",
                "memory leak in the parser",
            ),
        ] {
            assert!(near(text, like) > near(text, unlike) + 0.1, "{text}");
        }
    }

    #[test]
    fn a_text_without_words_has_the_zero_vector_and_others_length_one() {
        let shared = Static::shared().unwrap();
        let made = shared.embed(&["", "hello world", "\u{1}"]).unwrap();
        for (vector, length) in made.iter().zip([0.0, 1.0, 0.0]) {
            let found: f32 = vector.iter().map(|it| it * it).sum();
            assert!((found - length).abs() < 1e-5);
            assert_eq!(vector.len(), shared.dimension());
        }
    }

    #[test]
    fn a_damaged_table_is_refused() {
        assert!(Static::read(b"").is_none());
        assert!(Static::read(b"BWTABLE1\x01\0\0\0\x02\0\0\0\x01\0\0\0a\0\0\0\0\x01").is_none());
    }
}
