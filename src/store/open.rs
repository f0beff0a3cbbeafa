//! Opening the store as the host: lock, database, then everything that was acknowledged is looked
//! for before a new word is written. What does not fit is returned, not hidden: a damaged run takes
//! no more events, and a damaged `heads.log` is kept beside a new one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::watch;

use crate::contracts::{RunId, Timestamp};
use crate::ports::Clock;

use super::audit_file::{AUDIT_FILE_BYTES_MAX, AuditFile};
use super::audit_mark::Mark;
use super::batch::Batch;
use super::blobs::{BlobFiles, erase_pending};
use super::check::{check_anchor_file, check_chain_head, check_head, check_run, recent_runs};
use super::claims::Holder;
use super::connection;
use super::error::{PathContext, StoreError};
use super::finding::{Finding, FindingKind};
use super::heads::{Anchored, Heads, HeadsLog};
use super::layout::{Layout, free_name};
use super::lock::HostLock;
use super::rows;
use super::schema::{self, MIGRATIONS};
use super::tip::{Link, Tip};
use super::verify_work::check_due;
use super::writer::Writer;
use super::{damage, jobs, lost};

/// Where the store lies and what it needs from the host.
#[derive(Clone)]
pub struct StoreOptions {
    /// `.bailiwick/` of the workspace, absolute.
    pub state_dir: PathBuf,
    /// `logs/tools_audit.jsonl` of the workspace, absolute.
    pub audit_path: PathBuf,
    /// Times and ids.
    pub clock: Arc<dyn Clock>,
    /// What names this boot of the machine, such as `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// When the audit file is put aside and a new one begun, in bytes.
    pub audit_file_bytes_max: u64,
}

impl StoreOptions {
    /// The usual limits.
    #[must_use]
    pub fn new(
        state_dir: PathBuf,
        audit_path: PathBuf,
        clock: Arc<dyn Clock>,
        boot_id: String,
    ) -> Self {
        let audit_file_bytes_max = AUDIT_FILE_BYTES_MAX;
        Self { state_dir, audit_path, clock, boot_id, audit_file_bytes_max }
    }
}

impl std::fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreOptions")
            .field("state_dir", &self.state_dir)
            .field("audit_path", &self.audit_path)
            .finish_non_exhaustive()
    }
}

/// A store that is ready to write, before its thread is started.
pub(super) struct Ready {
    pub lock: HostLock,
    pub writer: Writer,
    pub findings: Vec<Finding>,
}

pub(super) fn open(options: &StoreOptions) -> Result<Ready, StoreError> {
    let layout = Layout::new(&options.state_dir);
    layout.prepare()?;
    let now = options.clock.now();
    let lock = HostLock::take(&layout.lock(), &options.boot_id, now)?;
    lost::database_is_there(&layout)?;
    let anchored = Anchored::read(&layout.heads())?;
    let (db, instance) = open_database(&layout, options)?;
    let files = BlobFiles::new(layout.blobs());
    files.prepare()?;
    erase_pending(&db, &files)?;

    let mut findings = Vec::new();
    let aside = free_name_aside(&layout, now);
    let sound = check_anchor(&db, anchored.as_ref(), &instance, &aside, &mut findings)?;
    let known = anchored.as_ref().map(|anchored| &anchored.heads);
    let mut checked = check_journal(&db, anchored.as_ref(), known, &mut findings)?;
    checked.holder.boot_id.clone_from(&options.boot_id);
    let marked = Mark::read(&db)?;
    let mut audit =
        AuditFile::new(options.audit_path.clone(), options.audit_file_bytes_max, marked);
    let (repair, altered) = audit.inspect(&db, marked, now)?;
    findings.extend(altered);

    // What was found is on record before anything is repaired.
    let before = checked.tip.findings;
    record(&db, &findings, &mut checked, options.clock.as_ref())?;
    let Checked { tip, holder, ahead } = checked;
    let mut heads = match anchored {
        Some(anchored) if sound => HeadsLog::open(layout.heads(), instance, &anchored)?,
        damaged => {
            put_aside(&layout, &aside)?;
            let (line, all) = heads_anew(&db, damaged, &holder.quarantine)?;
            HeadsLog::create(layout.heads(), instance, line, &all, &tip)?
        }
    };
    if !ahead.is_empty() || tip.findings != before {
        heads.append(ahead, &tip)?;
    }
    audit.repair(repair, &db)?;
    let (newest, poison) = (watch::Sender::new(tip.global_seq), Arc::new(OnceLock::new()));
    let clock = Arc::clone(&options.clock);
    let mut writer = Writer { db, tip, heads, audit, marked, files, holder, poison, newest, clock };
    writer.save_mark()?;
    if findings.is_empty() {
        // What an earlier host left in the log. Where there is damage, the log is evidence.
        connection::checkpoint(&writer.db);
    }
    Ok(Ready { lock, writer, findings })
}

