//! A server that is a program: it lives in a cell of its own, and is spoken to through pipes.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::pipe::{PipeFlags, pipe_with};
use tokio::net::unix::pipe::{Receiver, Sender};

use crate::contracts::{Receipt, ToolError};
use crate::ports::{Cancel, CommandSpec, Limits, Sandbox};
use crate::tools::process::not_started;
use crate::tools::shown::printable;

/// How long a server may live; it is started again when it is needed after that.
const LIFE_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// What is kept of the end of its standard error, in bytes.
const SAID_BYTES_MAX: usize = 4 << 10;
const SAID_CHARS_MAX: usize = 300;

/// A program at work.
pub(super) struct Cell {
    cancel: Cancel,
    ended: Arc<Mutex<Option<String>>>,
    said: Arc<Mutex<Vec<u8>>>,
    /// Which layers held for a command in the same walls.
    pub(super) receipt: Receipt,
}

impl Cell {
    /// Starts the program. Its walls are tried first with a command that does nothing: that says which
    /// layers hold, and what cannot be contained is not started.
    pub(super) fn start(
        sandbox: &Arc<dyn Sandbox>,
        spec: CommandSpec,
    ) -> Result<(Self, Receiver, Sender), ToolError> {
        let receipt = tried(sandbox, &spec)?;
        let broken = |error: std::io::Error| {
            ToolError::new(crate::contracts::ErrorKind::Io, format!("no pipe: {error}"))
        };
        let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|error| broken(error.into()));
        let ((input, to), (from, output), (errors, told)) = (pipe()?, pipe()?, pipe()?);
        let (reader, writer) = (
            Receiver::from_owned_fd(from).map_err(broken)?,
            Sender::from_owned_fd(to).map_err(broken)?,
        );
        let cell = Self {
            cancel: Cancel::default(),
            ended: Arc::default(),
            said: Arc::default(),
            receipt,
        };
        let said = Arc::clone(&cell.said);
        std::thread::spawn(move || keep_end(errors, &said));
        let (cancel, ended, sandbox) =
            (cell.cancel.clone(), Arc::clone(&cell.ended), Arc::clone(sandbox));
        let limits = Limits { wall_ms: LIFE_MS, ..spec.limits };
        let spec = CommandSpec { limits, ..spec };
        std::thread::spawn(move || {
            let how = match sandbox.attach(&spec, [input, output, told], &cancel) {
                Ok(ended) => format!("{:?}", ended.ending).to_lowercase(),
                Err(error) => error.to_string(),
            };
            *ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(how);
        });
        Ok((cell, reader, writer))
    }

    /// How it ended and what it said last, for a person who looks why.
    pub(super) fn story(&self) -> String {
        // The end and the last words come from threads of their own.
        std::thread::sleep(Duration::from_millis(50));
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let said = printable(&String::from_utf8_lossy(&said), SAID_CHARS_MAX);
        let mut story = ended.map_or_else(String::new, |how| format!("; it ended: {how}"));
        if !said.is_empty() {
            story.push_str(&format!("; it said: {said}"));
        }
        story
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        self.cancel.request();
    }
}

fn tried(sandbox: &Arc<dyn Sandbox>, spec: &CommandSpec) -> Result<Receipt, ToolError> {
    const TRY_MS: u64 = 10_000;
    let limits = Limits { wall_ms: TRY_MS, ..spec.limits };
    let nothing = CommandSpec { argv: vec!["true".to_owned()], limits, ..spec.clone() };
    sandbox.run(&nothing, &Cancel::default()).map(|output| output.receipt).map_err(not_started)
}

/// Keeps the last of what the program writes to standard error.
fn keep_end(errors: OwnedFd, said: &Mutex<Vec<u8>>) {
    let mut errors = std::fs::File::from(errors);
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut buffer) {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let over = said.len().saturating_sub(SAID_BYTES_MAX);
        said.drain(..over);
    }
}
