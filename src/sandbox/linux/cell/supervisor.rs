//! The process next to the command: starts it, holds it to its time, answers for the files it
//! wants to change, ends the tree, and reports.
//!
//! Ends the tree when the command itself has ended, its time is over, the host asks for it, the
//! host is gone, or the guard is gone. The report is sent only when nothing is left.

use std::io::{self, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, WaitStatus, getpid, getrlimit, pidfd_open,
    set_child_subreaper, setrlimit,
};

use super::super::layers::{PIDS, TREE_KILL};
use super::super::scratch;
use super::super::waiting::readable_of;
use super::super::wire::{CANCEL, CellSpec, Ended, Refusal, Report, receive};
use super::command::{self, Told};
use super::grants::{self, Access};
use super::names::{self, NameRules, Reach};
use super::sys::{self, Scheduling};
use super::{guard, metadata, tree};

/// Without a deadline that the clock can show.
const LONG: Duration = Duration::from_secs(3600);

/// Does the whole work; the result is this process's exit status, 0 when the tree is gone.
pub fn supervise(
    control: &mut UnixStream,
    spec: CellSpec,
    guard: Pid,
    exceeded: BorrowedFd<'_>,
) -> i32 {
    let private = spec.scratch.clone();
    let report = match run(control, spec, guard, exceeded) {
        Ok(report) => report,
        Err(refusal) => Report::Refused(refusal),
    };
    if tree::end().is_err() {
        // The guard tries again, and no report is sent that would be wrong.
        return 1;
    }
    // Here rather than in the host, which may be gone.
    if private.exists() {
        scratch::remove(&private);
    }
    guard::report(control, &report);
    0
}

/// Points standard input, output and error to nowhere.
pub fn let_go_of_stdio() -> io::Result<()> {
    let null = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

/// What is to be reported.
fn run(
    control: &mut UnixStream,
    spec: CellSpec,
    guard: Pid,
    exceeded: BorrowedFd<'_>,
) -> Result<Report, Refusal> {
    let broken = |what: &'static str| move |error: io::Error| Refusal::helper(what, error);
    sys::schedule(Scheduling::Normal).map_err(broken("the scheduler"))?;
    // Not inherited from the guard: without it orphans would pass us by.
    set_child_subreaper(Some(getpid())).map_err(|error| Refusal::missing(TREE_KILL, error))?;
    if !tree::can_be_followed() {
        let reason = "the kernel does not list a process's children; it needs CONFIG_PROC_CHILDREN";
        return Err(Refusal::missing(TREE_KILL, reason));
    }
    allow_many_descriptors().map_err(|error| Refusal::helper("descriptors", error))?;
    scratch::make(&spec.scratch).map_err(|error| {
        Refusal::helper(&format!("`{}` cannot be made", spec.scratch.display()), error)
    })?;
    let grants = grants::collect(&spec)?;
    let rules = grants::rules_of(&spec)?.within(Reach::of(&grants));
    let guard = pidfd_open(guard, PidfdFlags::empty())
        .map_err(|error| Refusal::helper("the guard is gone", error))?;
    let children = sys::child_signals().map_err(broken("no signal descriptor"))?;
    let (ours, theirs) = UnixStream::pair().map_err(broken("no socket pair"))?;
    let deadline = Instant::now().checked_add(Duration::from_millis(spec.limits.wall_ms));
    let child = match sys::fork().map_err(broken("it cannot fork"))? {
        None => {
            drop(ours);
            command::become_command(&spec, grants, &theirs)
        }
        Some(child) => child,
    };
    drop(theirs);
    let_go_of_stdio().map_err(broken("`/dev/null`"))?;
    let writable = grants.into_iter().filter(|grant| grant.access == Access::Write);
    let mut watch = Watch {
        control,
        guard,
        children,
        child,
        told: Vec::new(),
        telling: Some(ours),
        questions: None,
        writable: writable.map(|grant| grant.path).collect(),
        rules,
        deadline,
        ended: None,
    };
    let how = watch.until_end();
    // The command leads a group of its own; this first, in case it is a bomb.
    tree::kill_group(child).map_err(broken("the command cannot be killed"))?;
    let mut how = how.map_err(broken("it lost sight of the command"))?;
    tree::end().map_err(broken("the tree cannot be read"))?;
    let [too_many] = readable_of([Some(exceeded)], Duration::ZERO)
        .map_err(broken("it lost sight of the guard"))?;
    if too_many {
        how = Ended::TooManyProcesses;
    }
    watch.outcome(how)
}

/// A grant is an open descriptor until Landlock has it; the command's own limit comes later.
fn allow_many_descriptors() -> rustix::io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
}