/// Where a damaged `heads.log` is kept.
fn free_name_aside(layout: &Layout, now: Timestamp) -> PathBuf {
    free_name(|number| match number {
        1 => layout.dir.join(format!("heads.damaged-{}.log", now.ms())),
        number => layout.dir.join(format!("heads.damaged-{}-{number}.log", now.ms())),
    })
}

/// The newest line that was anchored, and the heads for a new file in place of a damaged one.
fn heads_anew(
    db: &Connection,
    damaged: Option<Anchored>,
    quarantine: &BTreeMap<String, String>,
) -> Result<(u64, Heads), StoreError> {
    let found = damaged.as_ref().map_or(0, |found| found.line);
    let line = rows::anchored_line(db)?.max(found);
    let known = damaged.map(|found| found.heads).unwrap_or_default();
    Ok((line, every_head(db, known, quarantine)?))
}

/// Records findings, and the heads and the tip that this moves.
fn record(
    db: &Connection,
    findings: &[Finding],
    checked: &mut Checked,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    use super::error::Context;
    if findings.is_empty() {
        return Ok(());
    }
    let action = "could not record what was found";
    let change = Transaction::new_unchecked(db, TransactionBehavior::Immediate).doing(action)?;
    let mut batch = Batch::new(&change, checked.tip, &checked.holder, clock);
    let system_is_sound = !checked.holder.quarantine.contains_key(RunId::SYSTEM_TEXT);
    damage::record(&mut batch, findings, system_is_sound, clock)?;
    let Batch { tip, heads, .. } = batch;
    change.commit().doing(action)?;
    checked.tip = tip;
    checked.ahead.extend(heads);
    Ok(())
}

fn open_database(
    layout: &Layout,
    options: &StoreOptions,
) -> Result<(Connection, String), StoreError> {
    let path = layout.database();
    let mut db = connection::writer(&path)?;
    if schema::version(&db)? == 0 {
        lost::refuse_lost(layout, "it has no tables")?;
    }
    schema::migrate(&mut db, &path, MIGRATIONS, |change| {
        let instance = options.clock.uuid().simple().to_string();
        rows::set_meta(change, "instance_id", &instance)?;
        rows::set_anchored_line(change, 0)
    })?;
    schema::holds(&db)?;
    let instance = rows::meta(&db, "instance_id")?;
    let missing = || StoreError::corrupt("the database", "it does not know its own id");
    Ok((db, instance.ok_or_else(missing)?))
}

