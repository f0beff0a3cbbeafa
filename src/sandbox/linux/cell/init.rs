//! The first process of a cell: furnishes the cell's own part of the world, gives up every right, waits for
//! a call, starts its command, holds it to its time and its number of processes, ends everything, and
//! reports.
//!
//! All that does not depend on the command is done before there is one, so that a call that comes later
//! does not wait for it. A cell serves one call.
//!
//! It is process 1 of a namespace: whatever the command starts is below it, nothing can leave, and when
//! it ends the kernel kills what is left. The report goes out before that, when nothing is left: taking
//! the namespaces down is nobody's to wait for.

use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, openat};
use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, getpid, set_dumpable_behavior,
    set_parent_process_death_signal, wait,
};

use super::super::layers::{self, Layers};
use super::super::waiting::readable_of;
use super::super::wire::{CANCEL, CallSpec, Ended, Refusal, Report, receive};
use super::enclosed::{self, Outcome};
use super::slots::Slot;
use super::supervisor::{how_it_ended, let_go_of_stdio};
use super::{furnish, guard, landlock, names, owners, passing, privileges, spaces, sys, tree};
use crate::contracts::Network;

pub use super::world::World;

/// Where the proxy listens, inside of a cell that has one.
pub const PROXY_PORT: u16 = 3128;

/// How often processes are counted.
const COUNT_EVERY: Duration = Duration::from_millis(20);

/// Counting takes at most one part in so many of a processor.
const COUNT_SHARE: u32 = 20;

/// Without a deadline that the clock can show.
const LONG: Duration = Duration::from_secs(3600);

/// Is the first process of a cell; the result is its exit status. Its call comes from `calls`, which it
/// says at `broker`.
pub fn main(world: &World, slot: Option<Slot>, calls: UnixStream, broker: UnixStream) -> i32 {
    let prepared = prepare(world, slot.as_ref());
    let Ok(Some([stdin, stdout, stderr, call])) = passing::take(&calls) else {
        // Nobody wants it any more.
        return 0;
    };
    // Closing it says it. The next call is another cell's.
    drop((calls, broker));
    let mut call = UnixStream::from(call);
    // Kept until the report is out.
    let slot = slot.as_ref();
    let ended = prepared.and_then(|it| serve(world, slot, it, [stdin, stdout, stderr], &mut call));
    if end_all().is_err() {
        // No report is sent that would be wrong; the kernel ends the rest.
        return guard::BROKEN;
    }
    guard::report(&call, &ended.unwrap_or_else(Report::Refused));
    0
}

/// What stands before there is a command.
struct Prepared {
    stand: Layers,
    /// Whether the kernel counts the cell's processes by themselves.
    counts: bool,
    children: OwnedFd,
    /// Where the proxy is to listen.
    door: Option<TcpListener>,
    /// To be put up by the command around itself.
    fence: landlock::Fence,
}

fn prepare(world: &World, slot: Option<&Slot>) -> Result<Prepared, Refusal> {
    let helper = |what: &'static str| move |error: io::Error| Refusal::helper(what, error);
    if let Some(slot) = slot {
        slot.join().map_err(|error| Refusal::missing(layers::CGROUP, error))?;
    }
    first_to_go(world);
    furnish::files(world)?;
    let door = network(world)?;
    let children = sys::child_signals().map_err(helper("no signal descriptor"))?;
    let mut stand = Layers::default();
    let counts = unprivileged(world, &mut stand)?;
    let fence = enclosed::fence(world)?;
    if let Some(filters) = world.filters.as_ref().filter(|filters| !filters.listens()) {
        filters.put_up_last(&mut stand)?;
    }
    Ok(Prepared { stand, counts, children, door, fence })
}

fn serve(
    world: &World,
    slot: Option<&Slot>,
    prepared: Prepared,
    stdio: [OwnedFd; 3],
    call: &mut UnixStream,
) -> Result<Report, Refusal> {
    let helper = |what: &'static str| move |error: io::Error| Refusal::helper(what, error);
    let start = Instant::now();
    let Prepared { stand, counts, children, door, fence } = prepared;
    let spec: CallSpec = receive(call).map_err(helper("no specification came"))?;
    if let Some(door) = door {
        passing::hand_over(call, &door)
            .map_err(|error| Refusal::missing(layers::NETWORK, error))?;
    }
    take_stdio(stdio).map_err(helper("standard input and output"))?;
    let mut outcome = Outcome::new(stand, fence);
    let command = spaces::start_sharing(&mut || {
        enclosed::become_command(world, &spec, counts, slot.is_some(), &mut outcome)
    })
    .map_err(helper("it cannot start a process"))?;
    let_go_of_stdio().map_err(helper("`/dev/null`"))?;
    let deadline = start.checked_add(Duration::from_millis(spec.limits.wall_ms));
    let questions = outcome.take_questions();
    let pids_max = spec.limits.pids;
    let mut watch = Watch { call, children, command, questions, world, slot, deadline, pids_max };
    let mut how = watch.until_end().map_err(helper("it lost sight of the command"))?;
    end_all().map_err(helper("the cell does not end"))?;
    let mut stand = outcome.into_layers()?;
    if let Some(slot) = slot {
        how = bounded(slot, how, &mut stand).map_err(helper("the control group"))?;
    }
    Ok(Report::Ended { how, layers: stand })
}

