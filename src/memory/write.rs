//! From what is handed in to rows of the log: checked, without secrets, with the trust that it deserves, and not
//! twice.

use std::collections::HashMap;
use std::sync::Arc;

use super::check::{Sound, Strike, check, merge_external, merge_tags};
use super::error::MemoryError;
use super::facade::Memory;
use super::library::{Entry, Library};
use super::limits::WriteLimits;
use super::same::Compared;
use crate::contracts::{
    Area, EventBody, Hash, MemoryDraft, MemoryId, MemoryMetadata, MemoryOrigin, MemoryWritten,
    NewRecord, Provenance, REMEMBERED, Stored, TextRef, Timestamp, Written, WrittenAs,
};

/// Drafts of one transaction.
const CHUNK: usize = 256;
/// Most records that a draft is held against when they may be nearly the same.
const NEAR_MAX: usize = 256;

/// What the labels of strangers' words begin with.
const UNTRUSTED: &str = "untrusted";

/// Who hands something in: that bounds the trust it can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaidBy {
    /// A person, who is believed about where it came from.
    Person,
    /// A file that people keep.
    File,
    /// A run, a tool or another program: not more than a model is, whatever it says.
    Program,
}

impl SaidBy {
    const fn origin(self) -> MemoryOrigin {
        match self {
            Self::Person => MemoryOrigin::User,
            Self::File => MemoryOrigin::File,
            Self::Program => MemoryOrigin::Model,
        }
    }

    /// Trust of something that says it came from `origin`.
    fn trust(self, origin: MemoryOrigin) -> u8 {
        origin.trust().min(self.origin().trust())
    }
}

/// Something to remember, and who hands it in.
#[derive(Debug, Clone)]
pub struct Entrusted {
    /// What.
    pub draft: MemoryDraft,
    /// Who.
    pub by: SaidBy,
    /// What it came from.
    pub source: Provenance,
    /// The id it must have, where a repeat must change nothing.
    pub id: Option<MemoryId>,
    /// Records that it corrects.
    pub supersedes: Vec<MemoryId>,
}

impl Entrusted {
    /// Something that comes from nowhere in particular.
    #[must_use]
    pub fn new(draft: MemoryDraft, by: SaidBy) -> Self {
        Self { draft, by, source: Provenance::default(), id: None, supersedes: Vec::new() }
    }
}

/// Rows, texts and events that belong into one transaction, and what becomes of each draft.
#[derive(Debug, Default)]
pub struct Prepared {
    /// The rows.
    pub records: Vec<NewRecord>,
    /// Their texts.
    pub texts: Vec<Stored>,
    /// Their events.
    pub events: Vec<EventBody>,
    /// What becomes of each draft, in their order.
    pub written: Vec<Written>,
}

impl Memory {
    /// Remembers: durably, all or nothing for up to 256 of them, and found by the next question. Every one is checked
    /// before the first is written.
    ///
    /// # Errors
    /// [`MemoryError::Refused`] with what is wrong, or when the log does not take them.
    pub fn remember(&self, wanted: Vec<Entrusted>) -> Result<Vec<Written>, MemoryError> {
        let now = self.now();
        for (place, it) in wanted.iter().enumerate() {
            self.check(it, now).map_err(|why| refused(place, wanted.len(), &why))?;
        }
        let (mut written, mut rest) = (Vec::with_capacity(wanted.len()), wanted);
        while !rest.is_empty() {
            let later = rest.split_off(rest.len().min(CHUNK));
            let _alone = self.writing();
            let prepared = self.prepare(rest)?;
            if !prepared.events.is_empty() {
                self.append(prepared.records, prepared.texts, prepared.events)?;
            }
            written.extend(prepared.written);
            rest = later;
        }
        Ok(written)
    }

    /// What is wrong with something that somebody wants remembered, if anything is.
    ///
    /// # Errors
    /// [`MemoryError::Refused`].
    pub fn check_draft(&self, wanted: &Entrusted) -> Result<(), MemoryError> {
        self.check(wanted, self.now()).map(drop).map_err(MemoryError::Refused)
    }

