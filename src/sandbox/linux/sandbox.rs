//! The port's implementation: a plan, a private directory, a session, a receipt.

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::Errno;
use rustix::net::SocketType;
use rustix::pipe::{PipeFlags, pipe_with};

use super::layers::{self, Layers};
use super::plan::{plan, system_paths};
use super::probe;
use super::scratch::Scratch;
use super::session::{Output, Session};
use super::wire::{CellSpec, Ended, Report, SystemPath};
use crate::contracts::Receipt;
use crate::ports::{Cancel, CommandOutput, CommandSpec, Ending, Probe, Sandbox, SandboxError};
use crate::sandbox::SandboxOptions;

/// Runs each command in a cell of its own.
#[derive(Debug)]
pub struct LinuxSandbox {
    options: SandboxOptions,
    system: Vec<SystemPath>,
}

/// How a command ended that had the caller's own standard input and output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub ending: Ending,
    /// Which layers held.
    pub receipt: Receipt,
}

impl LinuxSandbox {
    /// A sandbox; nothing is started yet.
    #[must_use]
    pub fn new(options: SandboxOptions) -> Self {
        Self { options, system: system_paths() }
    }

    /// What it was made with.
    #[must_use]
    pub fn options(&self) -> &SandboxOptions {
        &self.options
    }

    /// Runs a command that reads and writes `stdio` (input, output, error) instead of buffers.
    /// `spec.stdin` and `limits.output_bytes` do not apply.
    ///
    /// # Errors
    /// As [`Sandbox::run`].
    pub fn run_attached(
        &self,
        spec: &CommandSpec,
        stdio: [OwnedFd; 3],
        cancel: &Cancel,
    ) -> Result<Finished, SandboxError> {
        refuse_datagrams(&stdio)?;
        let scratch = Scratch::new(&self.options.scratch)?;
        let cell = self.cell(spec, &scratch)?;
        let report = Session::start(&self.options.helper, &cell, stdio)?.finish(&mut [], cancel)?;
        finished(report, &spec.confinement.profile)
    }

    fn cell(&self, spec: &CommandSpec, scratch: &Scratch) -> Result<CellSpec, SandboxError> {
        plan(spec, &self.system, &self.options.require, scratch.path())
    }
}

impl Sandbox for LinuxSandbox {
    fn probe(&self) -> Probe {
        probe::probe(self)
    }

    fn run(&self, spec: &CommandSpec, cancel: &Cancel) -> Result<CommandOutput, SandboxError> {
        let scratch = Scratch::new(&self.options.scratch)?;
        let cell = self.cell(spec, &scratch)?;
        let broken = |error: std::io::Error| SandboxError::Helper(error.to_string());
        let bytes_max = usize::try_from(spec.limits.output_bytes).unwrap_or(usize::MAX);
        let (out, out_end) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| broken(e.into()))?;
        let (err, err_end) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| broken(e.into()))?;
        let stdio = [input(&spec.stdin).map_err(broken)?, out_end, err_end];
        let session = Session::start(&self.options.helper, &cell, stdio)?;
        let mut outputs = [Output::new(out, bytes_max), Output::new(err, bytes_max)];
        let report = session.finish(&mut outputs, cancel)?;
        let Finished { ending, receipt } = finished(report, &spec.confinement.profile)?;
        let [(stdout, out_cut), (stderr, err_cut)] = outputs.map(Output::into_parts);
        Ok(CommandOutput { ending, stdout, stderr, truncated: out_cut || err_cut, receipt })
    }
}

/// A datagram socket sends to any address that is put into a message, where no filter can look;
/// a command must not be handed one.
fn refuse_datagrams(stdio: &[OwnedFd; 3]) -> Result<(), SandboxError> {
    for descriptor in stdio {
        match rustix::net::sockopt::socket_type(descriptor) {
            Ok(SocketType::STREAM | SocketType::SEQPACKET) | Err(Errno::NOTSOCK) => {}
            found => {
                let reason = format!("standard input or output is a socket ({found:?})");
                return Err(SandboxError::BadSpec(format!("{reason}; use a pipe or a file")));
            }
        }
    }
    Ok(())
}

/// What the command reads: a sealed file in memory that cannot be written through this
/// descriptor. A pipe would have to be fed while output is collected, and would raise `SIGPIPE`
/// in us when the command does not read it.
fn input(bytes: &[u8]) -> std::io::Result<OwnedFd> {
    if bytes.is_empty() {
        return Ok(std::fs::File::open("/dev/null")?.into());
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = rustix::fs::memfd_create("stdin", flags)?;
    let mut file = std::fs::File::from(file);
    file.write_all(bytes)?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    let again = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file.as_fd()));
    let read_only = OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(again, read_only, Mode::empty())?)
}

fn finished(report: Report, profile: &str) -> Result<Finished, SandboxError> {
    match report {
        Report::Refused(refusal) => Err(refusal.into()),
        Report::Ended { how, layers } => {
            Ok(Finished { ending: ending(how), receipt: receipt(profile, how, layers) })
        }
    }
}

fn ending(how: Ended) -> Ending {
    match how {
        Ended::Exited(code) => Ending::Exited(code),
        Ended::Signalled(signal) => Ending::Signalled(signal),
        Ended::TimedOut => Ending::TimedOut,
        Ended::Cancelled => Ending::Cancelled,
        Ended::TooManyProcesses => Ending::Signalled(libc::SIGKILL),
    }
}

fn receipt(profile: &str, how: Ended, layers: Layers) -> Receipt {
    let mut enforced = layers.enforced;
    if how == Ended::TooManyProcesses {
        // The port has no ending of its own for it; without this a plain kill would be a riddle.
        enforced.push(format!("{}:exceeded", layers::PIDS));
    }
    Receipt { profile: profile.to_owned(), enforced, missing: layers.missing }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn input_is_what_was_given_and_cannot_be_changed() {
        let mut file = std::fs::File::from(input(b"hello").unwrap());
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        assert!(file.write_all(b"x").is_err());
        let mut none = std::fs::File::from(input(b"").unwrap());
        assert_eq!(none.read_to_end(&mut Vec::new()).unwrap(), 0);
    }

    #[test]
    fn a_datagram_socket_is_not_handed_over() {
        let null = || OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        let datagram = || OwnedFd::from(std::os::unix::net::UnixDatagram::unbound().unwrap());
        let stream = || OwnedFd::from(std::os::unix::net::UnixStream::pair().unwrap().0);
        assert!(refuse_datagrams(&[null(), stream(), null()]).is_ok());
        assert!(refuse_datagrams(&[null(), null(), datagram()]).is_err());
    }

    #[test]
    fn a_command_with_too_many_processes_was_killed_and_the_receipt_says_why() {
        let report = Report::Ended { how: Ended::TooManyProcesses, layers: Layers::default() };
        let finished = finished(report, "p").unwrap();
        assert_eq!(finished.ending, Ending::Signalled(9));
        assert!(finished.receipt.enforced.contains(&"pids:exceeded".to_owned()));
    }
}
