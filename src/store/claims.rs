//! Taking runs out of the queue to work on them, and giving them back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, params};

use crate::contracts::{Priority, RunId, Timestamp};

use super::batch::{Batch, Failure};
use super::error::{Context, StoreError};
use super::handle::Store;
use super::jobs::{self, COLUMNS, Enqueue, Fence, QueueEntry, QueueState};
use super::queue::{Done, Wanted};
use super::rows;

/// What a worker asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimWanted {
    /// Most runs that are handed out now.
    pub count: u32,
    /// Most runs that may be at work at once.
    pub total_max: u32,
    /// Most runs of one playbook that may be at work at once, unless the playbook says fewer.
    pub per_playbook_max: u32,
    /// How long a claim holds without being renewed, in milliseconds.
    pub lease_ms: u64,
    /// The time now.
    pub now: Timestamp,
}

/// A run that was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// Which run.
    pub run_id: RunId,
    /// What proves the claim.
    pub fence: Fence,
}

/// How a run is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It has ended.
    Ended,
    /// It waits for something; [`Store::requeue`] says that it has work again.
    Waiting,
}

/// What the queue is asked for.
#[derive(Debug)]
pub(super) enum QueueWanted {
    Claim(ClaimWanted),
    Heartbeat(Vec<(RunId, Fence)>, Timestamp),
    Complete(RunId, Fence, Leave),
    Requeue(RunId, Enqueue),
}

/// Who is at work here, and what it must not touch.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    /// What names this boot of the machine.
    pub boot_id: String,
    /// The newest fence when this host began: claims up to it are those of a host that is gone.
    pub fences_before: u64,
    /// Runs that failed their check, with the reason.
    pub quarantine: BTreeMap<String, String>,
}

impl Holder {
    /// Whether this claim was made by this host.
    fn made(&self, entry: &QueueEntry) -> bool {
        let after = entry.fence.is_some_and(|fence| fence.0 > self.fences_before);
        let here = entry.boot_id.as_deref() == Some(self.boot_id.as_str());
        entry.state == QueueState::Claimed && after && here
    }

    /// Whether nobody else may take the run.
    fn is_live(&self, entry: &QueueEntry, now: Timestamp) -> bool {
        self.made(entry) && entry.lease_until.is_some_and(|until| until > now)
    }

    /// Whether `fence` is the claim that counts. A lease that is over still counts until somebody
    /// else takes the run.
    fn holds(&self, entry: &QueueEntry, fence: Fence) -> bool {
        self.made(entry) && entry.fence == Some(fence)
    }
}

/// The row of the run, if `fence` is the claim that counts.
pub(super) fn held(
    db: &Connection,
    holder: &Holder,
    run_id: &str,
    fence: Fence,
) -> Result<Option<QueueEntry>, StoreError> {
    Ok(jobs::load(db, run_id)?.filter(|entry| holder.holds(entry, fence)))
}

/// Carries out what the queue is asked for.
pub(super) fn carry_out(batch: &mut Batch<'_>, wanted: QueueWanted) -> Result<Done, Failure> {
    match wanted {
        QueueWanted::Claim(wanted) => claim(batch, &wanted).map(Done::Claimed),
        QueueWanted::Heartbeat(claims, until) => heartbeat(batch, claims, until).map(Done::Runs),
        QueueWanted::Complete(run_id, fence, leave) => complete(batch, run_id, fence, leave),
        QueueWanted::Requeue(run_id, wanted) => requeue(batch, run_id, &wanted),
    }
}

/// What a look at the queue found.
#[derive(Default)]
struct Chosen {
    next: Vec<QueueEntry>,
    /// Runs that ended and whose place was never given back.
    over: Vec<RunId>,
    /// Priority and place of the last one that was looked at.
    seen: (u8, u64),
}

fn claim(batch: &Batch<'_>, wanted: &ClaimWanted) -> Result<Vec<Claimed>, Failure> {
    let mut fence = jobs::newest_fence(batch.db).map_err(Failure::Refused)?;
    let chosen = choose(batch, wanted).map_err(Failure::Refused)?;
    let write = || -> Result<Vec<Claimed>, StoreError> {
        chosen.over.iter().try_for_each(|run_id| jobs::remove(batch.db, run_id))?;
        let mut claimed = Vec::with_capacity(chosen.next.len());
        for mut entry in chosen.next {
            fence += 1;
            entry.state = QueueState::Claimed;
            entry.again = false;
            entry.fence = Some(Fence(fence));
            entry.boot_id = Some(batch.holder.boot_id.clone());
            entry.lease_until = Some(wanted.now.plus_ms(wanted.lease_ms));
            jobs::save(batch.db, &entry)?;
            claimed.push(Claimed { run_id: entry.run_id, fence: Fence(fence) });
        }
        if !claimed.is_empty() {
            jobs::set_newest_fence(batch.db, fence)?;
        }
        Ok(claimed)
    };
    write().map_err(Failure::Broken)
}