    fn check(&self, wanted: &Entrusted, now: Timestamp) -> Result<Sound, String> {
        check(wanted.draft.clone(), &self.limits, &self.strike, now)
    }

    /// The rows of what is to be remembered, for whoever appends them together with something else. Hold
    /// [`Memory::writing`] until they are durable.
    ///
    /// # Errors
    /// As [`Memory::remember`].
    pub fn prepare(&self, wanted: Vec<Entrusted>) -> Result<Prepared, MemoryError> {
        let count = wanted.len();
        let library = self.library()?;
        let mut preparing = Preparing {
            memory: self,
            library: &library,
            now: self.now(),
            limits: &self.limits,
            strike: &self.strike,
            done: Prepared::default(),
            rows: HashMap::new(),
            fresh: HashMap::new(),
        };
        for (place, wanted) in wanted.into_iter().enumerate() {
            preparing.take(wanted).map_err(|error| match error {
                MemoryError::Refused(why) => refused(place, count, &why),
                other => other,
            })?;
        }
        Ok(preparing.done)
    }
}

fn refused(place: usize, count: usize, why: &str) -> MemoryError {
    MemoryError::Refused(match count {
        1 => why.to_owned(),
        _ => format!("memory {} of {count}: {why}", place + 1),
    })
}

struct Preparing<'a> {
    memory: &'a Memory,
    library: &'a Library,
    now: Timestamp,
    limits: &'a WriteLimits,
    strike: &'a Strike,
    done: Prepared,
    /// Where the newest row of a record stands that this batch writes.
    rows: HashMap<MemoryId, usize>,
    /// Rows of this batch by their content.
    fresh: HashMap<Hash, Vec<MemoryId>>,
}