/// Checks `heads.log` itself. Whether it can be written on; otherwise it is put `aside`.
fn check_anchor(
    db: &Connection,
    anchored: Option<&Anchored>,
    instance: &str,
    aside: &Path,
    findings: &mut Vec<Finding>,
) -> Result<bool, StoreError> {
    let other = anchored.and_then(|anchored| anchored.instance.as_deref());
    if other.is_some_and(|found| found != instance) {
        let reason = "it belongs to another database: restore the one it belongs to";
        return Err(StoreError::corrupt("`heads.log`", reason));
    }
    let found = check_anchor_file(db, anchored)?;
    let sound = found.is_empty() && anchored.is_some_and(|anchored| anchored.line > 0);
    findings.extend(found.into_iter().map(|mut finding| {
        let kept = match anchored {
            Some(_) => format!("put aside as `{}` and ", aside.display()),
            None => String::new(),
        };
        finding.message = format!("{}: it was {kept}written anew", finding.message);
        finding
    }));
    Ok(sound)
}

/// What the journal's check found.
struct Checked {
    tip: Tip,
    holder: Holder,
    /// Heads of sound runs that a crash kept from being anchored.
    ahead: Heads,
}

fn check_journal(
    db: &Connection,
    anchored: Option<&Anchored>,
    known: Option<&Heads>,
    findings: &mut Vec<Finding>,
) -> Result<Checked, StoreError> {
    let mut tip = Tip::read(db)?;
    let before = findings.len();
    let anchored_global = anchored.map_or(0, |anchored| anchored.tip.global_seq);
    for (run_id, head) in known.into_iter().flatten() {
        findings.extend(check_head(db, run_id, head));
    }
    let recent = recent_runs(db, anchored_global)?;
    for run_id in &recent {
        findings.extend(check_run(db, run_id, &mut |_, _| ()));
    }
    let quarantine: BTreeMap<String, String> = findings
        .iter()
        .skip(before)
        .filter_map(|finding| Some((finding.run_id.clone()?, finding.message.clone())))
        .collect();
    if let Some(anchored) = anchored {
        findings.extend(check_chain_head(db, FindingKind::Audit, &anchored.tip.audit)?);
        findings.extend(check_chain_head(db, FindingKind::Record, &anchored.tip.records)?);
        findings.extend(check_chain_head(db, FindingKind::Findings, &anchored.tip.findings)?);
    }
    findings.extend(damage::check_chain(db)?);
    findings.extend(check_due(db)?);
    // Numbers of lost events are not given again.
    tip.global_seq = tip.global_seq.max(anchored_global);
    let mut ahead = Heads::new();
    for run_id in recent.into_iter().filter(|run_id| !quarantine.contains_key(run_id)) {
        let Some(row) = rows::load_run(db, &run_id)? else { continue };
        let head = Link { seq: row.last_seq, hash: row.last_hash };
        if known.and_then(|known| known.get(&run_id)) != Some(&head) {
            ahead.insert(run_id, head);
        }
    }
    // Whoever holds the lock knows that all who claimed before are gone.
    let fences_before = jobs::newest_fence(db)?;
    let holder = Holder { boot_id: String::new(), fences_before, quarantine };
    Ok(Checked { tip, holder, ahead })
}

/// The heads for a new file: of damaged runs what was acknowledged, of all others what is there.
fn every_head(
    db: &Connection,
    mut known: Heads,
    quarantine: &BTreeMap<String, String>,
) -> Result<Heads, StoreError> {
    use super::error::Context;
    let action = "could not list the runs";
    let mut query = db.prepare("SELECT run_id, last_seq, last_hash FROM runs").doing(action)?;
    let rows = query
        .query_map([], |row| {
            let link = Link { seq: rows::count(row, 1)?, hash: rows::hash(row, 2)? };
            Ok((row.get::<_, String>(0)?, link))
        })
        .doing(action)?;
    for row in rows {
        let (run_id, link) = row.doing(action)?;
        if !quarantine.contains_key(&run_id) {
            known.insert(run_id, link);
        }
    }
    Ok(known)
}

fn put_aside(layout: &Layout, aside: &Path) -> Result<(), StoreError> {
    let heads = layout.heads();
    match std::fs::rename(&heads, aside) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.at("could not put aside", &heads),
    }
}
