//! One running cell as the host sees it: starts it, collects output, passes on a request to stop, and
//! knows when everything is gone.
//!
//! A cell of a broker is gone when its first process has reported. Of a cell with a
//! helper of its own, two signs together mean that nothing is left: the supervisor closed the control socket, and
//! the guard, which ends only when it has no descendants, was reaped. The deadline is the
//! supervisor's; the host's own is later and for a helper that somebody stopped or broke.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process, kill_process_group, pidfd_open, waitpid,
};

use super::broker::Broker;
use super::spawn::{Inherited, spawn};
use super::waiting::readable;
use super::wire::{CANCEL, CallSpec, CellSpec, Report, encode, is_whole, receive, send_all};
use crate::ports::{Cancel, SandboxError};
use crate::sandbox::proxy::{Gate, Proxy};

/// How often a request to stop is looked for.
const TICK: Duration = Duration::from_millis(20);

/// What the helper may take, beyond the command's own time, to end the tree and report.
const GRACE: Duration = Duration::from_secs(5);

/// Longer than any command, and short enough for every clock.
const WALL_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

const READ_BYTES: usize = 64 << 10;

/// The reading end of the command's standard output or error.
#[derive(Debug)]
pub struct Output {
    pipe: Option<OwnedFd>,
    bytes: Vec<u8>,
    bytes_max: usize,
    cut: bool,
}

impl Output {
    /// Keeps at most `bytes_max` of what comes; the rest is read and dropped, so that the command
    /// does not hang.
    pub fn new(pipe: OwnedFd, bytes_max: usize) -> Self {
        Self { pipe: Some(pipe), bytes: Vec::new(), bytes_max, cut: false }
    }

    /// What was kept, and whether something was dropped.
    pub fn into_parts(self) -> (Vec<u8>, bool) {
        (self.bytes, self.cut)
    }

    /// Takes what is there. Only to be called when the pipe is readable.
    fn take(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let Some(pipe) = &self.pipe else { return Ok(()) };
        let count = match rustix::io::read(pipe, &mut *buffer) {
            Ok(0) => {
                self.pipe = None;
                return Ok(());
            }
            Ok(count) => count,
            Err(Errno::INTR | Errno::AGAIN) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let room = self.bytes_max.saturating_sub(self.bytes.len()).min(count);
        self.bytes.extend_from_slice(buffer.get(..room).unwrap_or_default());
        self.cut |= room < count;
        Ok(())
    }
}

/// A started cell: a helper of its own, or a call of a broker.
#[derive(Debug)]
pub struct Session {
    /// The helper, where the cell has one of its own.
    guard: Option<Guard>,
    /// The broker that started the cell otherwise.
    broker: Option<Arc<Broker>>,
    /// `None` once the supervisor closed its end.
    control: Option<UnixStream>,
    report: Vec<u8>,
    /// What the cell may ask of the network, until its listening socket is handed over.
    gate: Option<Gate>,
    /// Answers at that socket.
    proxy: Option<Proxy>,
    cancel_sent: bool,
    deadline: Instant,
    forced: bool,
    /// Whether the guard ended otherwise than with nothing left below it.
    guard_failed: bool,
}

/// A helper: its process, and what becomes readable when it ends.
#[derive(Debug)]
struct Guard {
    pid: Pid,
    alive: OwnedFd,
}

impl Session {
    /// Starts `helper` and tells it what to do.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        helper: &Path,
        spec: &CellSpec,
        stdio: [OwnedFd; 3],
    ) -> Result<Self, SandboxError> {
        let message = encode(spec).map_err(|error| SandboxError::BadSpec(error.to_string()))?;
        Self::try_start(helper, &message, stdio, spec.limits.wall_ms).map_err(|error| {
            SandboxError::Helper(format!("`{}` cannot be started: {error}", helper.display()))
        })
    }