/// What is known of the running command.
struct Watch<'a> {
    control: &'a mut UnixStream,
    guard: OwnedFd,
    children: OwnedFd,
    child: Pid,
    /// What the command's process said before it became the command.
    told: Vec<u8>,
    telling: Option<UnixStream>,
    /// System calls that wait for an answer.
    questions: Option<OwnedFd>,
    writable: Vec<PathBuf>,
    /// Names that the command must not make.
    rules: NameRules,
    deadline: Option<Instant>,
    ended: Option<Ended>,
}

impl Watch<'_> {
    fn until_end(&mut self) -> io::Result<Ended> {
        loop {
            let left = self.deadline.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(Ended::TimedOut);
            }
            self.attend(left.unwrap_or(LONG))?;
            if let Some(how) = self.ended {
                return Ok(how);
            }
        }
    }

    /// Waits for news.
    fn attend(&mut self, wait: Duration) -> io::Result<()> {
        let [host, guard, child, told, asked] = readable_of(
            [
                Some(self.control.as_fd()),
                Some(self.guard.as_fd()),
                Some(self.children.as_fd()),
                self.telling.as_ref().map(AsFd::as_fd),
                self.questions.as_ref().map(AsFd::as_fd),
            ],
            wait,
        )?;
        if told {
            self.listen()?;
        }
        if asked && let Some(questions) = &self.questions {
            self.answer(questions.as_fd())?;
        }
        if child {
            self.reap()?;
        }
        if guard || (host && self.host_wants_end()) {
            self.ended.get_or_insert(Ended::Cancelled);
        }
        Ok(())
    }

    /// Answers the next question, if the one who asked still waits.
    fn answer(&self, questions: BorrowedFd<'_>) -> io::Result<()> {
        let Some(asked) = sys::next_question(questions)? else { return Ok(()) };
        if names::concern(&asked) {
            return names::answer(questions, &asked, &self.rules);
        }
        metadata::answer(questions, &asked, &self.writable)
    }

    fn host_wants_end(&mut self) -> bool {
        let mut byte = [0];
        match self.control.read(&mut byte) {
            Ok(1..) => byte == [CANCEL],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => false,
            // The host closed its end, or died.
            Ok(0) | Err(_) => true,
        }
    }

    fn reap(&mut self) -> io::Result<()> {
        sys::take_signals(&self.children)?;
        let (child, ended) = (self.child, &mut self.ended);
        tree::reap(|pid, status| {
            if pid == child {
                *ended = Some(how_it_ended(status));
            }
        })?;
        Ok(())
    }

    /// Takes what the command's process says of its walls, and the descriptor that comes along.
    fn listen(&mut self) -> io::Result<()> {
        let Some(telling) = &self.telling else { return Ok(()) };
        let mut bytes = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut passed = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(&mut bytes)];
        let count = match recvmsg(telling, &mut slices, &mut passed, RecvFlags::CMSG_CLOEXEC) {
            Ok(message) => message.bytes,
            Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for message in passed.drain() {
            if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
                self.questions = descriptors.next();
            }
        }
        if count == 0 {
            self.telling = None;
        }
        self.told.extend_from_slice(bytes.get(..count).unwrap_or_default());
        Ok(())
    }

    /// The report, once everything below is gone, and with it every writer of `telling`.
    fn outcome(&mut self, how: Ended) -> Result<Report, Refusal> {
        while self.telling.is_some() {
            self.listen().map_err(|error| Refusal::helper("the command's process", error))?;
        }
        let mut rest = self.told.as_slice();
        let mut layers = None;
        while !rest.is_empty() {
            match receive(&mut rest).map_err(|error| Refusal::helper("a cut message", error))? {
                Told::Ready(stand) => layers = Some(stand),
                Told::Failed(refusal) => return Err(refusal),
            }
        }
        match (layers, how) {
            (Some(mut layers), _) => {
                layers.enforce(format!("{PIDS}:supervised"));
                layers.enforce(TREE_KILL);
                Ok(Report::Ended { how, layers })
            }
            // Stopped before it began: nothing ran, so no layer had to hold.
            (None, Ended::TimedOut | Ended::Cancelled) => {
                Ok(Report::Ended { how, layers: Default::default() })
            }
            (None, how) => {
                Err(Refusal::Helper(format!("the command's process died early: {how:?}")))
            }
        }
    }
}

/// As the report says it.
pub fn how_it_ended(status: WaitStatus) -> Ended {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Ended::Exited(code),
        (None, Some(signal)) => Ended::Signalled(signal),
        // Neither stops nor continuations are waited for.
        (None, None) => Ended::Signalled(libc::SIGKILL),
    }
}
