//! What host and helper say to each other over the control socket: one specification in, one
//! report out, each a length and JSON. The command line stays empty, because everybody on the
//! machine can read it.
//!
//! After the specification the host may send [`CANCEL`]. When it closes its end, or dies, the
//! tree is killed.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::PathBuf;

use rustix::net::{SendFlags, send};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::layers::Layers;
use crate::contracts::Network;
use crate::ports::SandboxError;

/// Version of this exchange: helper and host must be of one build.
pub const PROTOCOL: u32 = 4;

/// The byte that asks for an early end.
pub const CANCEL: u8 = b'c';

/// Largest message, in bytes: a command line and environment of the kernel's own limit fit.
const MESSAGE_BYTES_MAX: u32 = 16 << 20;

/// Everything a helper needs to build a cell and run a command in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellSpec {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Working directory.
    pub cwd: PathBuf,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// The private directory: readable, writable.
    pub scratch: PathBuf,
    /// System files and directories.
    pub system: Vec<SystemPath>,
    /// Readable, with what is in them.
    pub read: Vec<PathBuf>,
    /// Writable, with what is in them.
    pub write: Vec<PathBuf>,
    /// Read-only although in `write`; need not exist.
    pub protected: Vec<PathBuf>,
    /// Closed although in `read` or `write`; need not exist.
    pub unreadable: Vec<PathBuf>,
    /// Names that the command must not make where they do not exist; kept by answering the calls
    /// that make names.
    #[serde(default)]
    pub sealed: Vec<PathBuf>,
    /// Layers without which the command is not started.
    pub require: Vec<String>,
    /// Layers that are left out as if the machine had none of them.
    pub without: Vec<String>,
    /// Bounds.
    pub limits: CellLimits,
}

/// What a broker needs to know to build the view of its cells; the same for all calls that it serves.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewSpec {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The program that the broker belongs to.
    pub host: u32,
    /// System files and directories.
    pub system: Vec<SystemPath>,
    /// Readable, with what is in them.
    pub read: Vec<PathBuf>,
    /// Writable, with what is in them.
    pub write: Vec<PathBuf>,
    /// Read-only although in `write`; they exist.
    pub frozen: Vec<PathBuf>,
    /// Closed although in `read` or `write`; they exist.
    pub closed: Vec<Closed>,
    /// Names in `write` that must not come into being.
    pub sealed: Vec<PathBuf>,
    /// A working directory that is in no root: it is there, and empty.
    pub bare: Option<PathBuf>,
    /// What kind of network.
    pub network: Network,
    /// Layers without which nothing is started.
    pub require: Vec<String>,
    /// Layers that are left out as if the machine had none of them.
    pub without: Vec<String>,
    /// Bytes of memory that all processes of a cell may take together.
    pub memory_bytes: u64,
    /// Processes and threads of a cell.
    pub pids: u64,
}

impl ViewSpec {
    /// Whether a layer is to be left out.
    pub fn lacks(&self, layer: &str) -> bool {
        self.without.iter().any(|name| name == layer)
    }
}

/// A closed place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is a directory.
    pub is_directory: bool,
}

/// One command for a broker's cell.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallSpec {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Working directory.
    pub cwd: PathBuf,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// Bounds.
    pub limits: CellLimits,
}

/// What a broker says when it was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Greeting {
    /// Its view stands; calls may come.
    Ready {
        /// Who its commands are.
        user: u32,
        /// Their group.
        group: u32,
    },
    /// It could not be built.
    Refused(Refusal),
}

/// A part of the system that every cell sees.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemPath {
    /// Where it is. What does not exist is left out.
    pub path: PathBuf,
    /// What may be done with it.
    pub access: SystemAccess,
}

/// What may be done with a part of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemAccess {
    /// Programs and libraries: read and run.
    Run,
    /// Settings: read.
    Read,
    /// Devices such as `/dev/null`: read and write.
    Device,
}

