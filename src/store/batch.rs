//! One request inside the writer's transaction: first every check, then every write. A check that
//! fails refuses one request; a write that fails fails the whole batch.

use rusqlite::{Connection, params};

use crate::contracts::{Event, EventKind, RunId, TextRef, Timestamp, event_hash};
use crate::ports::Clock;

use super::append::{Prepared, PreparedAudit, PreparedRecord};
use super::approvals::{self, Questions};
use super::audit::AuditRow;
use super::claims::{self, Holder};
use super::error::{Context, StoreError};
use super::finding::Finding;
use super::heads::Heads;
use super::jobs::{self, QueueEntry};
use super::rows::{self, EVENT_COLUMNS};
use super::summary::RunRow;
use super::tip::{Link, Tip};
use super::{blobs, damage, file_labels, keys, proposals, records};

/// What one transaction has moved so far.
pub(super) struct Batch<'a> {
    pub db: &'a Connection,
    pub tip: Tip,
    pub heads: Heads,
    pub audit: Vec<AuditRow>,
    pub holder: &'a Holder,
    /// Gives the salts of what is written.
    pub clock: &'a dyn Clock,
}

/// Why a request was not carried out.
#[derive(Debug)]
pub(super) enum Failure {
    /// Only this request: nothing of it was written.
    Refused(StoreError),
    /// The transaction cannot go on.
    Broken(StoreError),
}

