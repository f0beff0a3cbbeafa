//! The brokers of this program: one for each view, kept for the next call and ended when nobody has used
//! it for a while.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use super::broker::Broker;
use super::groups;
use super::survey::{Asked, Survey};
use super::wire::{PROTOCOL, SystemPath, ViewSpec};
use crate::contracts::Network;
use crate::ports::SandboxError;
use crate::sandbox::{OnMissing, SandboxOptions};

/// Brokers that are kept although nobody uses them.
const KEPT_MAX: usize = 8;

/// How long one is kept.
const KEPT: Duration = Duration::from_secs(60);

/// What a call wants its cell to look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Readable.
    pub read: Vec<PathBuf>,
    /// Writable.
    pub write: Vec<PathBuf>,
    /// Read-only although in `write`.
    pub protected: Vec<PathBuf>,
    /// Closed although in `read` or `write`.
    pub unreadable: Vec<PathBuf>,
    /// The working directory, where it is in no root.
    pub bare: Option<PathBuf>,
    /// What kind of network.
    pub network: Network,
    /// Bytes of memory of a cell.
    pub memory_bytes: u64,
    /// Processes and threads of a cell.
    pub pids: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Brokers(Mutex<Vec<Kept>>);

#[derive(Debug)]
struct Kept {
    request: Request,
    survey: Survey,
    spec: ViewSpec,
    broker: Arc<Broker>,
    used: Instant,
}

impl Brokers {
    /// A broker whose view is as `request` wants it, with everything as it is now.
    ///
    /// # Errors
    /// When the view cannot be built here.
    pub fn serve(
        &self,
        request: Request,
        options: &SandboxOptions,
        system: &[SystemPath],
    ) -> Result<Arc<Broker>, SandboxError> {
        static SWEPT: Once = Once::new();
        SWEPT.call_once(groups::sweep_of_the_dead);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        forget(&mut all, now);
        let known = all.iter().position(|kept| kept.request == request);
        if let Some(kept) = known.and_then(|at| all.get_mut(at))
            && kept.survey.holds()
        {
            kept.used = now;
            return Ok(Arc::clone(&kept.broker));
        }
        let survey = Survey::of(Asked {
            read: &request.read,
            write: &request.write,
            protected: &request.protected,
            unreadable: &request.unreadable,
        })?;
        let spec = view(&request, &survey, options, system);
        if let Some(kept) = known.and_then(|at| all.get_mut(at))
            && kept.spec == spec
        {
            (kept.survey, kept.used) = (survey, now);
            return Ok(Arc::clone(&kept.broker));
        }
        let broker = Arc::new(Broker::start(&options.helper, &spec)?);
        let kept = Kept { request, survey, spec, broker: Arc::clone(&broker), used: now };
        if let Some(at) = known {
            all.swap_remove(at);
        }
        all.push(kept);
        Ok(broker)
    }
}

/// Lets go of those that ended, that nobody used for long, and that are too many. One that is at work
/// ends with its last call.
fn forget(all: &mut Vec<Kept>, now: Instant) {
    all.retain(|kept| kept.broker.is_alive() && now.duration_since(kept.used) < KEPT);
    if all.len() > KEPT_MAX {
        all.sort_by_key(|kept| std::cmp::Reverse(kept.used));
        all.truncate(KEPT_MAX);
    }
}

fn view(
    request: &Request,
    survey: &Survey,
    options: &SandboxOptions,
    system: &[SystemPath],
) -> ViewSpec {
    let is_there = |path: &&PathBuf| path.symlink_metadata().is_ok() && !survey.hides(path);
    let there = |paths: &[PathBuf]| paths.iter().filter(is_there).cloned().collect();
    ViewSpec {
        protocol: PROTOCOL,
        host: std::process::id(),
        system: system.to_vec(),
        read: there(&request.read),
        write: there(&request.write),
        frozen: survey.frozen.clone(),
        closed: survey.closed.clone(),
        sealed: survey.sealed.clone(),
        bare: request.bare.clone(),
        network: request.network,
        require: required(options),
        without: options.without.clone(),
        memory_bytes: request.memory_bytes,
        pids: request.pids,
    }
}

/// With `degrade`, what is missing is named and nothing is refused.
pub fn required(options: &SandboxOptions) -> Vec<String> {
    match options.on_missing {
        OnMissing::Refuse => options.require.clone(),
        OnMissing::Degrade => Vec::new(),
    }
}