/// Bounds that the helper holds to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellLimits {
    /// Wall-clock milliseconds.
    pub wall_ms: u64,
    /// CPU milliseconds per process.
    pub cpu_ms: u64,
    /// Address space per process, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
    /// Largest file, in bytes.
    pub file_bytes: u64,
    /// Descriptors per process.
    pub open_files: u64,
}

/// What the helper has to say at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The command ran, and everything it started is gone.
    Ended {
        /// How.
        how: Ended,
        /// What stood around it.
        layers: Layers,
    },
    /// Nothing was started.
    Refused(Refusal),
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// By itself.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
    /// Its time was over.
    TimedOut,
    /// The host asked for it.
    Cancelled,
    /// It had more processes and threads than it may.
    TooManyProcesses,
    /// Its processes took more memory together than they may.
    TooMuchMemory,
}

/// Why nothing was started: [`SandboxError`], which is not data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// A layer could not be built.
    Missing {
        /// Which.
        layer: String,
        /// Why.
        reason: String,
    },
    /// There is no such program.
    NoProgram(String),
    /// The specification cannot be carried out.
    BadSpec(String),
    /// Something else failed.
    Helper(String),
}

impl Refusal {
    /// A layer that failed while it was built.
    pub fn missing(layer: &str, reason: impl std::fmt::Display) -> Self {
        Self::Missing { layer: layer.to_owned(), reason: reason.to_string() }
    }

    /// Something that is no layer and failed.
    pub fn helper(what: &str, reason: impl std::fmt::Display) -> Self {
        Self::Helper(format!("{what}: {reason}"))
    }
}

impl From<Refusal> for SandboxError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Missing { layer, reason } => Self::Missing { layer, reason },
            Refusal::NoProgram(name) => Self::NoProgram(name),
            Refusal::BadSpec(reason) => Self::BadSpec(reason),
            Refusal::Helper(reason) => Self::Helper(reason),
        }
    }
}

/// A message as it goes over the socket.
///
/// # Errors
/// When it cannot be written as JSON, such as a path that is not UTF-8, or is too large.
pub fn encode<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).ok().filter(|length| *length <= MESSAGE_BYTES_MAX);
    let Some(length) = length else {
        return Err(io::Error::other(format!("a message of {} bytes is too large", body.len())));
    };
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend_from_slice(&body);
    Ok(frame)
}

/// The next message.
///
/// # Errors
/// When the other side is gone or says something else.
pub fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > MESSAGE_BYTES_MAX {
        return Err(io::Error::other(format!("a message of {length} bytes is too large")));
    }
    let mut body = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    from.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

/// Whether `bytes` hold a message to its end.
pub fn is_whole(bytes: &[u8]) -> bool {
    bytes.split_first_chunk().is_some_and(|(length, body)| {
        usize::try_from(u32::from_le_bytes(*length)).is_ok_and(|length| body.len() >= length)
    })
}

/// Sends all of `bytes`; a closed other end is an error, never a `SIGPIPE`.
///
/// # Errors
/// When the other side is gone.
pub fn send_all(to: impl AsFd, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match send(&to, rest, SendFlags::NOSIGNAL) {
            Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_as_it_was_sent() {
        let report = Report::Refused(Refusal::missing("landlock", "not there"));
        let frame = encode(&report).unwrap();
        assert_eq!(receive::<Report>(&mut frame.as_slice()).unwrap(), report);
        let whole: Vec<usize> = (0..=frame.len()).filter(|end| is_whole(&frame[..*end])).collect();
        assert_eq!(whole, [frame.len()]);
    }

    #[test]
    fn a_cut_or_oversized_message_is_an_error() {
        let frame = encode(&Report::Refused(Refusal::NoProgram("x".into()))).unwrap();
        assert!(receive::<Report>(&mut &frame[..frame.len() - 1]).is_err());
        let huge = u32::MAX.to_le_bytes();
        assert!(receive::<Report>(&mut huge.as_slice()).unwrap_err().to_string().contains("large"));
    }
}
