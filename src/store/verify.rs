//! `verify`: everything that is stored against everything that was promised, in one state of the
//! database. It reports all damage it can find and stops at none.

use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use crate::contracts::{Event, Hash, TextRef};

use super::audit_mark::Mark;
use super::blobs::{self, BlobFiles};
use super::check::{check_anchor_file, check_chain_head, check_head, check_run};
use super::error::{Context, StoreError};
use super::finding::{Finding, FindingKind};
use super::heads::Anchored;
use super::read::{Reader, snapshot};
use super::refs::text_refs;
use super::verify_audit::AuditFiles;
use super::verify_work::check_work;
use super::{audit, damage, records, rows, schema};

/// Rows that are read at once.
const PAGE: u32 = 256;
/// Most complaints of the database itself that are listed.
const COMPLAINTS_MAX: u32 = 20;

/// What was checked, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Events checked.
    pub events: u64,
    /// Runs checked, the system's own stream included.
    pub runs: u64,
    /// Texts checked.
    pub blobs: u64,
    /// Texts that were forgotten on purpose and are named by what was checked.
    pub forgotten: u64,
    /// Rows of the log of memory records checked.
    pub records: u64,
    /// Audit entries checked.
    pub audit_entries: u64,
    /// Files of texts that nothing names: left by a crash, harmless.
    pub orphans: u64,
    /// All damage.
    pub findings: Vec<Finding>,
}

impl VerifyReport {
    /// Whether everything is as it was written.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// Goes on after a failure to read: it is damage like any other.
    fn section(
        &mut self,
        stop: &Stop<'_>,
        name: &str,
        check: impl FnOnce(&mut Self) -> Result<(), StoreError>,
    ) {
        if stop.now() {
            return;
        }
        if let Err(error) = check(self) {
            let message = format!("{name} could not be checked to the end: {error}");
            self.findings.push(Finding::new(FindingKind::Database, message));
        }
    }
}

impl Reader {
    /// Checks one run, or everything. With `audit_path`, the audit file is held against the audit
    /// log as well.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown run, or that the database cannot be read at all.
    pub fn verify(
        &self,
        run_id: Option<&str>,
        audit_path: Option<&Path>,
    ) -> Result<VerifyReport, StoreError> {
        self.verify_with(run_id, audit_path, &Stop::never())
    }

