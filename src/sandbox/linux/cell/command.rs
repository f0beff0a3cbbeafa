//! The last process: puts up the walls around itself, then becomes the command.
//!
//! The order matters. What needs files comes before Landlock, what needs system calls before
//! seccomp, and each wall is confirmed before the next. When one cannot be put up, nothing is
//! executed.

use std::convert::Infallible;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Signal, chdir, set_parent_process_death_signal, setsid};
use serde::{Deserialize, Serialize};

use super::super::layers::{self, Layers};
use super::super::wire::{CellSpec, Refusal, encode, send_all};
use super::grants::Grant;
use super::landlock::{Fence, Fenced};
use super::limits::Counting;
use super::seccomp::{Filters, Needs};
use super::sys::{self, Closing};
use super::{limits, privileges, program};
use crate::contracts::Network;

/// What the supervisor hears from this process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// The walls stand. The listener for [`super::metadata`] comes along.
    Ready(Layers),
    /// Nothing was executed.
    Failed(Refusal),
}

/// Never returns: is the command, or fails and says so through `telling`.
pub fn become_command(spec: &CellSpec, grants: Vec<Grant>, telling: &UnixStream) -> ! {
    let Err(refusal) = attempt(spec, grants, telling);
    let sent = encode(&Told::Failed(refusal)).and_then(|frame| send_all(telling, &frame));
    // 1 is as good as any: without a word the supervisor reports an early death.
    sys::exit_now(if sent.is_ok() { 0 } else { 1 })
}

fn attempt(
    spec: &CellSpec,
    grants: Vec<Grant>,
    telling: &UnixStream,
) -> Result<Infallible, Refusal> {
    detach(spec)?;
    let mut stand = Layers::default();
    stand.enforce(layers::SPAWN);
    privileges::confirm(&mut stand)?;
    let is_left_out = spec.without.iter().any(|name| name == layers::LANDLOCK);
    let grants: Vec<_> = grants.iter().collect();
    Fence::build(Fenced { grants: &grants, leaves_tcp: false, is_left_out })?.put_up(&mut stand)?;
    limits::set(&spec.limits, Counting::PerProcess, &mut stand)?;
    let needs = Needs {
        network: Network::None,
        answers_metadata: true,
        keeps_names: !spec.sealed.is_empty(),
    };
    let listener = match spec.without.iter().any(|name| name == layers::SECCOMP) {
        true => {
            stand.miss(layers::SECCOMP, "it was left out");
            None
        }
        false => {
            let filters = Filters::assemble(needs)?;
            filters.put_up_first()?;
            filters.put_up_last(&mut stand)?
        }
    };
    stand.enforce(layers::DESCRIPTORS);
    stand.enforce(layers::ENVIRONMENT);
    stand.leave_out(&spec.without);
    if let Some((layer, reason)) = lacking(&stand, &spec.require) {
        return Err(Refusal::Missing { layer, reason });
    }
    ready(telling, stand, listener)?;
    sys::reset_signals();
    program::execute(&spec.argv, &spec.env)
}

/// A session of its own, the working directory, and nothing open beyond what the command gets.
fn detach(spec: &CellSpec) -> Result<(), Refusal> {
    setsid().map_err(|error| Refusal::helper("no session of its own", error))?;
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| Refusal::missing(layers::TREE_KILL, error))?;
    sys::close_from(3, Closing::OnExec)
        .map_err(|error| Refusal::missing(layers::DESCRIPTORS, error))?;
    // When memory runs out, the kernel shall take the command rather than the program. Where
    // `/proc` is read-only it takes whom it wants; that is no wall of ours.
    drop(std::fs::write("/proc/self/oom_score_adj", "1000"));
    chdir(&spec.cwd).map_err(|error| {
        let place = spec.cwd.display();
        Refusal::BadSpec(format!("the working directory `{place}` cannot be entered: {error}"))
    })
}

/// The supervisor adds these two when it reports; a requirement of them is met.
fn lacking(stand: &Layers, require: &[String]) -> Option<(String, String)> {
    let mut all = stand.clone();
    all.enforce(layers::PIDS);
    all.enforce(layers::TREE_KILL);
    all.lacks(require)
}

fn ready(telling: &UnixStream, stand: Layers, listener: Option<OwnedFd>) -> Result<(), Refusal> {
    let broken = |error: std::io::Error| Refusal::helper("the supervisor is gone", error);
    let frame = encode(&Told::Ready(stand)).map_err(broken)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut passed = SendAncillaryBuffer::new(&mut space);
    let descriptors: Vec<_> = listener.iter().map(AsFd::as_fd).collect();
    if !descriptors.is_empty() && !passed.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(Refusal::Helper("a descriptor does not fit into a message".into()));
    }
    let sent = sendmsg(telling, &[IoSlice::new(&frame)], &mut passed, SendFlags::NOSIGNAL)
        .map_err(|error| broken(error.into()))?;
    send_all(telling, frame.get(sent..).unwrap_or_default()).map_err(broken)
}
