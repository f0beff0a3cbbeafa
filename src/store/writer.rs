//! The one writer: takes requests in groups, commits each group at once, anchors it in `heads.log`,
//! and only then answers. What cannot be made durable ends all writing.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::watch;

use super::audit::AuditRow;
use super::audit_file::AuditFile;
use super::audit_mark::Mark;
use super::batch::{Batch, Failure};
use super::blobs::{BlobFiles, erase_pending};
use super::claims::{self, Holder};
use super::error::{Context, StoreError};
use super::heads::{Heads, HeadsLog};
use super::queue::{Answer, Done, Request, Waiting, Wanted};
use super::tip::Tip;
use super::{connection, fires, keys, rows, schedules};
use crate::contracts::RunId;
use crate::ports::Clock;

/// Why nothing is written any more, once that is so.
pub(super) type Poison = Arc<OnceLock<String>>;

/// Everything the writer's thread owns.
pub(super) struct Writer {
    pub db: Connection,
    pub tip: Tip,
    pub heads: HeadsLog,
    pub audit: AuditFile,
    /// What the database says about the audit file.
    pub marked: Mark,
    pub files: BlobFiles,
    /// Who writes here, and what must not be touched.
    pub holder: Holder,
    pub poison: Poison,
    pub newest: watch::Sender<u64>,
    pub clock: Arc<dyn Clock>,
}

/// The answer to each request of a batch, held back until the batch is durable.
type Answers = Vec<(SyncSender<Answer>, Answer)>;

/// What a committed transaction leaves to be anchored.
struct Committed {
    tip: Tip,
    heads: Heads,
    audit: Vec<AuditRow>,
    mark: Mark,
}

impl Writer {
    /// Works until the last caller is gone.
    pub(super) fn run(mut self, mut waiting: Waiting) {
        while let Some(batch) = waiting.next() {
            for (answer, what) in self.serve(batch) {
                Request::answer(&answer, what);
            }
        }
        if let Err(error) = self.audit.sync() {
            tracing::warn!(%error, "the audit file could not be synced at the end");
        }
        if self.poison.get().is_some() {
            return;
        }
        if let Err(error) = self.save_mark() {
            tracing::warn!(%error, "it could not be noted how far the audit file came");
        }
        connection::checkpoint(&self.db);
    }

    /// Notes how far the audit file is on the disk, if that is not noted yet.
    pub(super) fn save_mark(&mut self) -> Result<(), StoreError> {
        let mark = self.audit.mark();
        if mark != self.marked {
            mark.save(&self.db)?;
            self.marked = mark;
        }
        Ok(())
    }

    fn serve(&mut self, batch: Vec<Request>) -> Answers {
        let mut callers = Vec::with_capacity(batch.len());
        let mut wanted = Vec::with_capacity(batch.len());
        for request in batch {
            let (what, answer) = request.into_parts();
            wanted.push(what);
            callers.push(answer);
        }
        let forgets: Vec<bool> = wanted.iter().map(Wanted::forgets).collect();
        match self.write(wanted) {
            Ok(answers) => callers.into_iter().zip(self.erase(answers, &forgets)).collect(),
            Err(error) => callers.into_iter().map(|caller| (caller, Err(error.clone()))).collect(),
        }
    }

    /// Commits and anchors. An error is every request's error.
    fn write(&mut self, wanted: Vec<Wanted>) -> Result<Vec<Answer>, StoreError> {
        if let Some(reason) = self.poison.get() {
            return Err(StoreError::Poisoned(reason.clone()));
        }
        let (answers, committed) = self.commit(wanted)?;
        if let Some(committed) = committed {
            self.anchor(&committed).map_err(|error| self.poisoned(error))?;
            self.tip = committed.tip;
            self.marked = committed.mark;
            self.project(&committed.audit);
            self.newest.send_replace(self.tip.global_seq);
        }
        Ok(answers)
    }

