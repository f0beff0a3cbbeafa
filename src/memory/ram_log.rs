//! A log in memory alone, for tests of what stands above it.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::contracts::{
    EventBody, MemoryId, MemoryMetadata, MemoryProposal, NewRecord, RecordRow, TextRef, Timestamp,
};
use crate::ports::{Erased, LogError, RecordAppend, RecordLog};

#[derive(Default)]
pub(crate) struct RamLog {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    rows: Vec<RecordRow>,
    texts: HashMap<String, String>,
    events: Vec<EventBody>,
    proposals: Vec<MemoryProposal>,
}

impl RamLog {
    pub(crate) fn events(&self) -> Vec<EventBody> {
        self.kept.lock().unwrap().events.clone()
    }
}

impl Kept {
    fn push(&mut self, new: NewRecord) {
        let known = self.texts.contains_key(&new.text.blob);
        self.rows.push(RecordRow {
            record_seq: self.rows.len() as u64 + 1,
            id: new.id,
            area: new.area,
            text: new.text,
            metadata: new.metadata,
            created_at: new.created_at,
            updated_at: new.updated_at,
            content_hash: known.then_some(new.content_hash),
        });
    }
}

impl RecordLog for RamLog {
    fn rows_after(&self, after: u64, limit: u32) -> Result<Vec<RecordRow>, LogError> {
        let kept = self.kept.lock().unwrap();
        Ok(kept.rows.iter().skip(after as usize).take(limit as usize).cloned().collect())
    }

    fn text(&self, text: &TextRef) -> Result<Option<String>, LogError> {
        Ok(self.kept.lock().unwrap().texts.get(&text.blob).cloned())
    }

    fn append(&self, append: RecordAppend) -> Result<(), LogError> {
        if append.events.is_empty() {
            return Err(LogError("an append has at least one event".to_owned()));
        }
        let mut kept = self.kept.lock().unwrap();
        for text in append.texts {
            let content = String::from_utf8(text.content).unwrap();
            kept.texts.insert(text.reference.blob, content);
        }
        append.records.into_iter().for_each(|record| kept.push(record));
        kept.events.extend(append.events);
        for proposal in append.proposals {
            kept.proposals.retain(|known| known.id != proposal.id);
            kept.proposals.push(proposal);
        }
        kept.proposals.sort_by_key(|proposal| (proposal.created_at, proposal.id));
        Ok(())
    }

    fn proposals(&self) -> Result<Vec<MemoryProposal>, LogError> {
        Ok(self.kept.lock().unwrap().proposals.clone())
    }

    fn erase(
        &self,
        ids: &[MemoryId],
        events: Vec<EventBody>,
        at: Timestamp,
    ) -> Result<Erased, LogError> {
        let mut kept = self.kept.lock().unwrap();
        let mut erased = Erased::default();
        for id in ids {
            let Some(last) = kept.rows.iter().rfind(|row| row.id == *id).cloned() else { continue };
            let Some(content_hash) = last.content_hash else { continue };
            erased.texts += u64::from(kept.texts.remove(&last.text.blob).is_some());
            for row in kept.rows.iter_mut().filter(|row| row.id == *id) {
                (row.metadata, row.content_hash) = (MemoryMetadata::default(), None);
                erased.rows += 1;
            }
            kept.push(NewRecord {
                id: last.id,
                area: last.area,
                text: last.text,
                metadata: MemoryMetadata::default(),
                created_at: last.created_at,
                updated_at: at,
                content_hash,
            });
        }
        kept.events.extend(events);
        Ok(erased)
    }
}
