//! The process that makes cells: it builds a view of files once, and for each command starts a process
//! with a copy of it that is alone in its world. One such process is made before it is needed, and takes
//! the next call from the program's socket by itself: this process only sees to it that there is one.
//!
//! One for each view, started by `posix_spawn`, with one thread; so it may fork, and is small enough for
//! that to be cheap. It has the rights that making namespaces takes, and reads nothing but what the
//! program sends; the processes it starts give those rights up before anything of a command's is near.
//!
//! It lives as long as the program keeps its socket. When the program dies, it kills every cell and ends;
//! when it is killed itself, the kernel kills its cells.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use rustix::thread::UnshareFlags;

use super::super::layers::{CGROUP, NAMESPACES};
use super::super::spawn::CONTROL_FD;
use super::super::waiting::readable_of;
use super::super::wire::{
    Greeting, PROTOCOL, Refusal, Report, ViewSpec, encode, receive, send_all,
};
use super::ground::HOST_NAME;
use super::init::{self, World};
use super::owners::{self, Owner};
use super::passing;
use super::slots::{Slot, Slots};
use super::sys::{self, Closing};
use super::{guard, spaces, tree, view};
use crate::contracts::Network;

/// What follows [`crate::sandbox::CELL_ARGUMENT`] when the helper is a broker.
pub const BROKER_ARGUMENT: &str = "broker";

/// A command that is over sooner is not disturbed by the making of the next cell.
const SOON: Duration = Duration::from_millis(5);

/// Without news.
const LONG: Duration = Duration::from_secs(3600);

/// Is the broker; the result is its exit status.
pub fn main(mut control: UnixStream) -> i32 {
    let built = receive(&mut control)
        .map_err(|error| Refusal::helper("no specification came", error))
        .and_then(build);
    let greeting = match &built {
        Ok(Built { world, .. }) => {
            let Owner { user, group } = world.view.owner;
            Greeting::Ready { user, group }
        }
        Err(refusal) => Greeting::Refused(refusal.clone()),
    };
    let greeted = encode(&greeting).and_then(|frame| send_all(&control, &frame));
    let Ok(Built { world, slots, children }) = built else { return 0 };
    let mut broker =
        Broker { world, slots, cells: HashMap::new(), ready: None, children, calls: Some(control) };
    broker.make_ready();
    let served = greeted.and_then(|()| broker.serve());
    let ended = broker.end();
    if served.is_ok() && ended.is_ok() { 0 } else { guard::BROKEN }
}

struct Broker {
    world: World,
    slots: Option<Slots>,
    /// The first process of each cell.
    cells: HashMap<Pid, Option<Slot>>,
    /// Where a cell that waits for a call says that it has one, or ends.
    ready: Option<UnixStream>,
    children: OwnedFd,
    /// Where calls come from. Read by the cell that waits, or by nobody; here only while there is none.
    calls: Option<UnixStream>,
}

/// What stands before the program is greeted.
struct Built {
    world: World,
    slots: Option<Slots>,
    children: OwnedFd,
}

fn build(spec: ViewSpec) -> Result<Built, Refusal> {
    let helper = |what: &'static str| move |error: io::Error| Refusal::helper(what, error);
    if spec.protocol != PROTOCOL {
        return Err(Refusal::Helper("program and broker are of different versions".into()));
    }
    sys::close_from(CONTROL_FD.unsigned_abs() + 1, Closing::Now).map_err(helper("descriptors"))?;
    let children = sys::child_signals().map_err(helper("no signal descriptor"))?;
    // Before the view hides them.
    let (slots, no_slots) = match spec.lacks(CGROUP) {
        true => (None, Some("it was left out".to_owned())),
        false => match Slots::find(&spec) {
            Ok(slots) => (Some(slots), None),
            Err(reason) => (None, Some(reason)),
        },
    };
    enter_namespaces(&spec)?;
    let view = match view::build(&spec) {
        Ok(view) => view,
        Err(refusal) => {
            if let Some(slots) = slots {
                slots.remove();
            }
            return Err(refusal);
        }
    };
    let world = World::new(spec, view, no_slots)?;
    if let Some(filters) = &world.filters {
        filters.put_up_first()?;
    }
    Ok(Built { world, slots, children })
}

/// Everything but the namespaces of processes and mounts that each call has for itself.
fn enter_namespaces(spec: &ViewSpec) -> Result<(), Refusal> {
    let missing = |what: &str, error: io::Error| {
        Refusal::missing(NAMESPACES, format!("{what}: {error}; {HOW_TO_HAVE_THEM}"))
    };
    if spec.lacks(NAMESPACES) {
        return Err(Refusal::missing(NAMESPACES, "they were left out"));
    }
    let kinds = UnshareFlags::NEWNS
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWCGROUP;
    let own = Owner::own();
    let as_root =
        if geteuid().is_root() { spaces::unshare(kinds) } else { Err(Errno::PERM.into()) };
    if as_root.is_err() {
        let processes = owners::processes().map_err(|error| missing("no `/proc`", error))?;
        owners::enter_namespace_as(own, processes.as_fd())
            .map_err(|error| missing("no user namespace", error))?;
        spaces::unshare(kinds).map_err(|error| missing("no other namespaces", error))?;
    }
    rustix::system::sethostname(HOST_NAME.as_bytes())
        .map_err(|error| missing("no name of its own", error.into()))
}

