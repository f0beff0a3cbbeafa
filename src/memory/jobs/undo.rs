//! Taking a batch back: every record that it touched is again exactly what it was before.

use std::collections::BTreeMap;

use crate::contracts::{
    BatchId, BatchUndone, Consolidated, EventBody, MemoryConsolidated, MemoryId, MemoryMetadata,
    MemoryRuling, NewRecord, ProposalState, RecordRow,
};
use crate::memory::{Entry, Memory, MemoryError};
use crate::ports::RecordAppend;

/// Rows that are read from the log at once.
const PAGE: u32 = 4_096;
/// Things in the way that are named.
const NAMED_MAX: usize = 5;

/// Why a batch was not taken back.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum UndoError {
    /// No record was written by it.
    #[error("there is no batch `{0}`: `bailiwick memory proposals` names those that were applied")]
    NotFound(BatchId),
    /// It was taken back before.
    #[error("the batch `{0}` was taken back already")]
    Already(BatchId),
    /// Something changed since.
    #[error("the batch `{batch}` cannot be taken back: {in_the_way}")]
    InTheWay {
        /// Which.
        batch: BatchId,
        /// What changed since, and what to do.
        in_the_way: String,
    },
    /// Policy did not let it happen.
    #[error("policy does not allow it: {0}")]
    Denied(String),
    /// Memory cannot be used.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// What the log says of one record about a batch.
#[derive(Default)]
struct Touched {
    /// The newest row before the batch.
    before: Option<RecordRow>,
    /// The row that the batch wrote last.
    by_batch: Option<RecordRow>,
    /// A row that came after it.
    after: Option<RecordRow>,
}

impl Memory {
    /// Takes a batch back by appending the earlier rows exactly as they were. What the batch had made no
    /// longer counts, at any time.
    ///
    /// # Errors
    /// Why nothing changed: a record of the batch was changed since, or policy does not allow it.
    pub fn undo_batch(
        &self,
        batch: BatchId,
        by: &str,
        ruling: MemoryRuling,
    ) -> Result<BatchUndone, UndoError> {
        let _alone = self.writing();
        let touched = self.touched_by(batch)?;
        if touched.is_empty() {
            return Err(UndoError::NotFound(batch));
        }
        let mut proposals = self.proposals()?;
        proposals.retain(|proposal| proposal.batch == Some(batch));
        let is_back = |it: &Touched| it.after.as_ref().is_some_and(|after| is_as_before(it, after));
        if touched.values().all(is_back) {
            return Err(UndoError::Already(batch));
        }
        for proposal in &proposals {
            self.nothing_forgotten(batch, &proposal.sources)?;
            self.nothing_forgotten(batch, proposal.derived.as_slice())?;
        }
        in_the_way(batch, &touched)?;
        if ruling.effect == crate::contracts::Effect::Deny {
            return Err(UndoError::Denied(ruling.reason));
        }
        let now = self.now();
        let mut undone = BatchUndone { batch, restored: Vec::new(), taken_back: Vec::new() };
        let mut records = Vec::with_capacity(touched.len());
        for (id, touched) in touched {
            let Some(by_batch) = touched.by_batch else { continue };
            let row = match touched.before {
                Some(before) => {
                    undone.restored.push(id);
                    again(before)
                }
                None => {
                    undone.taken_back.push(id);
                    let metadata = taken_back(&by_batch);
                    again(RecordRow { metadata, updated_at: now, ..by_batch })
                }
            };
            records.push(row.ok_or(MemoryError::NotFound(id))?);
        }
        for proposal in &mut proposals {
            proposal.state = ProposalState::Undone;
            proposal.decided_by = Some(by.to_owned());
            proposal.updated_at = now;
        }
        let event = MemoryConsolidated {
            what: Consolidated::Undone,
            by: by.to_owned(),
            batch: Some(batch),
            proposals: proposals.iter().map(|it| it.id).collect(),
            derived: undone.taken_back.clone(),
            sources: undone.restored.clone(),
            archived: Vec::new(),
            decision: Some(ruling),
            report: None,
        };
        self.append_all(RecordAppend {
            at: now,
            records,
            texts: Vec::new(),
            events: vec![EventBody::MemoryConsolidated(event)],
            proposals,
        })?;
        Ok(undone)
    }