/// The next runs by priority and place that no limit holds back.
fn choose(batch: &Batch<'_>, wanted: &ClaimWanted) -> Result<Chosen, StoreError> {
    let mut busy = Busy::count(batch, wanted)?;
    let (mut chosen, mut full) = (Chosen::default(), BTreeSet::new());
    // Each look passes over one more kind of run whose playbook has no room: of a thousand that wait
    // behind one limit, one is read.
    while let Some(kind) = look(batch, wanted, &mut busy, &full, &mut chosen)? {
        full.insert(kind);
    }
    Ok(chosen)
}

/// What tells the limits of a run: how many of its playbook may be at work by its own word, and which.
fn kind(entry: &QueueEntry) -> String {
    format!("{} {}", entry.concurrency.map_or(-1, i64::from), entry.playbook)
}

/// Goes through the queue, without runs of kinds that are `full` and those that are chosen, up to the
/// first whose playbook has no room: its kind is returned.
fn look(
    batch: &Batch<'_>,
    wanted: &ClaimWanted,
    busy: &mut Busy,
    full: &BTreeSet<String>,
    chosen: &mut Chosen,
) -> Result<Option<String>, StoreError> {
    let action = "could not look into the queue";
    let sql = format!(
        "SELECT {COLUMNS} FROM queue WHERE state <> 'parked' AND (rank, position) > (?1, ?2)
         AND COALESCE(concurrency, -1) || ' ' || playbook NOT IN (SELECT value FROM json_each(?3))
         ORDER BY rank, position"
    );
    let skipped = serde_json::to_string(full)
        .map_err(|error| StoreError::Database { action, reason: error.to_string() })?;
    let (rank, position) = chosen.seen;
    let mut query = batch.db.prepare_cached(&sql).doing(action)?;
    let values = params![rank, rows::int(position), skipped];
    for entry in query.query_map(values, jobs::row).doing(action)? {
        if chosen.next.len() as u64 >= u64::from(wanted.count) || busy.is_full() {
            break;
        }
        let entry = match entry.doing(action) {
            Ok(entry) => entry,
            Err(error) if error.is_integrity() => {
                // One damaged place must not keep all others from work; `verify` names it too.
                tracing::error!(%error, "a place in the queue is damaged and is passed over");
                continue;
            }
            Err(error) => return Err(error),
        };
        chosen.seen = (jobs::rank(entry.priority), entry.position);
        if batch.holder.is_live(&entry, wanted.now) {
            continue;
        }
        if !busy.has_room(&entry) {
            return Ok(Some(kind(&entry)));
        }
        let run_id = entry.run_id.to_string();
        if batch.holder.quarantine.contains_key(&run_id) {
            continue;
        }
        if rows::load_run(batch.db, &run_id)?.is_some_and(|run| run.summary.reported) {
            chosen.over.push(entry.run_id);
            continue;
        }
        busy.take(&entry.playbook);
        chosen.next.push(entry);
    }
    Ok(None)
}

/// What is at work, against the limits.
struct Busy {
    total: u64,
    total_max: u64,
    by_playbook: HashMap<String, u64>,
    per_playbook_max: u32,
}