/// The fix, for people.
const HOW_TO_HAVE_THEM: &str = "allow user namespaces (sysctl `user.max_user_namespaces` above 0, and on systems that have them \
     `kernel.unprivileged_userns_clone=1` and `kernel.apparmor_restrict_unprivileged_userns=0`), or run \
     as root";

impl Broker {
    fn serve(&mut self) -> io::Result<()> {
        loop {
            // A call that comes while a cell waits is that cell's.
            let calls = self.calls.as_ref().filter(|_| self.ready.is_none());
            let ready = self.ready.as_ref().map(AsFd::as_fd);
            let sources = [calls.map(AsFd::as_fd), Some(self.children.as_fd()), ready];
            let wait = if self.ready.is_some() { LONG } else { SOON };
            let [call, ended, taken] = readable_of(sources, wait)?;
            if ended {
                self.reap()?;
            }
            if taken {
                self.ready = None;
            } else if call {
                if self.is_deserted()? {
                    return Ok(());
                }
                self.make_at_once()?;
            } else {
                self.make_ready();
            }
        }
    }

    /// Whether the program is gone. Only to be asked when there is something to read.
    fn is_deserted(&self) -> io::Result<bool> {
        let Some(calls) = &self.calls else { return Ok(true) };
        match recv(calls, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, count)) => Ok(count == 0),
            Err(Errno::AGAIN | Errno::INTR) => Ok(false),
            Err(Errno::CONNRESET) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn reap(&mut self) -> io::Result<()> {
        sys::take_signals(&self.children)?;
        let (cells, slots) = (&mut self.cells, &mut self.slots);
        tree::reap(|pid, _| {
            if let (Some(Some(slot)), Some(slots)) = (cells.remove(&pid), slots.as_mut()) {
                slots.give_back(slot);
            }
        })?;
        Ok(())
    }

    /// Has a cell take the call that waits, or tells it why there is none.
    fn make_at_once(&mut self) -> io::Result<()> {
        match self.make() {
            Ok(ready) => self.ready = Some(ready),
            Err(refusal) => {
                let Some(calls) = &self.calls else { return Ok(()) };
                if let Some([_stdin, _stdout, _stderr, call]) = passing::take(calls)? {
                    guard::report(&UnixStream::from(call), &Report::Refused(refusal));
                }
            }
        }
        Ok(())
    }

    /// Has a cell wait for the next call. Where none can be made, that call is told why.
    fn make_ready(&mut self) {
        if self.ready.is_none() {
            self.ready = self.make().ok();
        }
    }

    /// A cell that waits for a call. What it says is read from the socket.
    fn make(&mut self) -> Result<UnixStream, Refusal> {
        let slot = self.slots.as_mut().map(Slots::take).transpose();
        let slot = slot.map_err(|error| Refusal::missing(CGROUP, error))?;
        let network = match self.world.network() {
            Network::None => 0,
            Network::Loopback | Network::Proxy => libc::CLONE_NEWNET,
        };
        let no_cell = |error| Refusal::helper("no cell can be started", error);
        let (ours, theirs) = UnixStream::pair().map_err(no_cell)?;
        match spaces::fork_into(libc::CLONE_NEWPID | libc::CLONE_NEWNS | network) {
            Ok(None) => {
                drop(ours);
                // Moved, so that it is closed before anything of a command's is near.
                let calls = self.calls.take();
                sys::exit_now(calls.map_or(0, |it| init::main(&self.world, slot, it, theirs)))
            }
            Ok(Some(pid)) => {
                self.cells.insert(pid, slot);
                Ok(ours)
            }
            Err(error) => {
                if let (Some(slot), Some(slots)) = (slot, self.slots.as_mut()) {
                    slots.give_back(slot);
                }
                Err(no_cell(error))
            }
        }
    }

    /// Leaves nothing behind.
    fn end(mut self) -> io::Result<()> {
        for pid in self.cells.keys() {
            match kill_process(*pid, Signal::KILL) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        while tree::reap(|_, _| {})? {
            readable_of([Some(self.children.as_fd())], LONG)?;
            sys::take_signals(&self.children)?;
        }
        if let Some(slots) = self.slots.take() {
            for slot in std::mem::take(&mut self.cells).into_values() {
                drop(slot);
            }
            slots.remove();
        }
        Ok(())
    }
}