/// What the kernel counted of the whole cell is said of it.
fn bounded(slot: &Slot, how: Ended, stand: &mut Layers) -> io::Result<Ended> {
    if slot.ran_out_of_memory()? {
        stand.enforce(format!("{}:exceeded", layers::MEMORY));
        if how == Ended::Signalled(libc::SIGKILL) {
            return Ok(Ended::TooMuchMemory);
        }
    }
    Ok(if slot.ran_out_of_processes()? { Ended::TooManyProcesses } else { how })
}

/// When memory runs out, the kernel shall take the cell rather than the program. Where it may not be told
/// so it takes whom it wants; that is no wall of ours.
fn first_to_go(world: &World) {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let opened = openat(&world.processes, "self/oom_score_adj", flags, Mode::empty());
    if let Ok(file) = opened {
        drop(std::io::Write::write(&mut std::fs::File::from(file), b"1000"));
    }
}

/// The cell's own network, and the socket at which the program's proxy takes what goes out.
fn network(world: &World) -> Result<Option<TcpListener>, Refusal> {
    let missing = |error: io::Error| Refusal::missing(layers::NETWORK, error);
    if world.network() == Network::None {
        return Ok(None);
    }
    spaces::start_loopback().map_err(missing)?;
    if world.network() == Network::Proxy {
        let door = TcpListener::bind((Ipv4Addr::LOCALHOST, PROXY_PORT)).map_err(missing)?;
        return Ok(Some(door));
    }
    Ok(None)
}

fn take_stdio([stdin, stdout, stderr]: [OwnedFd; 3]) -> io::Result<()> {
    rustix::stdio::dup2_stdin(&stdin)?;
    rustix::stdio::dup2_stdout(&stdout)?;
    rustix::stdio::dup2_stderr(&stderr)?;
    Ok(())
}

/// Gives up every right. Whether the kernel counts the cell's processes by themselves.
fn unprivileged(world: &World, stand: &mut Layers) -> Result<bool, Refusal> {
    let missing = |error: io::Error| Refusal::missing(layers::USER, error);
    let owner = world.view.owner;
    if owner != owners::Owner::own() {
        owners::become_user(owner).map_err(missing)?;
        stand.enforce(layers::USER);
    }
    // Its own `/proc` entries have to be its own for a moment.
    set_dumpable_behavior(DumpableBehavior::Dumpable).map_err(|error| missing(error.into()))?;
    let counts = match owners::enter_namespace_as(owner, world.processes.as_fd()) {
        Ok(()) => true,
        Err(error) => {
            stand.miss(layers::PIDS, &format!("no user namespace of its own: {error}"));
            false
        }
    };
    privileges::give_up()?;
    // The command is of the same user: without this it could write this process's memory.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| missing(error.into()))?;
    // After the last change of rights, which would undo it.
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| Refusal::missing(layers::TREE_KILL, error))?;
    Ok(counts)
}

/// Kills everything else in the cell and waits until it is gone. The kernel signals all at once, and no
/// process can be made while it does.
fn end_all() -> io::Result<()> {
    sys::kill_all();
    loop {
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::CHILD) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// What is known of the running command.
struct Watch<'a> {
    call: &'a mut UnixStream,
    children: OwnedFd,
    command: Pid,
    /// System calls that wait for an answer.
    questions: Option<OwnedFd>,
    world: &'a World,
    slot: Option<&'a Slot>,
    deadline: Option<Instant>,
    pids_max: u64,
}

impl Watch<'_> {
    fn until_end(&mut self) -> io::Result<Ended> {
        let mut count_at = Instant::now() + COUNT_EVERY;
        loop {
            let left = self.deadline.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(Ended::TimedOut);
            }
            let pause = count_at.saturating_duration_since(Instant::now());
            let questions = self.questions.as_ref().map(AsFd::as_fd);
            let sources = [Some(self.call.as_fd()), Some(self.children.as_fd()), questions];
            let [host, child, asked] = readable_of(sources, left.unwrap_or(LONG).min(pause))?;
            if asked
                && let Some(questions) = questions
                && let Some(asked) = sys::next_question(questions)?
            {
                names::answer(questions, &asked, &self.world.names)?;
            }
            if child && let Some(how) = self.reap()? {
                return Ok(how);
            }
            if host && self.host_wants_end() {
                return Ok(Ended::Cancelled);
            }
            let now = Instant::now();
            if now >= count_at {
                if self.has_too_many()? {
                    return Ok(Ended::TooManyProcesses);
                }
                count_at = Instant::now() + COUNT_EVERY.max(now.elapsed() * COUNT_SHARE);
            }
        }
    }

    fn has_too_many(&self) -> io::Result<bool> {
        match self.slot {
            Some(slot) => slot.ran_out_of_processes(),
            None => tree::exceeds(getpid(), self.pids_max),
        }
    }

    fn reap(&mut self) -> io::Result<Option<Ended>> {
        sys::take_signals(&self.children)?;
        let mut ended = None;
        tree::reap(|pid, status| {
            if pid == self.command {
                ended = Some(how_it_ended(status));
            }
        })?;
        Ok(ended)
    }

    fn host_wants_end(&mut self) -> bool {
        let mut byte = [0];
        match self.call.read(&mut byte) {
            Ok(1..) => byte == [CANCEL],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => false,
            // The program closed its end, or died.
            Ok(0) | Err(_) => true,
        }
    }
}