impl Busy {
    fn count(batch: &Batch<'_>, wanted: &ClaimWanted) -> Result<Self, StoreError> {
        let action = "could not count what is at work";
        let sql = format!("SELECT {COLUMNS} FROM queue WHERE state = 'claimed' ORDER BY position");
        let mut query = batch.db.prepare_cached(&sql).doing(action)?;
        let mut busy = Self {
            total: 0,
            total_max: u64::from(wanted.total_max),
            by_playbook: HashMap::new(),
            per_playbook_max: wanted.per_playbook_max,
        };
        for entry in query.query_map([], jobs::row).doing(action)? {
            match entry.doing(action) {
                Ok(entry) if batch.holder.is_live(&entry, wanted.now) => busy.take(&entry.playbook),
                Ok(_) => {}
                Err(error) if error.is_integrity() => busy.total += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(busy)
    }

    fn is_full(&self) -> bool {
        self.total >= self.total_max
    }

    fn has_room(&self, entry: &QueueEntry) -> bool {
        let own = entry.concurrency.unwrap_or(u32::MAX);
        let limit = u64::from(own.min(self.per_playbook_max));
        self.by_playbook.get(&entry.playbook).copied().unwrap_or(0) < limit
    }

    fn take(&mut self, playbook: &str) {
        self.total += 1;
        *self.by_playbook.entry(playbook.to_owned()).or_default() += 1;
    }
}

fn heartbeat(
    batch: &Batch<'_>,
    claims: Vec<(RunId, Fence)>,
    until: Timestamp,
) -> Result<Vec<RunId>, Failure> {
    let (mut ours, mut lost) = (Vec::new(), Vec::new());
    for (run_id, fence) in claims {
        let held = held(batch.db, batch.holder, &run_id.to_string(), fence);
        match held.map_err(Failure::Refused)? {
            Some(entry) => ours.push(entry),
            None => lost.push(run_id),
        }
    }
    for mut entry in ours {
        entry.lease_until = Some(until);
        jobs::save(batch.db, &entry).map_err(Failure::Broken)?;
    }
    Ok(lost)
}

fn complete(batch: &Batch<'_>, run_id: RunId, fence: Fence, leave: Leave) -> Result<Done, Failure> {
    let name = run_id.to_string();
    let held = held(batch.db, batch.holder, &name, fence).map_err(Failure::Refused)?;
    let stale = || Failure::Refused(StoreError::StaleFence { run_id: name.clone() });
    let mut entry = held.ok_or_else(stale)?;
    let written = match leave {
        Leave::Ended => jobs::remove(batch.db, &run_id),
        Leave::Waiting => {
            let more = std::mem::take(&mut entry.again);
            entry.state = if more { QueueState::Waiting } else { QueueState::Parked };
            entry.lease_until = None;
            jobs::save(batch.db, &entry)
        }
    };
    written.map(|()| Done::Nothing).map_err(Failure::Broken)
}

fn requeue(batch: &Batch<'_>, run_id: RunId, wanted: &Enqueue) -> Result<Done, Failure> {
    let name = run_id.to_string();
    let run = rows::load_run(batch.db, &name).map_err(Failure::Refused)?;
    let run = run.ok_or_else(|| StoreError::NotFound(format!("run `{name}`")));
    if run.map_err(Failure::Refused)?.summary.reported {
        return Err(Failure::Refused(StoreError::Ended(name)));
    }
    let there = match jobs::load(batch.db, &name) {
        // It was named when the host began. A damaged place must not keep the run from work for ever.
        Err(error) if error.is_integrity() => {
            tracing::error!(%error, "a damaged place in the queue is given anew");
            jobs::remove(batch.db, &run_id).map_err(Failure::Broken)?;
            None
        }
        other => other.map_err(Failure::Refused)?,
    };
    let written = jobs::enqueue(batch.db, run_id, wanted, there);
    written.map(|()| Done::Nothing).map_err(Failure::Broken)
}

impl Store {
    /// Hands out runs that have work: by priority, then by the order in which they came, as far as
    /// the limits allow. Claims of a host that is gone, of another boot, or whose lease is over are
    /// handed out again with a new fence. Blocks until it is durable.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn claim(&self, wanted: ClaimWanted) -> Result<Vec<Claimed>, StoreError> {
        match self.ask(Wanted::Queue(QueueWanted::Claim(wanted)))? {
            Done::Claimed(claimed) => Ok(claimed),
            other => Err(other.unexpected()),
        }
    }

    /// Renews claims: they hold for `lease_ms` from `now`. Returns the runs that are no longer ours.
    /// Blocks until it is durable.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn heartbeat(
        &self,
        claims: &[(RunId, Fence)],
        lease_ms: u64,
        now: Timestamp,
    ) -> Result<Vec<RunId>, StoreError> {
        let wanted = QueueWanted::Heartbeat(claims.to_vec(), now.plus_ms(lease_ms));
        match self.ask(Wanted::Queue(wanted))? {
            Done::Runs(lost) => Ok(lost),
            other => Err(other.unexpected()),
        }
    }

    /// Gives a run's place back. A run that got more work since it was claimed waits for its next
    /// turn even when it leaves as [`Leave::Waiting`]. Blocks until it is durable.
    ///
    /// # Errors
    /// [`StoreError::StaleFence`] when the claim is no longer the one that counts, or as
    /// [`Store::append`].
    pub fn complete(&self, run_id: RunId, fence: Fence, leave: Leave) -> Result<(), StoreError> {
        self.ask(Wanted::Queue(QueueWanted::Complete(run_id, fence, leave))).map(drop)
    }

    /// Says that a run has work again, or for the first time. It keeps the place it has. Blocks
    /// until it is durable.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Ended`], or as [`Store::append`].
    pub fn requeue(
        &self,
        run_id: RunId,
        priority: Priority,
        playbook: impl Into<String>,
        concurrency: Option<u32>,
    ) -> Result<(), StoreError> {
        let wanted = Enqueue { priority, playbook: playbook.into(), concurrency };
        self.ask(Wanted::Queue(QueueWanted::Requeue(run_id, wanted))).map(drop)
    }
}