    /// Checks everything, until `stop` says so: nothing then. It is asked between runs, and between
    /// portions of anything else.
    ///
    /// # Errors
    /// As [`Reader::verify`].
    pub fn verify_until(
        &self,
        audit_path: Option<&Path>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<VerifyReport>, StoreError> {
        let stop = Stop { asked: Some(stop), stopped: Cell::new(false) };
        let report = self.verify_with(None, audit_path, &stop)?;
        Ok((!stop.now()).then_some(report))
    }

    fn verify_with(
        &self,
        run_id: Option<&str>,
        audit_path: Option<&Path>,
        stop: &Stop<'_>,
    ) -> Result<VerifyReport, StoreError> {
        // Files before the database: the writer goes the other way, so what they say is there. What
        // the audit file must have is asked before it is opened.
        let anchored = Anchored::read(&self.layout.heads());
        let audit_files = audit_path.map(|path| {
            let mark = self.pool.with(Mark::read)?;
            AuditFiles::open(path, mark).map(|files| (path, files))
        });
        let mut report = VerifyReport::default();
        let report = &mut report;
        self.pool.with(|db| {
            snapshot(db, || match run_id {
                Some(run_id) => self.verify_run(db, run_id, anchored, report),
                None => {
                    self.verify_all(db, anchored, audit_files, stop, report);
                    Ok(())
                }
            })
        })?;
        let mut report = std::mem::take(report);
        // Two checks may meet the same damage.
        let mut seen = HashSet::new();
        report.findings.retain(|finding| seen.insert(finding.clone()));
        Ok(report)
    }

    fn verify_run(
        &self,
        db: &Connection,
        run_id: &str,
        anchored: Result<Option<Anchored>, StoreError>,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        let head = match &anchored {
            Ok(Some(anchored)) => anchored.heads.get(run_id),
            _ => None,
        };
        let action = "could not look for a run";
        let sql = "SELECT EXISTS (SELECT 1 FROM runs WHERE run_id = ?1)
                       OR EXISTS (SELECT 1 FROM events WHERE run_id = ?1)";
        let there: bool = db.query_row(sql, [run_id], |row| row.get(0)).doing(action)?;
        if !there && head.is_none() {
            return Err(StoreError::NotFound(format!("run `{run_id}`")));
        }
        report.runs = 1;
        let mut texts = Texts { db, files: Some(&self.files), blobs: 0, forgotten: 0 };
        let mut events = 0;
        let found = check_run(db, run_id, &mut |event, findings| {
            events += 1;
            texts.check(event, findings);
        });
        (report.events, report.blobs, report.forgotten) = (events, texts.blobs, texts.forgotten);
        report.findings.extend(found);
        report.findings.extend(head.and_then(|head| check_head(db, run_id, head)));
        let stop = Stop::never();
        report.section(&stop, "`heads.log`", |report| {
            report.findings.extend(check_anchor_file(db, anchored?.as_ref())?);
            Ok(())
        });
        report.section(&stop, "the list of findings", |report| {
            add_standing(db, Some(run_id), report)
        });
        Ok(())
    }

    fn verify_all(
        &self,
        db: &Connection,
        anchored: Result<Option<Anchored>, StoreError>,
        audit_files: Option<Result<(&Path, AuditFiles), StoreError>>,
        stop: &Stop<'_>,
        report: &mut VerifyReport,
    ) {
        report.section(stop, "the database", |report| check_database(db, report));
        report.section(stop, "the journal", |report| check_journal(db, stop, report));
        report.section(stop, "`heads.log`", |report| check_anchors(db, anchored?, report));
        report.section(stop, "the texts", |report| check_blobs(db, &self.files, stop, report));
        report.section(stop, "the memory records", |report| {
            check_records(db, &self.files, stop, report)
        });
        report.section(stop, "the audit log", |report| check_audit(db, stop, report));
        report.section(stop, "the queue and the schedules", |report| {
            report.findings.extend(check_work(db)?);
            Ok(())
        });
        if let Some(files) = audit_files {
            report.section(stop, "the audit file", |report| {
                let (path, files) = files?;
                files.check(path, db, &mut report.findings)
            });
        }
        report.section(stop, "the list of findings", |report| add_standing(db, None, report));
    }
}

/// Whether to stop before the end; once it is to, it stays so.
struct Stop<'a> {
    asked: Option<&'a dyn Fn() -> bool>,
    stopped: Cell<bool>,
}

impl Stop<'_> {
    const fn never() -> Self {
        Self { asked: None, stopped: Cell::new(false) }
    }

    fn now(&self) -> bool {
        if self.asked.is_some_and(|asked| asked()) {
            self.stopped.set(true);
        }
        self.stopped.get()
    }
}

/// What earlier hosts found, of `run_id` alone or all of it, until somebody acknowledges it.
fn add_standing(
    db: &Connection,
    run_id: Option<&str>,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    report.findings.extend(damage::check_chain(db)?);
    for (mut finding, at) in damage::standing(db)? {
        let asked = run_id.is_none() || finding.run_id.as_deref() == run_id;
        // What is still to be seen is reported as it is.
        if asked && !report.findings.contains(&finding) {
            let what = finding.message;
            finding.message = format!(
                "{what} (found {at}; look into it, restore a backup if something is missing, then \
                 run `bailiwick verify --acknowledge`)"
            );
            report.findings.push(finding);
        }
    }
    Ok(())
}

