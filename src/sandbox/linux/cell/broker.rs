//! The process that makes cells: it builds a view of files once, and for each command starts a process
//! with a copy of it that is alone in its world.
//!
//! One for each view, started by `posix_spawn`, with one thread; so it may fork, and is small enough for
//! that to be cheap. It has the rights that making namespaces takes, and reads nothing but what the
//! program sends; the processes it starts give those rights up before anything of a command's is near.
//!
//! It lives as long as the program keeps its socket. When the program dies, it kills every cell and ends;
//! when it is killed itself, the kernel kills its cells.

use std::collections::HashMap;
use std::io;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
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
use super::slots::{Slot, Slots};
use super::sys::{self, Closing};
use super::{guard, spaces, tree, view};
use crate::contracts::Network;

/// What follows [`crate::sandbox::CELL_ARGUMENT`] when the helper is a broker.
pub const BROKER_ARGUMENT: &str = "broker";

/// Descriptors that come with a call: standard input, output and error, and the call's own socket.
pub const DESCRIPTORS: usize = 4;

/// Without news.
const LONG: Duration = Duration::from_secs(3600);

/// Is the broker; the result is its exit status.
pub fn main(mut control: UnixStream) -> i32 {
    let built = receive(&mut control)
        .map_err(|error| Refusal::helper("no specification came", error))
        .and_then(build);
    let greeting = match &built {
        Ok(_) => Greeting::Ready,
        Err(refusal) => Greeting::Refused(refusal.clone()),
    };
    let greeted = encode(&greeting).and_then(|frame| send_all(&control, &frame));
    let Ok(mut broker) = built else { return 0 };
    let served = greeted.and_then(|()| broker.serve(&control));
    let ended = broker.end();
    if served.is_ok() && ended.is_ok() { 0 } else { guard::BROKEN }
}

struct Broker {
    world: World,
    slots: Option<Slots>,
    /// The first process of each cell.
    cells: HashMap<Pid, Option<Slot>>,
    children: OwnedFd,
}

fn build(spec: ViewSpec) -> Result<Broker, Refusal> {
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
    Ok(Broker { world, slots, cells: HashMap::new(), children })
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
    fn serve(&mut self, control: &UnixStream) -> io::Result<()> {
        loop {
            let sources = [Some(control.as_fd()), Some(self.children.as_fd())];
            let [call, ended] = readable_of(sources, LONG)?;
            if ended {
                self.reap()?;
            }
            if call && !self.take_call(control)? {
                return Ok(());
            }
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

    /// Whether the program is still there.
    fn take_call(&mut self, control: &UnixStream) -> io::Result<bool> {
        let mut byte = [0];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut passed = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(&mut byte)];
        let count = match recvmsg(control, &mut slices, &mut passed, RecvFlags::CMSG_CLOEXEC) {
            Ok(message) => message.bytes,
            Err(Errno::INTR) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let mut descriptors = Vec::with_capacity(DESCRIPTORS);
        for message in passed.drain() {
            if let RecvAncillaryMessage::ScmRights(passed) = message {
                descriptors.extend(passed);
            }
        }
        if count == 0 {
            return Ok(false);
        }
        match <[OwnedFd; DESCRIPTORS]>::try_from(descriptors) {
            Ok(descriptors) => self.start(descriptors),
            Err(_) => eprintln!("a call came without its descriptors"),
        }
        Ok(true)
    }

    fn start(&mut self, [stdin, stdout, stderr, call]: [OwnedFd; DESCRIPTORS]) {
        let call = UnixStream::from(call);
        for stream in [&stdin, &stdout, &stderr] {
            if let Err(error) = owners::give_pipe(stream, self.world.view.owner) {
                return refuse(&call, &Refusal::helper("a standard stream", error));
            }
        }
        let slot = match self.slots.as_mut().map(Slots::take).transpose() {
            Ok(slot) => slot,
            Err(error) => return refuse(&call, &Refusal::missing(CGROUP, error)),
        };
        let network = match self.world.network() {
            Network::None => 0,
            Network::Loopback | Network::Proxy => libc::CLONE_NEWNET,
        };
        match spaces::fork_into(libc::CLONE_NEWPID | libc::CLONE_NEWNS | network) {
            Ok(None) => sys::exit_now(init::main(&self.world, slot, [stdin, stdout, stderr], call)),
            Ok(Some(pid)) => {
                self.cells.insert(pid, slot);
            }
            Err(error) => refuse(&call, &Refusal::helper("no cell can be started", error)),
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

fn refuse(call: &UnixStream, refusal: &Refusal) {
    guard::report(call, &Report::Refused(refusal.clone()));
}
