//! A broker as the program sees it: started once, given calls, and gone when it is dropped.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, waitpid};

use super::cell::{BROKER_ARGUMENT, GROUP_PREFIX, Owner, give_pipe, pass_on};
use super::groups;
use super::spawn::{Inherited, spawn};
use super::waiting::readable;
use super::wire::{Greeting, ViewSpec, encode, receive, send_all};
use crate::ports::SandboxError;

/// How long it may take to build a view.
const START: Duration = Duration::from_secs(20);

/// How long it may take to end everything.
const GRACE: Duration = Duration::from_secs(5);

/// A running broker.
#[derive(Debug)]
pub struct Broker {
    pid: Pid,
    /// Becomes readable when it ends.
    alive: OwnedFd,
    /// `None` once it is told to end.
    control: Mutex<Option<UnixStream>>,
    /// Who its commands are.
    owner: Owner,
}

impl Broker {
    /// Starts one and waits until its view stands.
    ///
    /// # Errors
    /// When the view cannot be built here.
    pub fn start(helper: &Path, spec: &ViewSpec) -> Result<Self, SandboxError> {
        let message = encode(spec).map_err(|error| SandboxError::BadSpec(error.to_string()))?;
        let (mut broker, greeting) = Self::try_start(helper, &message).map_err(|error| {
            SandboxError::Helper(format!("`{}` cannot be started: {error}", helper.display()))
        })?;
        match greeting {
            Greeting::Ready { user, group } => {
                broker.owner = Owner { user, group };
                Ok(broker)
            }
            Greeting::Refused(refusal) => Err(refusal.into()),
        }
    }

    fn try_start(helper: &Path, message: &[u8]) -> io::Result<(Self, Greeting)> {
        let (mut ours, theirs) = UnixStream::pair()?;
        ours.set_write_timeout(Some(START))?;
        ours.set_read_timeout(Some(START))?;
        let null = || std::fs::File::options().read(true).write(true).open("/dev/null");
        let stdio = [null()?.into(), null()?.into(), null()?.into()];
        let inherited = Inherited { stdio, control: theirs.into() };
        let pid = spawn(helper, Some(BROKER_ARGUMENT), inherited)?;
        let alive = pidfd_open(pid, PidfdFlags::empty())?;
        let mut broker = Self { pid, alive, control: Mutex::new(None), owner: Owner::own() };
        send_all(&ours, message)?;
        let greeting = receive(&mut ours)?;
        broker.control = Mutex::new(Some(ours));
        Ok((broker, greeting))
    }

    /// Whether it can take calls.
    pub fn is_alive(&self) -> bool {
        matches!(readable(&[Some(self.alive.as_fd())], Duration::ZERO).as_deref(), Ok([false]))
    }

    /// Has a cell started for a command with these standard streams; the socket is the call's.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn call(&self, stdio: [OwnedFd; 3]) -> io::Result<UnixStream> {
        for stream in &stdio {
            give_pipe(stream, self.owner)?;
        }
        let (ours, theirs) = UnixStream::pair()?;
        let [stdin, stdout, stderr] = stdio;
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(control) = control.as_ref() else {
            return Err(io::Error::other("the broker is ending"));
        };
        pass_on(control, &[stdin, stdout, stderr, theirs.into()])?;
        Ok(ours)
    }

    /// Kills it, and the kernel kills its cells.
    pub fn kill(&self) {
        if self.is_alive()
            && let Err(error) = kill_process(self.pid, Signal::KILL)
        {
            tracing::warn!("the broker {} cannot be killed: {error}", self.pid);
        }
    }
}

impl Drop for Broker {
    /// It ends when its socket closes, and takes its cells and groups along.
    fn drop(&mut self) {
        drop(self.control.lock().unwrap_or_else(PoisonError::into_inner).take());
        let end = Instant::now() + GRACE;
        while self.is_alive() && Instant::now() < end {
            let left = end.saturating_duration_since(Instant::now());
            if readable(&[Some(self.alive.as_fd())], left).is_err() {
                break;
            }
        }
        let orderly = !self.is_alive();
        self.kill();
        let status = waitpid(Some(self.pid), WaitOptions::empty());
        let ended = matches!(&status, Ok(Some((_, status))) if status.exit_status() == Some(0));
        if !orderly || !ended {
            tracing::debug!("the broker {} ended with {status:?}", self.pid);
            groups::sweep(&format!("{GROUP_PREFIX}{}-{}-", std::process::id(), self.pid));
        }
    }
}