/// What SQLite itself can tell: pages, indexes, references, and the schema.
fn check_database(db: &Connection, report: &mut VerifyReport) -> Result<(), StoreError> {
    let action = "could not check the database";
    schema::holds(db)?;
    let sql = format!("PRAGMA integrity_check({COMPLAINTS_MAX})");
    let mut query = db.prepare(&sql).doing(action)?;
    for line in query.query_map([], |row| row.get::<_, String>(0)).doing(action)? {
        let line = line.doing(action)?;
        if line != "ok" {
            report.findings.push(Finding::new(FindingKind::Database, line));
        }
    }
    let mut query = db.prepare("PRAGMA foreign_key_check").doing(action)?;
    let tables = query.query_map([], |row| row.get::<_, String>(0)).doing(action)?;
    let tables: BTreeSet<String> = tables.collect::<Result<_, _>>().doing(action)?;
    for table in tables {
        let message = format!("there are {table} of a run that has no summary");
        report.findings.push(Finding::new(FindingKind::RunRow, message));
    }
    Ok(())
}

/// Every run, and the store-wide numbers: 1, 2, 3… each given once.
fn check_journal(
    db: &Connection,
    stop: &Stop<'_>,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    let action = "could not list the runs";
    let sql = "SELECT run_id FROM runs UNION SELECT DISTINCT run_id FROM events";
    let mut query = db.prepare(sql).doing(action)?;
    let run_ids = query.query_map([], |row| row.get::<_, String>(0)).doing(action)?;
    let run_ids: Vec<String> = run_ids.collect::<Result<_, _>>().doing(action)?;
    let mut numbers = Numbers::default();
    let mut texts = Texts { db, files: None, blobs: 0, forgotten: 0 };
    for run_id in run_ids {
        if stop.now() {
            return Ok(());
        }
        let found = check_run(db, &run_id, &mut |event, findings| {
            numbers.take(event.global_seq);
            texts.check(event, findings);
        });
        report.runs += 1;
        report.findings.extend(found);
    }
    (report.events, report.forgotten) = (numbers.count, texts.forgotten);
    report.findings.extend(numbers.finding());
    Ok(())
}

/// Which store-wide numbers were given.
#[derive(Default)]
struct Numbers {
    count: u64,
    newest: u64,
    sum: u128,
}

impl Numbers {
    fn take(&mut self, number: u64) {
        self.count += 1;
        self.newest = self.newest.max(number);
        self.sum += u128::from(number);
    }

    /// n different numbers up to n are 1 to n. That they differ is the unique index's to say, which
    /// is checked with the database; the sum is there in case it lies.
    fn finding(&self) -> Option<Finding> {
        let n = u128::from(self.count);
        let sum = n * (n + 1) / 2;
        if u128::from(self.newest) == n && self.sum == sum {
            return None;
        }
        let (count, newest) = (self.count, self.newest);
        let message =
            format!("{count} sound events carry numbers up to {newest}: some are missing");
        Some(Finding::new(FindingKind::GlobalOrder, message))
    }
}

/// Checks the texts that events name.
struct Texts<'a> {
    db: &'a Connection,
    /// Set where the content is to be read too, rather than later for all texts at once.
    files: Option<&'a BlobFiles>,
    blobs: u64,
    forgotten: u64,
}

impl Texts<'_> {
    fn check(&mut self, event: &Event, findings: &mut Vec<Finding>) {
        let mut found = |message: String| {
            findings.push(Finding::of_run(FindingKind::Blob, &event.run_id, message));
        };
        let named = match text_refs(&event.payload) {
            Ok(named) => named,
            Err(error) => return found(format!("event {} is no json: {error}", event.seq)),
        };
        for text in named {
            match self.look(&text) {
                Ok(true) => {}
                Ok(false) => {
                    let (seq, blob) = (event.seq, text.blob);
                    found(format!("the text `{blob}` that event {seq} names is not there"));
                }
                Err(error) => found(error.to_string()),
            }
        }
    }

    fn look(&mut self, text: &TextRef) -> Result<bool, StoreError> {
        if blobs::is_stored(self.db, text)? {
            self.blobs += 1;
            return match self.files {
                Some(files) => blobs::load(self.db, files, text).map(|_| true),
                None => Ok(true),
            };
        }
        let forgotten = blobs::is_forgotten(self.db, text)?;
        self.forgotten += u64::from(forgotten);
        Ok(forgotten)
    }
}

