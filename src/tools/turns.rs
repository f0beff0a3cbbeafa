//! One writer at a time for each file, within this process.
//!
//! A call that writes takes its turn when its old content is kept, and leaves when it is over: what
//! was kept is then what is replaced, also when many calls extend one file at once. Nothing here
//! holds back other processes; their writes are noticed by comparing with what the call saw.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::watch::Watch;
use crate::contracts::{CallId, Hash, ToolError};

/// How long a call that kept its old content may take to begin. One that was dropped in between
/// would hold up everybody else; one that is merely slow finds its turn lost, and what it saw is
/// compared all the same.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often somebody who waits looks whether to stop.
const LOOK: Duration = Duration::from_millis(50);

static TURNS: Turns = Turns::new(PATIENCE);

/// What has a file's name, by the hash of its content; `None` where there is no file.
pub(super) type Seen = Option<Hash>;

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It keeps the old content and will begin soon.
    Keeping,
    /// It writes.
    Writing,
}

/// Waits until nobody else writes `path`, then has it for `call` until [`leave`].
pub(super) fn take(
    call: CallId,
    path: &Path,
    stage: Stage,
    watch: &Watch,
) -> Result<(), ToolError> {
    TURNS.take(call, path, stage, watch)
}

/// Notes what `call` saw at `path` when the old content was kept.
pub(super) fn saw(call: CallId, path: &Path, seen: Seen) {
    TURNS.saw(call, path, seen);
}

/// Where `call` kept the old content, and what it saw there; nothing when it kept none.
pub(super) fn kept(call: CallId) -> Option<(PathBuf, Seen)> {
    TURNS.kept(call)
}

/// Each path at which `call` kept the old content, with what it saw there.
pub(super) fn all_kept(call: CallId) -> Vec<(PathBuf, Seen)> {
    TURNS.all_kept(call)
}

/// Lets the next one have what `call` has.
pub(super) fn leave(call: CallId) {
    TURNS.leave(call);
}

/// Leaves when dropped: however a call ends, a panic included.
pub(super) struct Leaving(pub(super) CallId);

impl Drop for Leaving {
    fn drop(&mut self) {
        leave(self.0);
    }
}

#[derive(Debug)]
struct Turn {
    call: CallId,
    path: PathBuf,
    seen: Option<Seen>,
    hold: Hold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Until it begins, or patience is over.
    Since(Instant),
    /// Until it leaves.
    Writing,
    /// Somebody else was let in.
    Lost,
}

struct Turns {
    all: Mutex<Vec<Turn>>,
    left: Condvar,
    patience: Duration,
}

impl Turns {
    const fn new(patience: Duration) -> Self {
        Self { all: Mutex::new(Vec::new()), left: Condvar::new(), patience }
    }

    fn take(
        &self,
        call: CallId,
        path: &Path,
        stage: Stage,
        watch: &Watch,
    ) -> Result<(), ToolError> {
        let mut all = self.lock();
        while all.iter().any(|turn| turn.path == path && turn.call != call && self.holds(turn)) {
            watch.check()?;
            let waited = self.left.wait_timeout(all, LOOK);
            all = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        for turn in all.iter_mut().filter(|turn| turn.path == path && turn.call != call) {
            turn.hold = Hold::Lost;
        }
        let hold = match stage {
            Stage::Keeping => Hold::Since(Instant::now()),
            Stage::Writing => Hold::Writing,
        };
        match all.iter_mut().find(|turn| turn.call == call && turn.path == path) {
            Some(turn) => turn.hold = hold,
            None => all.push(Turn { call, path: path.to_owned(), seen: None, hold }),
        }
        Ok(())
    }

    fn saw(&self, call: CallId, path: &Path, seen: Seen) {
        let mut all = self.lock();
        if let Some(turn) = all.iter_mut().find(|turn| turn.call == call && turn.path == path) {
            turn.seen = Some(seen);
        }
    }

    fn kept(&self, call: CallId) -> Option<(PathBuf, Seen)> {
        let all = self.lock();
        let turn = all.iter().find(|turn| turn.call == call && turn.seen.is_some())?;
        Some((turn.path.clone(), turn.seen?))
    }

    fn all_kept(&self, call: CallId) -> Vec<(PathBuf, Seen)> {
        let all = self.lock();
        let own = all.iter().filter(|turn| turn.call == call);
        own.filter_map(|turn| Some((turn.path.clone(), turn.seen?))).collect()
    }

    fn leave(&self, call: CallId) {
        self.lock().retain(|turn| turn.call != call);
        self.left.notify_all();
    }

    fn holds(&self, turn: &Turn) -> bool {
        match turn.hold {
            Hold::Since(taken) => taken.elapsed() < self.patience,
            Hold::Writing => true,
            Hold::Lost => false,
        }
    }

    /// The list is whole even after a panic: each change to it is one step.
    fn lock(&self) -> MutexGuard<'_, Vec<Turn>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::contracts::ErrorKind;
    use crate::ports::Cancel;

    const FILE: &str = "/ws/a";

    fn id(number: u128) -> CallId {
        CallId::from_uuid(Uuid::from_u128(number))
    }

    fn take(turns: &Turns, call: u128, path: &str, stage: Stage) -> Result<(), ErrorKind> {
        let watch = Watch::start(Cancel::default(), 60);
        turns.take(id(call), Path::new(path), stage, &watch).map_err(|error| error.kind)
    }

    #[test]
    fn a_file_is_had_by_one_call_and_others_by_others() {
        for stage in [Stage::Keeping, Stage::Writing] {
            let turns = Turns::new(PATIENCE);
            assert_eq!(take(&turns, 1, FILE, stage), Ok(()));
            assert_eq!(take(&turns, 1, FILE, Stage::Writing), Ok(()));
            assert_eq!(take(&turns, 2, "/ws/b", stage), Ok(()));
            assert_eq!(take(&turns, 2, FILE, stage), Err(ErrorKind::Timeout));
            turns.leave(id(1));
            assert_eq!(take(&turns, 2, FILE, stage), Ok(()));
        }
    }

    #[test]
    fn a_call_that_never_begins_loses_its_turn_and_not_what_it_saw() {
        let turns = Turns::new(Duration::ZERO);
        assert_eq!(take(&turns, 1, FILE, Stage::Keeping), Ok(()));
        turns.saw(id(1), Path::new(FILE), None);
        assert_eq!(take(&turns, 2, FILE, Stage::Writing), Ok(()));
        assert_eq!(take(&turns, 1, FILE, Stage::Writing), Err(ErrorKind::Timeout));
        turns.leave(id(2));
        assert_eq!(take(&turns, 1, FILE, Stage::Writing), Ok(()));
        assert_eq!(turns.kept(id(1)), Some((PathBuf::from(FILE), None)));
        turns.leave(id(1));
        assert_eq!(turns.kept(id(1)), None);
    }

    #[test]
    fn whoever_waits_can_be_stopped() {
        let turns = Turns::new(PATIENCE);
        assert_eq!(take(&turns, 1, FILE, Stage::Writing), Ok(()));
        let cancel = Cancel::default();
        cancel.request();
        let watch = Watch::start(cancel, 60_000);
        let error = turns.take(id(2), Path::new(FILE), Stage::Writing, &watch).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Cancelled);
    }
}
