//! Texts to remember and questions about them, made of this repository's own words: passages of its pages say
//! which words go together.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use bailiwick::ports::Embedder;
use bailiwick::providers::embed::Static;

use crate::Failure;

/// Words that are drawn on for one text.
const PASSAGE: usize = 60;
const TEXT_WORDS: usize = 18;
const QUESTION_WORDS: usize = 7;

/// Texts, questions, and the vectors of both.
pub struct Corpus {
    pub texts: Vec<String>,
    pub questions: Vec<String>,
    pub vectors: Vec<Vec<f32>>,
    pub asked: Vec<Vec<f32>>,
    /// For each question the ten nearest texts, by floats.
    pub nearest: Vec<HashSet<usize>>,
}

pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % most.max(1)
    }
}

impl Corpus {
    /// `count` different texts and `asked` questions.
    pub fn make(count: usize, asked: usize) -> Result<Self, Failure> {
        let words = words(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))?;
        let mut random = Random::new(count as u64);
        let mut draw = |length: usize| {
            let passage = random.below(words.len() - PASSAGE);
            let word = |random: &mut Random| match random.below(10) {
                0..7 => &words[passage + random.below(PASSAGE)],
                _ => &words[random.below(words.len())],
            };
            let drawn: Vec<&str> = (0..length).map(|_| word(&mut random).as_str()).collect();
            drawn.join(" ")
        };
        let texts: Vec<String> =
            (0..count).map(|number| format!("{} {number}", draw(TEXT_WORDS))).collect();
        let questions: Vec<String> = (0..asked).map(|_| draw(QUESTION_WORDS)).collect();
        let embedder = Static::shared()?;
        let embed =
            |all: &[String]| embedder.embed(&all.iter().map(String::as_str).collect::<Vec<_>>());
        let (vectors, asked) = (embed(&texts)?, embed(&questions)?);
        let nearest = asked.iter().map(|question| nearest(question, &vectors)).collect();
        Ok(Self { texts, questions, vectors, asked, nearest })
    }

    /// The share of the nearest ten that was found.
    pub fn recall(&self, found: &[Vec<usize>]) -> f64 {
        let right = |(found, nearest): (&Vec<usize>, &HashSet<usize>)| {
            found.iter().take(10).filter(|it| nearest.contains(it)).count()
        };
        let right: usize = found.iter().zip(&self.nearest).map(right).sum();
        right as f64 / (self.nearest.len() * 10) as f64
    }
}

fn nearest(question: &[f32], vectors: &[Vec<f32>]) -> HashSet<usize> {
    let near = |row: &Vec<f32>| row.iter().zip(question).map(|(a, b)| a * b).sum::<f32>();
    let mut order: Vec<(f32, usize)> =
        vectors.iter().enumerate().map(|(at, row)| (near(row), at)).collect();
    order.select_nth_unstable_by(9, |a, b| b.0.total_cmp(&a.0));
    order.truncate(10);
    order.into_iter().map(|it| it.1).collect()
}

/// All words of the pages, in their order.
fn words(root: &Path) -> Result<Vec<String>, Failure> {
    let mut pages: Vec<_> = fs::read_dir(root.join("docs"))?.collect::<Result<_, _>>()?;
    pages.sort_by_key(fs::DirEntry::path);
    let mut words = Vec::new();
    for page in pages.iter().map(fs::DirEntry::path).filter(|it| it.extension().is_some()) {
        let text = fs::read_to_string(page)?;
        let all = text.split(|c: char| !c.is_alphabetic()).filter(|it| it.len() > 2);
        words.extend(all.map(str::to_lowercase));
    }
    if words.len() < 10 * PASSAGE {
        return Err("the pages have too few words".into());
    }
    Ok(words)
}