fn check_anchors(
    db: &Connection,
    anchored: Option<Anchored>,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    report.findings.extend(check_anchor_file(db, anchored.as_ref())?);
    let Some(anchored) = anchored else { return Ok(()) };
    if anchored.instance != rows::meta(db, "instance_id")? && anchored.line > 0 {
        let message = "`heads.log` belongs to another database";
        report.findings.push(Finding::new(FindingKind::Heads, message));
    }
    for (run_id, head) in &anchored.heads {
        report.findings.extend(check_head(db, run_id, head));
    }
    let tip = anchored.tip;
    report.findings.extend(check_chain_head(db, FindingKind::Audit, &tip.audit)?);
    report.findings.extend(check_chain_head(db, FindingKind::Record, &tip.records)?);
    report.findings.extend(check_chain_head(db, FindingKind::Findings, &tip.findings)?);
    Ok(())
}

/// Every stored text against its hash, and every file against the rows.
fn check_blobs(
    db: &Connection,
    files: &BlobFiles,
    stop: &Stop<'_>,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    let action = "could not list the texts";
    let sql = "SELECT blob, salted_hash, bytes, content IS NULL FROM blobs";
    let mut query = db.prepare(sql).doing(action)?;
    let rows = query.query_map([], |row| {
        let (salted_hash, bytes) = (rows::hash(row, 1)?, rows::count(row, 2)?);
        let text = TextRef { blob: row.get(0)?, salted_hash, bytes };
        Ok((text, row.get::<_, bool>(3)?))
    });
    let mut in_files: BTreeSet<Hash> = BTreeSet::new();
    for row in rows.doing(action)? {
        if stop.now() {
            return Ok(());
        }
        let (text, in_file) = row.doing(action)?;
        if in_file {
            in_files.insert(text.salted_hash);
        }
        report.blobs += 1;
        if let Err(error) = blobs::load(db, files, &text) {
            report.findings.push(Finding::new(FindingKind::Blob, error.to_string()));
        }
    }
    let named = |file: &Result<Hash, _>| file.as_ref().is_ok_and(|hash| in_files.contains(hash));
    let orphans = files.list()?.iter().filter(|file| !named(file)).count();
    report.orphans = orphans as u64;
    Ok(())
}

/// The chain of memory records, and that their texts are there or forgotten.
fn check_records(
    db: &Connection,
    files: &BlobFiles,
    stop: &Stop<'_>,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    loop {
        let page = records::rows_after(db, report.records, PAGE)?;
        if page.is_empty() || stop.now() {
            return Ok(());
        }
        for row in page {
            report.records += 1;
            let record = row.record;
            let message = match blobs::load(db, files, &record.text) {
                Ok(text) if record.content_hash == Some(Hash::of(&text)) => continue,
                Ok(_) => format!("`{}`: its text does not fit its hash", record.id),
                Err(StoreError::Forgotten(_)) => continue,
                Err(error) => format!("`{}`: {error}", record.id),
            };
            report.findings.push(Finding::new(FindingKind::Record, message));
        }
    }
}

fn check_audit(
    db: &Connection,
    stop: &Stop<'_>,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    while !stop.now() {
        match audit::rows_after(db, report.audit_entries, PAGE) {
            Ok(page) if page.is_empty() => return Ok(()),
            Ok(page) => report.audit_entries += page.len() as u64,
            Err(error) => {
                report.findings.push(Finding::new(FindingKind::Audit, error.to_string()));
                return Ok(());
            }
        }
    }
    Ok(())
}
