//! The index on disk, as a search sees it: the state of its last published commit.

use std::collections::HashMap;
use std::path::Path;

use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{Index, IndexReader, IndexSettings, ReloadPolicy, Term};

use super::fresh::{Statistics, Word};
use super::language::{Language, Languages};
use super::whole::Whole;

/// The fields of the index.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub number: Field,
    pub stamp: Field,
    pub asks: Field,
    pub texts: Vec<(Language, Field)>,
}

impl Fields {
    fn build(languages: &Languages) -> (Self, Schema) {
        let mut schema = Schema::builder();
        let number = schema.add_u64_field("number", INDEXED | FAST);
        let stamp = schema.add_u64_field("stamp", FAST);
        let asks = schema.add_u64_field("asks", FAST);
        let text = |language: Language| {
            let indexing = TextFieldIndexing::default()
                .set_tokenizer(language.name())
                .set_index_option(IndexRecordOption::WithFreqsAndPositions);
            TextOptions::default().set_indexing_options(indexing)
        };
        let texts = languages.all().into_iter();
        let texts = texts.map(|it| (it, schema.add_text_field(it.name(), text(it)))).collect();
        (Self { number, stamp, asks, texts }, schema.build())
    }

    /// The field of a language.
    pub(super) fn text(&self, language: Language) -> Option<Field> {
        self.texts.iter().find(|(it, _)| *it == language).map(|(_, field)| *field)
    }
}

/// An open index.
#[derive(Clone)]
pub(super) struct View {
    pub index: Index,
    pub fields: Fields,
    reader: IndexReader,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").finish_non_exhaustive()
    }
}

impl View {
    /// Makes an empty index in an empty directory.
    pub(super) fn create(dir: &Path, languages: &Languages) -> tantivy::Result<Self> {
        let (fields, schema) = Fields::build(languages);
        let index = Index::create(Whole::open(dir)?, schema, IndexSettings::default())?;
        Self::of(index, fields, languages)
    }

    /// Opens the index in a directory.
    pub(super) fn open(dir: &Path, languages: &Languages) -> tantivy::Result<Self> {
        let (fields, schema) = Fields::build(languages);
        let index = Index::open(Whole::open(dir)?)?;
        if index.schema() != schema {
            return Err(tantivy::TantivyError::SchemaError("it has other fields".to_owned()));
        }
        Self::of(index, fields, languages)
    }

    fn of(index: Index, fields: Fields, languages: &Languages) -> tantivy::Result<Self> {
        for language in languages.all() {
            index.tokenizers().register(language.name(), language.analyzer());
        }
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { index, fields, reader })
    }

    /// Shows what was committed since.
    pub(super) fn reload(&self) -> tantivy::Result<()> {
        self.reader.reload()
    }

    /// Every record in it: what it was indexed from, and whether it is a question.
    pub(super) fn known(&self) -> tantivy::Result<HashMap<u64, (u32, bool)>> {
        let mut known = HashMap::new();
        for segment in self.reader.searcher().segment_readers() {
            let columns = segment.fast_fields();
            let (number, stamp, asks) =
                (columns.u64("number")?, columns.u64("stamp")?, columns.u64("asks")?);
            for doc in segment.doc_ids_alive() {
                let (Some(number), Some(stamp)) = (number.first(doc), stamp.first(doc)) else {
                    continue;
                };
                let stamp = u32::try_from(stamp).unwrap_or(0);
                known.insert(number, (stamp, asks.first(doc) == Some(1)));
            }
        }
        Ok(known)
    }

    /// The best `limit` records that have any of the words or phrases, and whether these are all there are.
    pub(super) fn search(
        &self,
        words: &[Word],
        phrases: &[Vec<Word>],
        limit: usize,
    ) -> tantivy::Result<(Vec<(u64, f32)>, bool)> {
        let terms = words.iter().filter_map(|word| {
            let query = TermQuery::new(self.term(word)?, IndexRecordOption::WithFreqs);
            Some((Occur::Should, Box::new(query) as Box<dyn Query>))
        });
        let phrases = phrases.iter().filter(|phrase| phrase.len() > 1).filter_map(|phrase| {
            let terms = phrase.iter().map(|word| self.term(word)).collect::<Option<Vec<Term>>>()?;
            let query = BoostQuery::new(Box::new(PhraseQuery::new(terms)), PHRASE_BOOST);
            Some((Occur::Should, Box::new(query) as Box<dyn Query>))
        });
        let query = BooleanQuery::new(terms.chain(phrases).collect());
        let searcher = self.reader.searcher();
        let hits = searcher.search(&query, &TopDocs::with_limit(limit.max(1)).order_by_score())?;
        let all = hits.len() < limit.max(1);
        let mut numbers = Vec::with_capacity(hits.len());
        let mut columns = HashMap::new();
        for (score, address) in hits {
            let column = match columns.entry(address.segment_ord) {
                std::collections::hash_map::Entry::Occupied(held) => held.into_mut(),
                std::collections::hash_map::Entry::Vacant(free) => free.insert(
                    searcher.segment_reader(address.segment_ord).fast_fields().u64("number")?,
                ),
            };
            numbers.extend(column.first(address.doc_id).map(|number| (number, score)));
        }
        Ok((numbers, all))
    }

    fn term(&self, (language, word): &Word) -> Option<Term> {
        Some(Term::from_field_text(self.fields.text(*language)?, word))
    }
}

/// Words that stand together as they were quoted count so much more.
const PHRASE_BOOST: f32 = 2.0;

impl Statistics for View {
    fn records(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    fn tokens(&self, language: Language) -> u64 {
        let Some(field) = self.fields.text(language) else { return 0 };
        let searcher = self.reader.searcher();
        let segments = searcher.segment_readers().iter();
        segments.filter_map(|it| Some(it.inverted_index(field).ok()?.total_num_tokens())).sum()
    }

    fn holding(&self, word: &Word) -> u64 {
        self.term(word).and_then(|term| self.reader.searcher().doc_freq(&term).ok()).unwrap_or(0)
    }
}

/// No index on disk.
pub(super) struct Nothing;

impl Statistics for Nothing {
    fn records(&self) -> u64 {
        0
    }

    fn tokens(&self, _: Language) -> u64 {
        0
    }

    fn holding(&self, _: &Word) -> u64 {
        0
    }
}
