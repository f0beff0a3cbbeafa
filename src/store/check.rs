//! The checks of one run: its chain from the first event, its summary row, and its head as it was
//! acknowledged. Used when the store opens and by `verify`. Damage is a finding, never a panic.

use rusqlite::{Connection, OptionalExtension, params};

use crate::contracts::{Event, EventBody};

use super::approvals::Questions;
use super::error::{Context, StoreError};
use super::finding::{Finding, FindingKind};
use super::heads::Anchored;
use super::rows::{self, EVENT_COLUMNS};
use super::schema;
use super::summary::RunRow;
use super::tip::{Link, Tip};

/// Checks a whole run and shows each sound event to `visit`, in order.
pub(super) fn check_run(
    db: &Connection,
    run_id: &str,
    visit: &mut dyn FnMut(&Event, &mut Vec<Finding>),
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut questions = Questions::default();
    let mut visit = |event: &Event, body: &EventBody, findings: &mut Vec<Finding>| {
        questions.apply(event, body);
        visit(event, findings);
    };
    match fold(db, run_id, &mut visit, &mut findings) {
        Ok(Some(fold)) => {
            findings.extend(compare_row(db, run_id, &fold));
            findings.extend(compare_questions(db, run_id, &questions));
        }
        Ok(None) => {}
        Err(error) => {
            findings.push(Finding::of_run(FindingKind::JournalAltered, run_id, error.to_string()));
        }
    }
    findings
}

/// Walks the chain. The row that the events make; `None` when the chain is broken.
pub(super) fn fold(
    db: &Connection,
    run_id: &str,
    visit: &mut dyn FnMut(&Event, &EventBody, &mut Vec<Finding>),
    findings: &mut Vec<Finding>,
) -> Result<Option<RunRow>, StoreError> {
    let action = "could not read the events";
    let sql = format!("SELECT {EVENT_COLUMNS} FROM events WHERE run_id = ?1 ORDER BY seq");
    let mut query = db.prepare_cached(&sql).doing(action)?;
    let mut fold: Option<RunRow> = None;
    let mut last_global = 0;
    for event in query.query_map([run_id], rows::event).doing(action)? {
        let event = event.doing(action)?;
        let before = fold
            .as_ref()
            .map_or(Link::START, |row| Link { seq: row.last_seq, hash: row.last_hash });
        if let Some((kind, message)) = broken_link(&event, &before, last_global) {
            findings.push(Finding::of_run(kind, run_id, message));
            return Ok(None);
        }
        last_global = event.global_seq;
        let row = fold.get_or_insert_with(|| RunRow::new(run_id, event.global_seq, event.at));
        match event.body() {
            Ok(body) => {
                row.apply(&event, &body);
                visit(&event, &body, findings);
            }
            Err(error) => {
                let message = format!("the payload of event {} is unreadable: {error}", event.seq);
                findings.push(Finding::of_run(FindingKind::JournalAltered, run_id, message));
                return Ok(None);
            }
        }
    }
    if fold.is_none() {
        let message = "it has a summary and no events".to_owned();
        findings.push(Finding::of_run(FindingKind::JournalShort, run_id, message));
    }
    Ok(fold)
}

/// Why `event` does not follow `before`.
fn broken_link(event: &Event, before: &Link, last_global: u64) -> Option<(FindingKind, String)> {
    let (seq, expected) = (event.seq, before.seq + 1);
    if seq != expected {
        let message = format!("event {expected} is missing, the next one is {seq}");
        return Some((FindingKind::JournalHole, message));
    }
    if event.prev_hash != before.hash {
        let message = format!("event {seq} does not follow the event before it");
        return Some((FindingKind::JournalAltered, message));
    }
    if !event.hash_holds() {
        let message = format!("event {seq} does not fit its hash");
        return Some((FindingKind::JournalAltered, message));
    }
    if event.global_seq <= last_global {
        let message = format!("event {seq} has a store-wide number that was given before");
        return Some((FindingKind::GlobalOrder, message));
    }
    None
}

fn compare_row(db: &Connection, run_id: &str, fold: &RunRow) -> Option<Finding> {
    let message = match rows::load_run(db, run_id) {
        Ok(Some(row)) if row == *fold => return None,
        Ok(Some(row)) if row == fold.as_version_1() && is_older(db) => return None,
        Ok(_) => "its summary is not what its events say".to_owned(),
        Err(error) => error.to_string(),
    };
    Some(Finding::of_run(FindingKind::RunRow, run_id, message))
}

/// Whether nobody brought the database to this version yet; readers do not.
fn is_older(db: &Connection) -> bool {
    matches!(schema::refuse_older(db), Err(StoreError::OlderSchema { .. }))
}

/// Checks the inbox against what the events of a run say.
fn compare_questions(db: &Connection, run_id: &str, fold: &Questions) -> Option<Finding> {
    if is_older(db) {
        return None;
    }
    let message = match Questions::all(db, run_id) {
        Ok(there) if there.same(fold) => return None,
        Ok(_) => "its questions in the inbox are not what its events say".to_owned(),
        Err(error) => error.to_string(),
    };
    Some(Finding::of_run(FindingKind::Approval, run_id, message))
}