impl Preparing<'_> {
    fn take(&mut self, wanted: Entrusted) -> Result<(), MemoryError> {
        if let Some(known) = wanted.id.and_then(|id| self.library.get(&id)) {
            self.tell(known.id, known.area, WrittenAs::Known, None, false);
            return Ok(());
        }
        let Entrusted { draft, by, source, id, supersedes } = wanted;
        let sound =
            check(draft, self.limits, self.strike, self.now).map_err(MemoryError::Refused)?;
        let (mut draft, struck) = (sound.draft, sound.struck);
        let origin = draft.origin.unwrap_or(by.origin());
        let (trust, moved) = place(&mut draft, by.trust(origin));
        let metadata = self.metadata(&draft, origin, trust, source);
        let content_hash = Hash::of(draft.text.as_bytes());
        if supersedes.is_empty()
            && let Some((id, area)) = self.known(&draft, &metadata, content_hash)?
        {
            self.merge(id, &draft)?;
            self.tell(id, area, WrittenAs::Known, moved, struck);
            return Ok(());
        }
        let id = id.unwrap_or_else(|| MemoryId::from_uuid(self.memory.clock.uuid()));
        let metadata = MemoryMetadata { supersedes: supersedes.clone(), ..metadata };
        for old in supersedes {
            self.supersede(old, id, trust)?;
        }
        self.add(id, draft, metadata, content_hash);
        let area = self.row(&id).map_or(Area::Fragments, |row| row.area);
        self.tell(id, area, WrittenAs::New, moved, struck);
        Ok(())
    }

    fn metadata(
        &self,
        draft: &MemoryDraft,
        origin: MemoryOrigin,
        trust: u8,
        source: Provenance,
    ) -> MemoryMetadata {
        MemoryMetadata {
            tags: draft.tags.clone(),
            source,
            origin,
            trust,
            importance: draft.importance.unwrap_or_default(),
            subject: draft.subject.clone(),
            episode_id: draft.episode_id.clone(),
            seq: draft.seq,
            event_time: draft.event_time,
            valid_from: draft.valid_from,
            valid_to: draft.valid_to,
            pinned: draft.pinned,
            labels: draft.labels.clone(),
            external_ids: draft.external_id.iter().cloned().collect(),
            expires_at: draft.expires_at,
            ..MemoryMetadata::default()
        }
    }

    /// A record that says the same in the same context, and counts now.
    fn known(
        &self,
        draft: &MemoryDraft,
        metadata: &MemoryMetadata,
        content: Hash,
    ) -> Result<Option<(MemoryId, Area)>, MemoryError> {
        for id in self.fresh.get(&content).into_iter().flatten() {
            let row = self.row(id);
            if let Some(row) =
                row.filter(|row| same_context(row.area, &row.metadata, draft, metadata))
            {
                return Ok(Some((row.id, row.area)));
            }
        }
        let fits = |entry: &&Entry| {
            entry.is_indexed()
                && entry.counts_at(self.now)
                && self.row(&entry.id).is_none_or(|row| row.metadata.superseded_at.is_none())
                && same_context(entry.area, &entry.metadata, draft, metadata)
        };
        if let Some(entry) = self.library.with_content(&content).find(fits) {
            return Ok(Some((entry.id, entry.area)));
        }
        self.nearly(draft, fits)
    }

    /// A record of about this length that says nearly the same.
    fn nearly(
        &self,
        draft: &MemoryDraft,
        fits: impl Fn(&&Entry) -> bool,
    ) -> Result<Option<(MemoryId, Area)>, MemoryError> {
        let Some(own) = Compared::of(&draft.text) else { return Ok(None) };
        let (bytes, from) = (draft.text.len() as u64, self.limits.same_from);
        let about = |entry: &&Entry| entry.text.bytes.abs_diff(bytes) <= bytes / 10;
        let newest = self.library.iter().rev().filter(about).filter(fits).take(NEAR_MAX);
        for entry in newest {
            let Some(text) = self.memory.log.text(&entry.text)? else { continue };
            if Compared::of(&text).is_some_and(|other| own.same(&other, from)) {
                return Ok(Some((entry.id, entry.area)));
            }
        }
        Ok(None)
    }

    /// Gives a record that is there the name and tags of a draft that says the same.
    fn merge(&mut self, id: MemoryId, draft: &MemoryDraft) -> Result<(), MemoryError> {
        let Some(mut row) = self.later(&id) else { return Ok(()) };
        let named = merge_external(&mut row.metadata.external_ids, draft.external_id.as_ref());
        let tagged = merge_tags(&mut row.metadata.tags, &draft.tags);
        if named.map_err(MemoryError::Refused)? | tagged.map_err(MemoryError::Refused)? {
            self.put(row);
        }
        Ok(())
    }

    fn supersede(&mut self, old: MemoryId, new: MemoryId, trust: u8) -> Result<(), MemoryError> {
        let row = self.later(&old).ok_or(MemoryError::NotFound(old))?;
        let refuse = |why: &str| Err(MemoryError::Refused(format!("`{old}` {why}")));
        if row.metadata.superseded_at.is_some() {
            return refuse("was replaced already; correct what replaced it");
        }
        if trust < row.metadata.trust {
            return refuse("is trusted more than what would replace it; a person can correct it");
        }
        let mut row = row;
        row.metadata.superseded_by = Some(new);
        row.metadata.superseded_at = Some(self.now);
        self.put(row);
        Ok(())
    }

    fn add(&mut self, id: MemoryId, draft: MemoryDraft, metadata: MemoryMetadata, hash: Hash) {
        let text = Stored::new(draft.text.into_bytes(), self.memory.clock.salt());
        self.fresh.entry(hash).or_default().push(id);
        self.put(NewRecord {
            id,
            area: draft.area,
            text: text.reference.clone(),
            metadata,
            created_at: self.now,
            updated_at: self.now,
            content_hash: hash,
        });
        self.done.texts.push(text);
    }

    /// The newest row of a record, of this batch or of the log, to be changed.
    fn later(&self, id: &MemoryId) -> Option<NewRecord> {
        if let Some(row) = self.row(id) {
            return Some(row.clone());
        }
        self.library.get(id)?.later(self.now)
    }

    fn row(&self, id: &MemoryId) -> Option<&NewRecord> {
        self.rows.get(id).and_then(|place| self.done.records.get(*place))
    }

    /// Takes a row; one of this batch is written once, with all that changed.
    fn put(&mut self, row: NewRecord) {
        if let Some(there) =
            self.rows.get(&row.id).and_then(|place| self.done.records.get_mut(*place))
        {
            *there = row;
            return;
        }
        self.rows.insert(row.id, self.done.records.len());
        self.done.events.push(event(row.id, row.area, row.text.clone()));
        self.done.records.push(row);
    }

    fn tell(
        &mut self,
        id: MemoryId,
        area: Area,
        became: WrittenAs,
        moved: Option<String>,
        struck: bool,
    ) {
        self.done.written.push(Written { id, became, area, moved, struck });
    }
}

