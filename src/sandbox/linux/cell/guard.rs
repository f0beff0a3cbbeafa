//! The outermost process of a cell: adopts every orphan below it, holds the cell to its number of
//! processes, and outlives all of them.
//!
//! It is there so that the death of the supervisor leaves nothing behind. The supervisor watches
//! the guard in turn. Only somebody who kills both at once, from outside the cell, can set
//! processes free; the command itself cannot signal either.
//!
//! It counts, rather than the supervisor, because it comes first at the scheduler (where the
//! program may grant that, so as root, for whom the kernel has no limit on processes): a bomb of
//! thousands leaves no processor time to anybody else. The supervisor must not come first, since
//! the command can give it work.
//!
//! `PR_SET_PDEATHSIG` would not do to follow the host: it fires when the *thread* that spawned
//! the helper ends. The supervisor watches the control socket instead.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Pid, getpid, set_child_subreaper};

use super::super::spawn::CONTROL_FD;
use super::super::waiting::readable_of;
use super::super::wire::{CellSpec, PROTOCOL, Refusal, Report, encode, receive, send_all};
use super::sys::{self, Closing, Scheduling};
use super::{attempts, broker, landlock, privileges, supervisor, tree};

/// Exit status of a helper that could not do its work.
pub const BROKEN: i32 = 70;

/// How often processes are counted.
const COUNT_EVERY: Duration = Duration::from_millis(20);

/// Between two passes over a tree that has too many.
const KILL_EVERY: Duration = Duration::from_micros(300);

/// Counting takes at most one part in so many of a processor.
const COUNT_SHARE: u32 = 20;

/// Is the helper; never returns.
pub fn cell_main() -> ! {
    let role = std::env::args().nth(2);
    let is_broker = role.as_deref() == Some(broker::BROKER_ARGUMENT);
    if let Some(name) = role.filter(|_| !is_broker) {
        sys::exit_now(attempts::main(&name));
    }
    let control = match sys::inherited(CONTROL_FD) {
        Ok(control) => UnixStream::from(control),
        Err(_) => {
            eprintln!("this argument is for bailiwick's own use; see `bailiwick sandbox exec`");
            sys::exit_now(2);
        }
    };
    sys::exit_now(if is_broker { broker::main(control) } else { guard(control) })
}

fn guard(mut control: UnixStream) -> i32 {
    let (supervisor, pids_max, exceeded) = match start(&mut control) {
        Ok(started) => started,
        Err(refusal) => {
            report(&control, &Report::Refused(refusal));
            return 0;
        }
    };
    drop(control);
    // The command's pipes are not ours to hold open.
    let ended =
        supervisor::let_go_of_stdio().and_then(|()| until_end_of(supervisor, pids_max, &exceeded));
    // There is nobody to tell of a failure but the host, by the exit status.
    match (ended, tree::end()) {
        (Ok(0), Ok(())) => 0,
        _ => BROKEN,
    }
}

/// The supervisor, the most processes it may have below it, and where it is told of too many.
fn start(control: &mut UnixStream) -> Result<(Pid, u64, OwnedFd), Refusal> {
    prepare()?;
    let spec: CellSpec =
        receive(control).map_err(|error| Refusal::helper("no specification came", error))?;
    if spec.protocol != PROTOCOL {
        return Err(Refusal::Helper("host and helper are of different versions".into()));
    }
    let exceeded = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
        .map_err(|error| Refusal::helper("no event descriptor", error))?;
    let own = getpid();
    match sys::fork().map_err(|error| Refusal::helper("it cannot fork", error))? {
        Some(supervisor) => Ok((supervisor, spec.limits.pids, exceeded)),
        None => sys::exit_now(supervisor::supervise(control, spec, own, exceeded.as_fd())),
    }
}

/// What supervisor and command inherit from here: no descriptors, no capabilities, no signals to
/// anybody else.
fn prepare() -> Result<(), Refusal> {
    sys::close_from(CONTROL_FD.unsigned_abs() + 1, Closing::Now)
        .map_err(|error| Refusal::missing("descriptors", error))?;
    set_child_subreaper(Some(getpid())).map_err(|error| Refusal::missing("tree-kill", error))?;
    if let Err(error) = sys::schedule(Scheduling::First)
        && error.kind() != io::ErrorKind::PermissionDenied
    {
        return Err(Refusal::helper("the scheduler", error));
    }
    privileges::give_up()?;
    landlock::fence_signals()
}

/// Counts until the supervisor ends; the result is its exit status.
fn until_end_of(supervisor: Pid, pids_max: u64, exceeded: &OwnedFd) -> io::Result<i32> {
    let children = sys::child_signals()?;
    let mut pause = COUNT_EVERY;
    let mut ended = None;
    let mut too_many = false;
    loop {
        let [news] = readable_of([Some(children.as_fd())], pause)?;
        if news {
            sys::take_signals(&children)?;
        }
        tree::reap(|pid, status| {
            if pid == supervisor {
                ended = Some(status.exit_status().unwrap_or(BROKEN));
            }
        })?;
        if let Some(code) = ended {
            return Ok(code);
        }
        let start = Instant::now();
        if !too_many && tree::exceeds(supervisor, pids_max)? {
            too_many = true;
            rustix::io::write(exceeded, &1_u64.to_ne_bytes())?;
        }
        if too_many {
            tree::kill_below(supervisor)?;
            pause = KILL_EVERY;
        } else {
            pause = COUNT_EVERY.max(start.elapsed() * COUNT_SHARE);
        }
    }
}

/// Tells the host. One that is gone needs no report.
pub fn report(control: &UnixStream, report: &Report) {
    let sent = encode(report).and_then(|frame| send_all(control, &frame));
    drop::<io::Result<()>>(sent);
}