    fn try_start(
        helper: &Path,
        message: &[u8],
        stdio: [OwnedFd; 3],
        wall_ms: u64,
    ) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_write_timeout(Some(GRACE))?;
        let pid = spawn(helper, None, Inherited { stdio, control: theirs.into() })?;
        let mut session = Self::new(wall_ms);
        // The guard is our child and not reaped yet: its id cannot mean anybody else.
        session.guard = Some(Guard { pid, alive: pidfd_open(pid, PidfdFlags::empty())? });
        // A helper that is gone already tells why by how it ended, not by this error.
        if let Err(error) = send_all(&ours, message) {
            tracing::debug!("the sandbox helper took no specification: {error}");
        }
        session.control = Some(ours);
        Ok(session)
    }

    /// Has a broker start a cell.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn over(
        broker: Arc<Broker>,
        spec: &CallSpec,
        gate: Option<Gate>,
        stdio: [OwnedFd; 3],
    ) -> Result<Self, SandboxError> {
        let message = encode(spec).map_err(|error| SandboxError::BadSpec(error.to_string()))?;
        let broken = |error: io::Error| SandboxError::Helper(format!("the broker: {error}"));
        let control = broker.call(stdio).map_err(broken)?;
        control.set_write_timeout(Some(GRACE)).map_err(broken)?;
        let mut session = Self::new(spec.limits.wall_ms);
        (session.broker, session.gate) = (Some(broker), gate);
        // A cell that was refused already says why.
        if let Err(error) = send_all(&control, &message) {
            tracing::debug!("the cell took no specification: {error}");
        }
        session.control = Some(control);
        Ok(session)
    }

    fn new(wall_ms: u64) -> Self {
        let wall = Duration::from_millis(wall_ms);
        Self {
            guard: None,
            broker: None,
            control: None,
            report: Vec::new(),
            gate: None,
            proxy: None,
            cancel_sent: false,
            deadline: Instant::now() + wall.min(WALL_MAX) + GRACE,
            forced: false,
            guard_failed: false,
        }
    }

    /// Sees the cell to its end; what its proxy refused comes along.
    ///
    /// # Errors
    /// When the helper broke, or nothing was started.
    pub fn finish(
        mut self,
        outputs: &mut [Output],
        cancel: &Cancel,
    ) -> Result<(Report, Vec<String>), SandboxError> {
        let broken = |error: io::Error| SandboxError::Helper(error.to_string());
        let mut buffer = vec![0; READ_BYTES];
        while self.control.is_some() || self.guard.is_some() {
            self.attend(outputs, &mut buffer).map_err(broken)?;
            if cancel.is_requested() && !self.cancel_sent {
                self.pass_on_cancel();
            }
            if Instant::now() > self.deadline {
                self.force()?;
            }
        }
        drain(outputs, &mut buffer).map_err(broken)?;
        match receive(&mut self.report.as_slice()) {
            Ok(report) if !self.guard_failed => {
                Ok((report, self.proxy.take().map(Proxy::stop).unwrap_or_default()))
            }
            _ => Err(SandboxError::Helper("it was killed, and the command with it".into())),
        }
    }

    /// Waits for one round of news, at most a tick.
    fn attend(&mut self, outputs: &mut [Output], buffer: &mut [u8]) -> io::Result<()> {
        let pipes = outputs.iter().map(|output| output.pipe.as_ref().map(AsFd::as_fd));
        let control = self.control.as_ref().map(AsFd::as_fd);
        let guard = self.guard.as_ref().map(|guard| guard.alive.as_fd());
        let sources: Vec<_> = [control, guard].into_iter().chain(pipes).collect();
        let ready = readable(&sources, TICK)?;
        let mut ready = ready.into_iter();
        if ready.next() == Some(true) {
            self.hear()?;
        }
        if ready.next() == Some(true) {
            self.reap()?;
        }
        for (output, ready) in outputs.iter_mut().zip(ready) {
            if ready {
                output.take(buffer)?;
            }
        }
        Ok(())
    }

    fn hear(&mut self) -> io::Result<()> {
        let Some(control) = &self.control else { return Ok(()) };
        let mut bytes = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut passed = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(&mut bytes)];
        let count = match recvmsg(control, &mut slices, &mut passed, RecvFlags::CMSG_CLOEXEC) {
            Ok(message) => message.bytes,
            Err(Errno::INTR) => return Ok(()),
            // The other side died with our bytes unread.
            Err(Errno::CONNRESET) => 0,
            Err(error) => return Err(error.into()),
        };
        if count == 0 {
            self.control = None;
        }
        for message in passed.drain() {
            if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
                // The byte that it came with says nothing.
                return self.serve(descriptors.next());
            }
        }
        self.report.extend_from_slice(bytes.get(..count).unwrap_or_default());
        // A cell of a broker says nothing more, and nothing of it is left to wait for.
        if self.broker.is_some() && is_whole(&self.report) {
            self.control = None;
        }
        Ok(())
    }

    /// Answers at the socket that came out of the cell.
    fn serve(&mut self, listener: Option<OwnedFd>) -> io::Result<()> {
        if let (Some(listener), Some(gate)) = (listener, self.gate.take()) {
            self.proxy = Some(Proxy::start(listener.into(), gate)?);
        }
        Ok(())
    }

    fn reap(&mut self) -> io::Result<()> {
        let Some(guard) = &self.guard else { return Ok(()) };
        match waitpid(Some(guard.pid), WaitOptions::NOHANG) {
            Ok(None) | Err(Errno::INTR) => Ok(()),
            Ok(Some((_, status))) => {
                self.guard_failed = status.exit_status() != Some(0);
                self.guard = None;
                Ok(())
            }
            // A program that ignores SIGCHLD has its children reaped by the kernel.
            Err(Errno::CHILD) => {
                self.guard = None;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn pass_on_cancel(&mut self) {
        self.cancel_sent = true;
        self.deadline = self.deadline.min(Instant::now() + GRACE);
        let Some(control) = &self.control else { return };
        if let Err(error) = send_all(control, &[CANCEL]) {
            tracing::debug!("the sandbox helper is ending already: {error}");
        }
    }

    /// The helper hangs. A stopped one is woken; then the guard is killed, whereupon the
    /// supervisor ends the tree. A broker is killed, and the kernel ends its cells.
    fn force(&mut self) -> Result<(), SandboxError> {
        if self.forced {
            let who = self.guard.as_ref().map_or("the broker".to_owned(), |g| g.pid.to_string());
            return Err(SandboxError::Helper(format!(
                "process {who} does not end; some of the command may still run"
            )));
        }
        self.forced = true;
        self.deadline = Instant::now() + GRACE;
        self.control = None;
        if let Some(broker) = &self.broker {
            tracing::warn!("a cell hangs: its broker is killed");
            broker.kill();
        }
        if let Some(guard) = &self.guard {
            let woken = kill_process_group(guard.pid, Signal::CONT);
            let killed = kill_process(guard.pid, Signal::KILL);
            tracing::warn!("the sandbox helper hangs: woken {woken:?}, killed {killed:?}");
        }
        Ok(())
    }
}

impl Drop for Session {
    /// Only when something broke: an orphaned helper ends its tree by itself, and is not left as
    /// a zombie.
    fn drop(&mut self) {
        self.control = None;
        let end = Instant::now() + GRACE;
        while self.guard.is_some() && Instant::now() < end {
            let guard = self.guard.as_ref().map(|guard| guard.alive.as_fd());
            if readable(&[guard], TICK).is_err() || self.reap().is_err() {
                return;
            }
        }
    }
}

/// Takes what is still in the pipes. Their writers are gone, so this ends.
fn drain(outputs: &mut [Output], buffer: &mut [u8]) -> io::Result<()> {
    for output in outputs {
        while let Some(pipe) = &output.pipe {
            if readable(&[Some(pipe.as_fd())], Duration::ZERO)? != [true] {
                break;
            }
            output.take(buffer)?;
        }
    }
    Ok(())
}
