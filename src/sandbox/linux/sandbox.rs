//! The port's implementation: a plan, a private directory, a session, a receipt.

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::Errno;
use rustix::net::SocketType;
use rustix::pipe::{PipeFlags, pipe_with};

use super::brokers::{Brokers, required};
use super::cell::PRIVATE;
use super::layers::{self, Layers};
use super::plan::{Plan, system_paths};
use super::probe;
use super::scratch::Scratch;
use super::session::{Output, Session};
use super::wire::{Ended, Report, SystemPath};
use crate::contracts::{Network, Receipt};
use crate::ports::{
    Attached, Cancel, CommandOutput, CommandSpec, Ending, Probe, Sandbox, SandboxError,
};
use crate::sandbox::SandboxOptions;
use crate::sandbox::proxy::Gate;

/// Runs each command in a cell of its own.
#[derive(Debug)]
pub struct LinuxSandbox {
    options: SandboxOptions,
    system: Vec<SystemPath>,
    brokers: Brokers,
    /// Why this machine has no namespaces, once a broker could not make any.
    no_namespaces: Mutex<Option<String>>,
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
        Self {
            options,
            system: system_paths(),
            brokers: Brokers::default(),
            no_namespaces: Mutex::new(None),
        }
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
        let plan = Plan::of(spec)?;
        let Started { session, layers_missing, _scratch } = self.start(&plan, stdio)?;
        let (report, notes) = session.finish(&mut [], cancel)?;
        for note in notes {
            tracing::warn!("{note}");
        }
        finished(report, &spec.confinement.profile, layers_missing)
    }

    /// Starts a cell: with namespaces where they can be had.
    fn start(&self, plan: &Plan<'_>, stdio: [OwnedFd; 3]) -> Result<Started, SandboxError> {
        let gate = self.gate(plan)?;
        let reason = match self.without_namespaces() {
            Some(reason) => reason,
            None => match self.brokers.serve(plan.request(), &self.options, &self.system) {
                Ok(broker) => {
                    let call = plan.call(Path::new(PRIVATE))?;
                    let session = Session::over(broker, &call, gate, stdio)?;
                    return Ok(Started { session, layers_missing: Vec::new(), _scratch: None });
                }
                Err(SandboxError::Missing { layer, reason }) if layer == layers::NAMESPACES => {
                    self.note_no_namespaces(&reason)
                }
                Err(error) => return Err(error),
            },
        };
        if required(&self.options).iter().any(|layer| layer == layers::NAMESPACES) {
            let reason = format!("{reason}{}", layers::ADVICE);
            return Err(SandboxError::Missing { layer: layers::NAMESPACES.into(), reason });
        }
        let scratch = Scratch::new(&self.options.scratch)?;
        let cell = plan.cell(&self.system, &self.options, scratch.path())?;
        let session = Session::start(&self.options.helper, &cell, stdio)?;
        let missing = format!("{}: {reason}", layers::NAMESPACES);
        Ok(Started { session, layers_missing: vec![missing], _scratch: Some(scratch) })
    }

    /// What the proxy of a cell lets through, where it has one.
    fn gate(&self, plan: &Plan<'_>) -> Result<Option<Gate>, SandboxError> {
        let confinement = plan.confinement();
        if confinement.network != Network::Proxy {
            return Ok(None);
        }
        Gate::new(&confinement.hosts, &self.options.allow_addresses)
            .map(Some)
            .map_err(SandboxError::BadSpec)
    }

    /// Why there are no namespaces, once that is known.
    fn without_namespaces(&self) -> Option<String> {
        self.no_namespaces.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_no_namespaces(&self, reason: &str) -> String {
        let mut known = self.no_namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_with(|| reason.to_owned()).clone()
    }
}

/// A cell at work, and what its receipt has to say beside what the cell itself reports.
struct Started {
    session: Session,
    layers_missing: Vec<String>,
    /// The private directory of a cell without a view of its own, kept until that has ended.
    _scratch: Option<Scratch>,
}

impl Sandbox for LinuxSandbox {
    fn probe(&self) -> Probe {
        probe::probe(self)
    }

    fn run(&self, spec: &CommandSpec, cancel: &Cancel) -> Result<CommandOutput, SandboxError> {
        let plan = Plan::of(spec)?;
        let broken = |error: std::io::Error| SandboxError::Helper(error.to_string());
        let bytes_max = usize::try_from(spec.limits.output_bytes).unwrap_or(usize::MAX);
        let (out, out_end) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| broken(e.into()))?;
        let (err, err_end) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| broken(e.into()))?;
        let stdio = [input(&spec.stdin).map_err(broken)?, out_end, err_end];
        let Started { session, layers_missing, _scratch } = self.start(&plan, stdio)?;
        let mut outputs = [Output::new(out, bytes_max), Output::new(err, bytes_max)];
        let (report, notes) = session.finish(&mut outputs, cancel)?;
        let Finished { ending, receipt } =
            finished(report, &spec.confinement.profile, layers_missing)?;
        let [(stdout, out_cut), (stderr, err_cut)] = outputs.map(Output::into_parts);
        let truncated = out_cut || err_cut;
        Ok(CommandOutput { ending, stdout, stderr, truncated, receipt, notes })
    }

    fn attach(
        &self,
        spec: &CommandSpec,
        stdio: [OwnedFd; 3],
        cancel: &Cancel,
    ) -> Result<Attached, SandboxError> {
        let Finished { ending, receipt } = self.run_attached(spec, stdio, cancel)?;
        Ok(Attached { ending, receipt })
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

fn finished(report: Report, profile: &str, missing: Vec<String>) -> Result<Finished, SandboxError> {
    match report {
        Report::Refused(refusal) => Err(refusal.into()),
        Report::Ended { how, mut layers } => {
            layers.missing.extend(missing);
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
        Ended::TooManyProcesses | Ended::TooMuchMemory => Ending::Signalled(libc::SIGKILL),
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
        let finished = finished(report, "p", Vec::new()).unwrap();
        assert_eq!(finished.ending, Ending::Signalled(9));
        assert!(finished.receipt.enforced.contains(&"pids:exceeded".to_owned()));
    }
}