    /// What was forgotten says nothing any more, not even that a batch wrote it.
    fn nothing_forgotten(&self, batch: BatchId, ids: &[MemoryId]) -> Result<(), UndoError> {
        let library = self.library()?;
        let gone = ids.iter().find(|id| library.get(id).is_none_or(Entry::is_forgotten));
        let Some(gone) = gone else { return Ok(()) };
        Err(UndoError::InTheWay { batch, in_the_way: format!("`{gone}` was forgotten") })
    }

    /// Every record that `batch` wrote a row of.
    fn touched_by(&self, batch: BatchId) -> Result<BTreeMap<MemoryId, Touched>, MemoryError> {
        let mut all: BTreeMap<MemoryId, Touched> = BTreeMap::new();
        let mut after = 0;
        loop {
            let rows = self.log.rows_after(after, PAGE)?;
            let Some(last) = rows.last() else { break };
            after = last.record_seq;
            for row in rows {
                let touched = all.entry(row.id).or_default();
                // Later states keep the batch's name; its own rows have its time.
                let at_once = |it: &RecordRow| it.updated_at == row.updated_at;
                let own = touched.after.is_none() && touched.by_batch.as_ref().is_none_or(at_once);
                if row.metadata.batch == Some(batch) && own {
                    touched.by_batch = Some(row);
                } else if touched.by_batch.is_some() {
                    touched.after = Some(row);
                } else {
                    touched.before = Some(row);
                }
            }
        }
        all.retain(|_, touched| touched.by_batch.is_some());
        Ok(all)
    }
}

/// Whether the record is again what it was before the batch.
fn is_as_before(touched: &Touched, after: &RecordRow) -> bool {
    match &touched.before {
        Some(before) => before.metadata == after.metadata && before.updated_at == after.updated_at,
        None => after.metadata.is_taken_back(after.created_at),
    }
}

fn in_the_way(batch: BatchId, touched: &BTreeMap<MemoryId, Touched>) -> Result<(), UndoError> {
    let changed = touched.iter().filter_map(|(id, it)| {
        let after = it.after.as_ref()?;
        let what = match (after.content_hash, after.metadata.batch, after.metadata.superseded_by) {
            (None, _, _) => "was forgotten".to_owned(),
            (_, Some(other), _) if other != batch => {
                format!("was changed by `{other}`: undo that first")
            }
            (_, _, Some(by)) => format!("was replaced by `{by}`"),
            _ => format!("was changed at {}", after.updated_at),
        };
        Some(format!("`{id}` {what}"))
    });
    let changed: Vec<String> = changed.collect();
    if changed.is_empty() {
        return Ok(());
    }
    let more = changed.len().saturating_sub(NAMED_MAX);
    let mut named = changed.into_iter().take(NAMED_MAX).collect::<Vec<_>>().join("; ");
    if more > 0 {
        named.push_str(&format!("; and {more} more"));
    }
    Err(UndoError::InTheWay { batch, in_the_way: named })
}

/// What is left of a record that the batch made: replaced the moment it was made, and in no index.
fn taken_back(made: &RecordRow) -> MemoryMetadata {
    MemoryMetadata { archived: true, superseded_at: Some(made.created_at), ..made.metadata.clone() }
}

/// A row as it was; `None` when its text was forgotten.
fn again(row: RecordRow) -> Option<NewRecord> {
    Some(NewRecord {
        id: row.id,
        area: row.area,
        text: row.text,
        metadata: row.metadata,
        created_at: row.created_at,
        updated_at: row.updated_at,
        content_hash: row.content_hash?,
    })
}
