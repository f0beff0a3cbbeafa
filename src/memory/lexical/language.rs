//! Languages that words are reduced to their stems in.

use std::collections::BTreeMap;

use tantivy::tokenizer::{
    Language as Stems, LowerCaser, RemoveLongFilter, SimpleTokenizer, Stemmer, TextAnalyzer,
};

use crate::contracts::Area;

/// A language, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(usize);

/// The names, as they stand in the configuration; the first is the default, the last is for words as they are.
const NAMES: [(&str, Option<Stems>); 19] = [
    ("english", Some(Stems::English)),
    ("arabic", Some(Stems::Arabic)),
    ("danish", Some(Stems::Danish)),
    ("dutch", Some(Stems::Dutch)),
    ("finnish", Some(Stems::Finnish)),
    ("french", Some(Stems::French)),
    ("german", Some(Stems::German)),
    ("greek", Some(Stems::Greek)),
    ("hungarian", Some(Stems::Hungarian)),
    ("italian", Some(Stems::Italian)),
    ("norwegian", Some(Stems::Norwegian)),
    ("portuguese", Some(Stems::Portuguese)),
    ("romanian", Some(Stems::Romanian)),
    ("russian", Some(Stems::Russian)),
    ("spanish", Some(Stems::Spanish)),
    ("swedish", Some(Stems::Swedish)),
    ("tamil", Some(Stems::Tamil)),
    ("turkish", Some(Stems::Turkish)),
    ("none", None),
];

/// Longer words are no words.
const WORD_BYTES_MAX: usize = 40;

impl Language {
    /// The language with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().position(|(known, _)| *known == name).map(Self)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.get(self.0).map_or("none", |(name, _)| name)
    }

    /// Makes words of texts: small letters, without endings.
    pub(super) fn analyzer(self) -> TextAnalyzer {
        let plain = TextAnalyzer::builder(SimpleTokenizer::default())
            .filter(RemoveLongFilter::limit(WORD_BYTES_MAX))
            .filter(LowerCaser);
        match NAMES.get(self.0).and_then(|(_, stems)| *stems) {
            Some(stems) => plain.filter(Stemmer::new(stems)).build(),
            None => plain.build(),
        }
    }
}

/// Which language each area is in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Languages {
    /// For areas that name none.
    pub default: Language,
    /// By area.
    pub areas: BTreeMap<Area, Language>,
}

impl Languages {
    /// The language of an area.
    #[must_use]
    pub fn of(&self, area: Area) -> Language {
        self.areas.get(&area).copied().unwrap_or(self.default)
    }

    /// Every language that is used, once.
    pub(super) fn all(&self) -> Vec<Language> {
        let mut all: Vec<Language> = Area::ALL.into_iter().map(|area| self.of(area)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// What an index of these languages is called: another name, another index.
    pub(crate) fn maker(&self) -> String {
        let of = |area: Area| format!("{}={}", area.name(), self.of(area).name());
        format!("words-1 {}", Area::ALL.map(of).join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(language: &str, text: &str) -> Vec<String> {
        let mut analyzer = Language::named(language).unwrap().analyzer();
        let mut stream = analyzer.token_stream(text);
        let mut words = Vec::new();
        while stream.advance() {
            words.push(stream.token().text.clone());
        }
        words
    }

    #[test]
    fn words_lose_the_endings_of_their_language() {
        for (language, text, words) in [
            ("english", "Running dogs", vec!["run", "dog"]),
            ("german", "Häuser bauten", vec!["haus", "baut"]),
            ("none", "Running dogs", vec!["running", "dogs"]),
        ] {
            assert_eq!(stems(language, text), words, "{language}");
        }
        assert_eq!(Language::named("klingon"), None);
    }
}
