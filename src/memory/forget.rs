//! Forgetting for good: first what would go, then that it goes.

use std::collections::{BTreeMap, BTreeSet};

use super::error::MemoryError;
use super::facade::Memory;
use super::library::{Entry, Library};
use super::write::event;
use crate::contracts::{
    Doomed, ForgetPlan, MemoryId, MemoryOrigin, MemorySelection, NewRecord, RunId,
};
use crate::ports::Erased;

/// Records of one transaction.
const CHUNK: usize = 512;
/// Characters of a text that a plan shows.
const SHOWN_CHARS: usize = 120;

impl Memory {
    /// What would be forgotten: the records that are meant and what was derived from them.
    ///
    /// # Errors
    /// [`MemoryError::Refused`] when nothing is meant, [`MemoryError::NotFound`] when a named record is not there,
    /// or when the log cannot be read.
    pub fn would_forget(&self, meant: &MemorySelection) -> Result<ForgetPlan, MemoryError> {
        if meant.is_empty() {
            let why =
                "say which memories shall be forgotten: their ids, a run, a subject or a query";
            return Err(MemoryError::Refused(why.to_owned()));
        }
        let mut doomed: BTreeMap<MemoryId, Option<MemoryId>> = BTreeMap::new();
        {
            let library = self.library()?;
            for id in &meant.ids {
                let there = library.get(id).filter(|entry| !entry.is_forgotten());
                there.ok_or(MemoryError::NotFound(*id))?;
                doomed.insert(*id, None);
            }
        }
        self.select(meant, &mut doomed)?;
        let library = self.library()?;
        derived(&library, &mut doomed);
        let mut plan = ForgetPlan::default();
        let mut runs = BTreeSet::new();
        for (id, derived_from) in &doomed {
            let Some(entry) = library.get(id) else { continue };
            runs.extend(entry.metadata.source.run);
            let text = self.log.text(&entry.text)?.unwrap_or_default();
            let text = text.chars().take(SHOWN_CHARS).collect();
            let (id, area, derived_from) = (*id, entry.area, *derived_from);
            plan.items.push(Doomed { id, area, text, derived_from });
        }
        plan.revived = revived(&library, &doomed).map(|entry| entry.id).collect();
        plan.runs = runs.into_iter().collect::<Vec<RunId>>();
        Ok(plan)
    }

    /// Everything that fits each key that was given beside ids.
    fn select(
        &self,
        meant: &MemorySelection,
        doomed: &mut BTreeMap<MemoryId, Option<MemoryId>>,
    ) -> Result<(), MemoryError> {
        if meant.run.is_none() && meant.subject.is_none() && meant.query.is_none() {
            return Ok(());
        }
        let fits = |entry: &Entry| {
            let about = &entry.metadata;
            !entry.is_forgotten()
                && meant.run.is_none_or(|run| about.source.run == Some(run))
                && meant.subject.as_ref().is_none_or(|it| about.subject.as_ref() == Some(it))
        };
        if let Some(query) = &meant.query {
            return self.fitting(query, fits, |entry, _| {
                doomed.insert(entry.id, None);
                true
            });
        }
        let library = self.library()?;
        doomed.extend(library.iter().filter(|entry| fits(entry)).map(|entry| (entry.id, None)));
        Ok(())
    }

    /// Forgets what a plan says, durably. What was replaced by something that goes counts again.
    ///
    /// # Errors
    /// When the log does not take it.
    pub fn forget(&self, plan: &ForgetPlan) -> Result<Erased, MemoryError> {
        let _alone = self.writing();
        let ids: Vec<MemoryId> = plan.items.iter().map(|doomed| doomed.id).collect();
        let all: BTreeMap<MemoryId, Option<MemoryId>> = ids.iter().map(|id| (*id, None)).collect();
        let now = self.now();
        let again: Vec<NewRecord> = {
            let library = self.library()?;
            revived(&library, &all).filter_map(|entry| entry.later(now)).map(counts_again).collect()
        };
        if !again.is_empty() {
            let events =
                again.iter().map(|row| event(row.id, row.area, row.text.clone())).collect();
            self.append(again, Vec::new(), events)?;
        }
        let mut total = Erased::default();
        for chunk in ids.chunks(CHUNK) {
            let (events, numbers): (Vec<_>, Vec<_>) = {
                let library = self.library()?;
                let found = chunk.iter().filter_map(|id| library.get(id));
                found.map(|it| (event(it.id, it.area, it.text.clone()), it.number)).unzip()
            };
            if events.is_empty() {
                continue;
            }
            add(&mut total, self.log.erase(chunk, events, self.now())?);
            self.engine.forget(&numbers).map_err(MemoryError::Search)?;
        }
        drop(self.library()?);
        Ok(total)
    }
}

fn add(total: &mut Erased, more: Erased) {
    total.texts += more.texts;
    total.rows += more.rows;
    total.rows_kept += more.rows_kept;
    for file in more.files {
        if !total.files.contains(&file) {
            total.files.push(file);
        }
    }
    total.pending = more.pending;
}

/// Adds what was derived from anything that goes, and what was derived from that.
fn derived(library: &Library, doomed: &mut BTreeMap<MemoryId, Option<MemoryId>>) {
    loop {
        let from = |entry: &Entry| {
            let mut sources = entry.metadata.supersedes.iter();
            sources.find(|source| doomed.contains_key(source)).copied()
        };
        let made = |entry: &&Entry| {
            entry.metadata.origin == MemoryOrigin::Consolidation
                && !entry.is_forgotten()
                && !doomed.contains_key(&entry.id)
        };
        let found =
            library.iter().filter(made).filter_map(|entry| Some((entry.id, Some(from(entry)?))));
        let found: Vec<_> = found.collect();
        if found.is_empty() {
            return;
        }
        doomed.extend(found);
    }
}

/// What was replaced by something that goes, and stays itself.
fn revived<'a>(
    library: &'a Library,
    doomed: &'a BTreeMap<MemoryId, Option<MemoryId>>,
) -> impl Iterator<Item = &'a Entry> {
    library.iter().filter(|entry| {
        let replaced = entry.metadata.superseded_by.is_some_and(|by| doomed.contains_key(&by));
        replaced && !entry.is_forgotten() && !doomed.contains_key(&entry.id)
    })
}

fn counts_again(mut row: NewRecord) -> NewRecord {
    row.metadata.superseded_by = None;
    row.metadata.superseded_at = None;
    row
}