    fn commit(&self, wanted: Vec<Wanted>) -> Result<(Vec<Answer>, Option<Committed>), StoreError> {
        // Where not even a beginning was made, nothing is lost and the next try may succeed.
        let change = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)
            .doing("could not begin to write")?;
        let outcome = self.transact(change, wanted);
        // A full disk is found before anything is kept: once it is rolled back, all is as it was.
        let harmless = |error: &StoreError| error.is_disk_full() && self.db.is_autocommit();
        match outcome {
            Err(error) if !harmless(&error) => Err(self.poisoned(error)),
            other => other,
        }
    }

    fn transact(
        &self,
        change: Transaction<'_>,
        wanted: Vec<Wanted>,
    ) -> Result<(Vec<Answer>, Option<Committed>), StoreError> {
        let mut batch = Batch::new(&change, self.tip, &self.holder, self.clock.as_ref());
        let mut answers = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            match self.carry_out(&mut batch, wanted) {
                Ok(done) => answers.push(Ok(done)),
                Err(Failure::Refused(error)) => answers.push(Err(error)),
                Err(Failure::Broken(error)) => return Err(error),
            }
        }
        let moved = batch.moved(&self.tip);
        let mark = self.audit.mark();
        let Batch { tip, heads, audit, .. } = batch;
        if moved {
            // What is anchored now must still be anchored whenever this commit is seen.
            rows::set_anchored_line(&change, self.heads.line())?;
            if mark != self.marked {
                mark.save(&change)?;
            }
        }
        change.commit().doing("could not commit")?;
        Ok((answers, moved.then_some(Committed { tip, heads, audit, mark })))
    }

    fn anchor(&mut self, committed: &Committed) -> Result<(), StoreError> {
        self.heads.append(committed.heads.clone(), &committed.tip)
    }

    /// Ends all writing.
    fn poisoned(&self, error: StoreError) -> StoreError {
        let reason = self.poison.get_or_init(|| error.to_string());
        tracing::error!(%reason, "the store stopped writing");
        if error.is_disk_full() { error } else { StoreError::Poisoned(reason.clone()) }
    }

    /// Writes the audit file. It is a projection: what cannot be written now is caught up later.
    fn project(&mut self, entries: &[AuditRow]) {
        if entries.is_empty() {
            return;
        }
        let done = match self.audit.append(entries) {
            Ok(false) => self.catch_up(),
            Ok(true) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "the audit file is behind");
        }
    }

    /// Somebody else touched the file: that is recorded before it is repaired.
    fn catch_up(&mut self) -> Result<(), StoreError> {
        let expected = self.audit.expected();
        let (repair, finding) = self.audit.inspect(&self.db, expected, self.clock.now())?;
        if let Some(finding) = finding {
            tracing::error!(%finding, "the audit file was changed");
            self.write(vec![Wanted::Found(vec![finding])])?;
        }
        self.audit.repair(repair, &self.db)
    }

    /// Erases forgotten texts; who asked for it hears when it did not work.
    fn erase(&self, answers: Vec<Answer>, forgets: &[bool]) -> Vec<Answer> {
        if !forgets.contains(&true) {
            return answers;
        }
        let erased = erase_pending(&self.db, &self.files);
        let outcome = |(answer, forget): (Answer, &bool)| match (&erased, forget) {
            (Err(error), true) => answer.and(Err(error.clone())),
            _ => answer,
        };
        answers.into_iter().zip(forgets).map(outcome).collect()
    }

    fn carry_out(&self, batch: &mut Batch<'_>, wanted: Wanted) -> Result<Done, Failure> {
        match wanted {
            Wanted::Append(append) => return batch.append(*append).map(Done::Events),
            Wanted::System(append) => return batch.append_system(*append).map(Done::Events),
            Wanted::Queue(wanted) => return claims::carry_out(batch, wanted),
            Wanted::Schedule(wanted) => return schedules::carry_out(batch, wanted),
            Wanted::Fire(fire) => return batch.fire(*fire).map(Done::Fired),
            Wanted::Key(wanted) => return keys::carry_out(batch, wanted),
            Wanted::PruneFires(before) => {
                return fires::prune(batch.db, before).map(Done::Count).map_err(Failure::Broken);
            }
            Wanted::Erase(wanted) => return batch.erase(*wanted).map(Done::Erased),
            Wanted::Audit(entry) => batch.audit(entry),
            Wanted::Forget(text, at) => batch.forget(&text, at),
            Wanted::ForgetRun(wanted) => batch.forget_run(&wanted),
            Wanted::Acknowledge(by, at) => batch.acknowledge(by, at),
            Wanted::Found(findings) => {
                let system_is_sound = !self.holder.quarantine.contains_key(RunId::SYSTEM_TEXT);
                batch.found(&findings, system_is_sound, self.clock.as_ref())
            }
        }
        .map(|()| Done::Nothing)
    }
}