impl Entry {
    /// A later row that says what this one says, to be changed; nothing of what was forgotten.
    #[must_use]
    pub fn later(&self, now: Timestamp) -> Option<NewRecord> {
        Some(NewRecord {
            content_hash: self.content_hash?,
            id: self.id,
            area: self.area,
            text: self.text.clone(),
            metadata: Arc::unwrap_or_clone(Arc::clone(&self.metadata)),
            created_at: self.created_at,
            updated_at: now,
        })
    }
}

/// The event of a row that was written.
#[must_use]
pub fn event(memory_id: MemoryId, area: Area, text: TextRef) -> EventBody {
    EventBody::MemoryWritten(MemoryWritten { memory_id, area, text, tags: Vec::new() })
}

/// Gives strangers' words no trust, and keeps them out of what is relied on; why they were moved.
fn place(draft: &mut MemoryDraft, trust: u8) -> (u8, Option<String>) {
    let is_relied_on = matches!(draft.area, Area::Main | Area::Solutions);
    let label = draft.labels.iter().find(|label| label.starts_with(UNTRUSTED));
    let label = label.map(|label| format!("it is labelled `{label}`"));
    let web = (draft.origin == Some(MemoryOrigin::Web)).then(|| "it comes from the web".to_owned());
    let Some(because) = label.or(web) else {
        if is_relied_on && draft.labels.iter().any(|label| label == REMEMBERED) {
            let asked = moved(draft);
            return (trust, Some(format!("what was remembered before is no news for `{asked}`")));
        }
        return (trust, None);
    };
    if !is_relied_on {
        return (0, None);
    }
    let asked = moved(draft);
    let why = format!("{because}: words of strangers never go to `{asked}`");
    (0, Some(why))
}

/// Puts a draft among the fragments; where it was to go.
fn moved(draft: &mut MemoryDraft) -> &'static str {
    draft.pinned = false;
    std::mem::replace(&mut draft.area, Area::Fragments).name()
}

/// The labels that bear on what may be done with a memory.
fn telling_labels(labels: &[String]) -> Vec<&String> {
    let tells = |label: &&String| label.starts_with(UNTRUSTED) || label.starts_with("secret");
    labels.iter().filter(tells).collect()
}

/// Whether a record stands where a draft would: equal texts there are one memory.
fn same_context(
    area: Area,
    there: &MemoryMetadata,
    draft: &MemoryDraft,
    new: &MemoryMetadata,
) -> bool {
    let (a, b) = (there, new);
    area == draft.area
        && a.superseded_at.is_none()
        && (a.trust, a.pinned, a.event_time) == (b.trust, b.pinned, b.event_time)
        && (a.valid_from, a.valid_to, a.expires_at) == (b.valid_from, b.valid_to, b.expires_at)
        && (&a.subject, &a.episode_id) == (&b.subject, &b.episode_id)
        && telling_labels(&a.labels) == telling_labels(&b.labels)
}

#[cfg(test)]
mod tests;