/// Checks that a run has come at least as far as was acknowledged, on the same way.
pub(super) fn check_head(db: &Connection, run_id: &str, head: &Link) -> Option<Finding> {
    match compare_head(db, run_id, head) {
        Ok(finding) => finding,
        Err(error) => Some(Finding::of_run(FindingKind::JournalAltered, run_id, error.to_string())),
    }
}

fn compare_head(db: &Connection, run_id: &str, head: &Link) -> Result<Option<Finding>, StoreError> {
    let action = "could not read a head";
    let there = db
        .prepare_cached("SELECT hash FROM events WHERE run_id = ?1 AND seq = ?2")
        .doing(action)?
        .query_row(params![run_id, rows::int(head.seq)], |row| rows::hash(row, 0))
        .optional()
        .doing(action)?;
    let acknowledged = head.seq;
    let (kind, message) = match there {
        None => {
            let last: u64 = db
                .prepare_cached("SELECT COALESCE(MAX(seq), 0) FROM events WHERE run_id = ?1")
                .doing(action)?
                .query_row([run_id], |row| rows::count(row, 0))
                .doing(action)?;
            let message =
                format!("{acknowledged} events were acknowledged and the journal ends at {last}");
            (FindingKind::JournalShort, message)
        }
        Some(hash) if hash != head.hash => {
            let message = format!("event {acknowledged} is not the one that was acknowledged");
            (FindingKind::JournalAltered, message)
        }
        Some(_) => match rows::load_run(db, run_id) {
            Ok(Some(row)) if row.last_seq >= head.seq => return Ok(None),
            Ok(_) => {
                (FindingKind::RunRow, "its summary is missing or behind its events".to_owned())
            }
            Err(error) => (FindingKind::RunRow, error.to_string()),
        },
    };
    Ok(Some(Finding::of_run(kind, run_id, message)))
}

/// The runs that are not at their end, and those with events behind `anchored_global`: what a crash
/// may have interrupted.
pub(super) fn recent_runs(
    db: &Connection,
    anchored_global: u64,
) -> Result<Vec<String>, StoreError> {
    let action = "could not list the unfinished runs";
    let sql = "SELECT run_id FROM runs WHERE unfinished = 1
               UNION SELECT run_id FROM events WHERE global_seq > ?1";
    db.prepare_cached(sql)
        .doing(action)?
        .query_map([rows::int(anchored_global)], |row| row.get(0))
        .doing(action)?
        .collect::<Result<_, _>>()
        .doing(action)
}

/// Checks that a chain beside the journal has come at least as far as was acknowledged.
pub(super) fn check_chain_head(
    db: &Connection,
    kind: FindingKind,
    head: &Link,
) -> Result<Option<Finding>, StoreError> {
    if head.seq == 0 {
        return Ok(None);
    }
    let (what, sql) = match kind {
        FindingKind::Audit => ("audit log", "SELECT hash FROM audit WHERE audit_seq = ?1"),
        FindingKind::Findings => {
            ("list of findings", "SELECT hash FROM findings WHERE finding_seq = ?1")
        }
        _ => ("log of memory records", "SELECT hash FROM records WHERE record_seq = ?1"),
    };
    let action = "could not read a head";
    let there = db
        .query_row(sql, [rows::int(head.seq)], |row| rows::hash(row, 0))
        .optional()
        .doing(action)?;
    let seq = head.seq;
    Ok(match there {
        Some(hash) if hash == head.hash => None,
        Some(_) => Some(format!("entry {seq} of the {what} is not the one that was acknowledged")),
        None => {
            Some(format!("the {what} is shorter than the {seq} entries that were acknowledged"))
        }
    }
    .map(|message| Finding::new(kind, message)))
}

/// Checks `heads.log` itself: that it is there where something was acknowledged, whole, and as long
/// as it was.
pub(super) fn check_anchor_file(
    db: &Connection,
    anchored: Option<&Anchored>,
) -> Result<Vec<Finding>, StoreError> {
    let found = |message: String| Finding::new(FindingKind::Heads, message);
    let needed = rows::anchored_line(db)?;
    let Some(anchored) = anchored else {
        // A host that was cut off at its very first start leaves an empty store without the file.
        let lost = needed > 0 || Tip::read(db)? != Tip::START;
        return Ok(lost.then(|| found("`heads.log` is missing".to_owned())).into_iter().collect());
    };
    let damage = anchored.damage.iter();
    let mut findings: Vec<Finding> =
        damage.map(|damage| found(format!("`heads.log`: {damage}"))).collect();
    if anchored.line < needed {
        let line = anchored.line;
        findings.push(found(format!("`heads.log` ends at line number {line}, it had {needed}")));
    }
    Ok(findings)
}
