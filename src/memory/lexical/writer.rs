//! Writing the index: batches of records, one commit each, published with digests.

use tantivy::index::SegmentId;
use tantivy::indexer::NoMergePolicy;
use tantivy::{IndexWriter, TantivyDocument, Term};

use super::index::LexicalError;
use super::language::{Language, Languages};
use super::view::View;
use crate::contracts::Hash;
use crate::memory::generation::Generation;

/// A record as it is indexed.
#[derive(Debug, Clone)]
pub(crate) struct Indexed {
    /// The record.
    pub number: u64,
    /// What it is indexed from.
    pub stamp: u32,
    /// Whether it is a question.
    pub asks: bool,
    /// The language it is in.
    pub language: Language,
    /// The text, as [`super::worded`] makes it.
    pub text: String,
}

/// Memory for documents that are not committed yet.
const BUFFER_BYTES: usize = 32 << 20;
/// With so many segments the small ones become one.
const SEGMENTS_MAX: usize = 8;
/// The file that changes with every commit.
pub(super) const META: &str = "meta.json";

/// The one writer of an index.
pub(crate) struct Writer {
    pub(super) generation: Generation,
    pub(super) view: View,
    writer: IndexWriter,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("generation", &self.generation.manifest.generation).finish()
    }
}

impl Writer {
    /// Begins a generation; nobody sees it until it is activated.
    pub(crate) fn begin(
        root: &std::path::Path,
        languages: &Languages,
    ) -> Result<Self, LexicalError> {
        let generation = Generation::begin(root, &languages.maker(), 0)?;
        let view = View::create(&generation.files(), languages)?;
        Self::of(generation, view)
    }

    /// Goes on with a generation that was read.
    pub(super) fn of(generation: Generation, view: View) -> Result<Self, LexicalError> {
        let writer = view.index.writer_with_num_threads(1, BUFFER_BYTES)?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        Ok(Self { generation, view, writer })
    }

    /// Adds or replaces records, takes others away, and publishes the result.
    pub(crate) fn commit(
        &mut self,
        put: &[Indexed],
        gone: &[u64],
        last_seq: u64,
    ) -> Result<(), LexicalError> {
        let fields = self.view.fields.clone();
        for number in put.iter().map(|it| it.number).chain(gone.iter().copied()) {
            self.writer.delete_term(Term::from_field_u64(fields.number, number));
        }
        for record in put {
            let Some(field) = fields.text(record.language) else { continue };
            let mut document = TantivyDocument::new();
            document.add_u64(fields.number, record.number);
            document.add_u64(fields.stamp, u64::from(record.stamp));
            document.add_u64(fields.asks, u64::from(record.asks));
            document.add_text(field, &record.text);
            self.writer.add_document(document)?;
        }
        let mut prepared = self.writer.prepare_commit()?;
        prepared.set_payload(&Payload::text(self.generation.manifest.commit + 1, last_seq));
        prepared.commit()?;
        self.merge(SEGMENTS_MAX)?;
        self.publish(last_seq)
    }

    /// Makes one segment of all, so that what was taken away is in no file any more.
    pub(crate) fn compact(&mut self, last_seq: u64) -> Result<(), LexicalError> {
        self.merge(0)?;
        self.publish(last_seq)
    }

    /// Makes it the index that is opened from now on.
    pub(crate) fn activate(&self) -> Result<(), LexicalError> {
        Ok(self.generation.activate()?)
    }

    fn merge(&mut self, most: usize) -> Result<(), LexicalError> {
        let segments = self.view.index.searchable_segment_metas()?;
        if segments.len() > most && !segments.is_empty() {
            let largest = segments.iter().map(|it| it.num_docs()).max().unwrap_or(0);
            let all: u32 = segments.iter().map(|it| it.num_docs()).sum();
            // A segment with more than half of everything is not written again for a few new records.
            let keep = |docs: u32| most > 0 && docs == largest && docs > all / 2;
            let small = segments.iter().filter(|it| !keep(it.num_docs()));
            let small: Vec<SegmentId> = small.map(|it| it.id()).collect();
            if !small.is_empty() {
                self.writer.merge(&small).wait()?;
            }
        }
        self.writer.garbage_collect_files().wait()?;
        Ok(())
    }

    fn publish(&mut self, last_seq: u64) -> Result<(), LexicalError> {
        let dir = self.generation.files();
        let segments = self.view.index.searchable_segment_metas()?;
        let records = segments.iter().map(|it| u64::from(it.num_docs())).sum();
        let names = segments.iter().flat_map(|it| it.list_files());
        let names = names.filter(|name| dir.join(name).exists());
        let mut names: Vec<String> =
            names.filter_map(|name| name.to_str().map(str::to_owned)).collect();
        names.push(META.to_owned());
        names.sort_unstable();
        names.dedup();
        self.generation.publish(names, &[META], records, last_seq)?;
        Ok(self.view.reload()?)
    }
}

/// What a commit carries: which one it is, and the last row it has seen, with a digest of both.
pub(super) struct Payload {
    pub commit: u64,
    pub last_seq: u64,
}

impl Payload {
    fn text(commit: u64, last_seq: u64) -> String {
        let said = format!("{commit} {last_seq}");
        format!("{said} {}", Hash::of(said.as_bytes()))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (said, digest) = text.rsplit_once(' ')?;
        if digest.parse::<Hash>().ok()? != Hash::of(said.as_bytes()) {
            return None;
        }
        let (commit, last_seq) = said.split_once(' ')?;
        Some(Self { commit: commit.parse().ok()?, last_seq: last_seq.parse().ok()? })
    }
}