impl Failure {
    /// What a refusal is after something was written.
    pub(super) fn broken(self) -> Self {
        match self {
            Self::Refused(error) | Self::Broken(error) => Self::Broken(error),
        }
    }
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        db: &'a Connection,
        tip: Tip,
        holder: &'a Holder,
        clock: &'a dyn Clock,
    ) -> Self {
        Self { db, tip, heads: Heads::new(), audit: Vec::new(), holder, clock }
    }

    /// Whether anything was written.
    pub(super) fn moved(&self, before: &Tip) -> bool {
        self.tip != *before
    }

    /// Appends events and what belongs to them; for a repeated append, the events already there.
    pub(super) fn append(&mut self, append: Prepared) -> Result<Vec<Event>, Failure> {
        let room = match self.place(&append).map_err(Failure::Refused)? {
            Place::Free(room) => room,
            Place::Repeated(events) => return Ok(events),
        };
        self.write(append, *room).map_err(Failure::Broken)
    }

    /// Appends events behind the newest of the system's own stream.
    pub(super) fn append_system(&mut self, mut append: Prepared) -> Result<Vec<Event>, Failure> {
        let row = rows::load_run(self.db, &append.run_id).map_err(Failure::Refused)?;
        append.expected_seq = row.map_or(0, |row| row.last_seq);
        self.append(append)
    }

    /// Whether the system's own stream takes events.
    pub(super) fn may_append_system(&self) -> Result<(), StoreError> {
        self.refuse_quarantined(RunId::SYSTEM_TEXT)?;
        rows::load_run(self.db, RunId::SYSTEM_TEXT).map(drop)
    }

    /// Whether a new run can begin with `append`.
    pub(super) fn may_begin(&self, append: &Prepared) -> Result<(), StoreError> {
        match self.place(append)? {
            Place::Free(_) => Ok(()),
            Place::Repeated(there) => Err(StoreError::Conflict {
                run_id: append.run_id.clone(),
                expected: append.expected_seq,
                actual: there.last().map_or(0, |event| event.seq),
            }),
        }
    }

    /// Appends an audit entry that belongs to no run's events.
    pub(super) fn audit(&mut self, entry: PreparedAudit) -> Result<(), Failure> {
        self.write_audit(entry).map_err(Failure::Broken)
    }

    /// Forgets a text: its row goes, a note that it was forgotten comes.
    pub(super) fn forget(&mut self, text: &TextRef, at: Timestamp) -> Result<(), Failure> {
        let stored = blobs::is_stored(self.db, text).map_err(Failure::Refused)?;
        if !stored && !blobs::is_forgotten(self.db, text).map_err(Failure::Refused)? {
            let missing = StoreError::NotFound(format!("text `{}`", text.blob));
            return Err(Failure::Refused(missing));
        }
        blobs::forget(self.db, text, at).map_err(Failure::Broken)
    }

    /// Records what was found wrong; see [`damage::record`].
    pub(super) fn found(
        &mut self,
        findings: &[Finding],
        system_is_sound: bool,
        clock: &dyn Clock,
    ) -> Result<(), Failure> {
        damage::record(self, findings, system_is_sound, clock).map_err(Failure::Broken)
    }

    /// Says that `by` knows of all that was found.
    pub(super) fn acknowledge(&mut self, by: String, at: Timestamp) -> Result<(), Failure> {
        damage::acknowledge(self, by, at).map_err(Failure::Broken)
    }

    fn refuse_quarantined(&self, run_id: &str) -> Result<(), StoreError> {
        match self.holder.quarantine.get(run_id) {
            Some(reason) => {
                let (run_id, reason) = (run_id.to_owned(), reason.clone());
                Err(StoreError::Quarantined { run_id, reason })
            }
            None => Ok(()),
        }
    }

    /// Every check of an append. Whoever lost the run is told so before anything else.
    fn place(&self, append: &Prepared) -> Result<Place, StoreError> {
        self.refuse_quarantined(&append.run_id)?;
        if let Some(fence) = append.fence
            && claims::held(self.db, self.holder, &append.run_id, fence)?.is_none()
        {
            return Err(StoreError::StaleFence { run_id: append.run_id.clone() });
        }
        let row = rows::load_run(self.db, &append.run_id)?;
        let first_global = self.tip.global_seq + 1;
        let row = row.unwrap_or_else(|| RunRow::new(&append.run_id, first_global, append.at));
        if row.last_seq != append.expected_seq {
            return self.repeated(append, &row);
        }
        if row.summary.reported && append.run_id != RunId::SYSTEM_TEXT {
            return Err(StoreError::Ended(append.run_id.clone()));
        }
        for text in &append.known_texts {
            if !blobs::is_stored(self.db, text)? && !blobs::is_forgotten(self.db, text)? {
                return Err(StoreError::BadRequest(format!(
                    "the text `{}` is named by an event and was not handed in",
                    text.blob
                )));
            }
        }
        append.key.iter().try_for_each(|key| keys::refuse_taken(self.db, key))?;
        if let Some((approval, _)) = &append.uses {
            self.may_append_system()?;
            approvals::refuse_used(self.db, *approval, append.at)?;
        }
        self.room(append, row).map(|room| Place::Free(Box::new(room)))
    }

    /// Everything that changes with the events of an append.
    fn room(&self, append: &Prepared, row: RunRow) -> Result<Room, StoreError> {
        let asks = append.events.iter().any(|event| event.kind == EventKind::ApprovalRequested);
        let matters = append.events.iter().any(|event| approvals::matters(&event.body));
        let questions = if matters && (asks || row.summary.asks()) {
            Some(Questions::open(self.db, &append.run_id)?)
        } else {
            None
        };
        let place = match &append.queue {
            Some(_) => jobs::load(self.db, &append.run_id)?,
            None => None,
        };
        Ok(Room { row, questions, place })
    }

    /// The events already there, when they are exactly those of this append.
    fn repeated(&self, append: &Prepared, row: &RunRow) -> Result<Place, StoreError> {
        let conflict = StoreError::Conflict {
            run_id: append.run_id.clone(),
            expected: append.expected_seq,
            actual: row.last_seq,
        };
        let count = append.events.len() as u64;
        if append.expected_seq.saturating_add(count) > row.last_seq {
            return Err(conflict);
        }
        let action = "could not read the events of a repeated append";
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM events WHERE run_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
        );
        let mut query = self.db.prepare_cached(&sql).doing(action)?;
        let values = params![append.run_id, rows::int(append.expected_seq), rows::int(count)];
        let found = query.query_map(values, rows::event).doing(action)?;
        let there: Vec<Event> = found.collect::<Result<_, _>>().doing(action)?;
        let same = there.len() == append.events.len()
            && there.iter().zip(&append.events).all(|(there, new)| {
                there.at == append.at && there.kind == new.kind && there.payload == new.payload
            });
        if same { Ok(Place::Repeated(there)) } else { Err(conflict) }
    }

    fn write(&mut self, append: Prepared, room: Room) -> Result<Vec<Event>, StoreError> {
        let Room { mut row, mut questions, place } = room;
        for text in &append.texts {
            blobs::insert(self.db, text)?;
        }
        let mut events = Vec::with_capacity(append.events.len());
        for new in append.events {
            let (seq, prev) = (row.last_seq + 1, row.last_hash);
            let hash = event_hash(&prev, &append.run_id, seq, append.at, new.kind, &new.payload);
            self.tip.global_seq += 1;
            let event = Event {
                run_id: append.run_id.clone(),
                seq,
                global_seq: self.tip.global_seq,
                at: append.at,
                kind: new.kind,
                payload: new.payload,
                prev_hash: prev,
                hash,
            };
            row.apply(&event, &new.body);
            questions.iter_mut().for_each(|questions| questions.apply(&event, &new.body));
            events.push(event);
        }
        // The row first: events refer to it.
        rows::save_run(self.db, &row)?;
        for event in &events {
            rows::insert_event(self.db, event)?;
        }
        questions.iter().try_for_each(|questions| questions.save(self.db))?;
        let run_id = append.run_id.parse().ok(); // the system's own stream is no run
        if let (true, Some(run_id)) = (row.summary.reported, &run_id) {
            // Whoever claimed it gives its place back.
            jobs::remove_unclaimed(self.db, run_id)?;
        }
        if let (Some(wanted), Some(run_id)) = (&append.queue, run_id) {
            jobs::enqueue(self.db, run_id, wanted, place)?;
        }
        append.key.iter().try_for_each(|key| keys::insert(self.db, key, run_id, append.at))?;
        self.heads.insert(append.run_id, Link { seq: row.last_seq, hash: row.last_hash });
        append.audit.into_iter().try_for_each(|entry| self.write_audit(entry))?;
        append.records.iter().try_for_each(|record| self.write_record(record))?;
        append.proposals.iter().try_for_each(|proposal| proposals::save(self.db, proposal))?;
        append.files.iter().try_for_each(|file| file_labels::add(self.db, file))?;
        if let Some((_, used)) = append.uses {
            match self.append_system(*used) {
                Ok(_) => {}
                Err(Failure::Refused(error) | Failure::Broken(error)) => return Err(error),
            }
        }
        Ok(events)
    }

    fn write_audit(&mut self, entry: PreparedAudit) -> Result<(), StoreError> {
        let row = AuditRow::after(&self.tip.audit, entry);
        row.insert(self.db)?;
        self.tip.audit = row.link();
        self.audit.push(row);
        Ok(())
    }

    fn write_record(&mut self, new: &PreparedRecord) -> Result<(), StoreError> {
        let salt = self.clock.salt();
        let link = records::link_after(&self.tip.records, new, &salt);
        records::insert(self.db, link, new, &salt)?;
        self.tip.records = link;
        Ok(())
    }
}

/// What an append changes beside its events.
struct Room {
    row: RunRow,
    /// The run's open questions, where they can change.
    questions: Option<Questions>,
    /// The run's place in the queue, where it is to have one.
    place: Option<QueueEntry>,
}

/// Where an append belongs.
enum Place {
    /// Behind the newest event of its run.
    Free(Box<Room>),
    /// It is there already.
    Repeated(Vec<Event>),
}
